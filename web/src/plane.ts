// From rows of W to planes: one number a pixel. All sums are taken in double precision.

import type { Grid, Part, PixelUnits, Row } from "./wire";

/** What is shown where a pixel has several values: their sum, one of them, or three as red, green and blue. */
export type Channel = "sum" | "rgb" | number;

/** A row of W or the difference of two: what the pictures show. */
export interface Shown {
  name: string;
  /** w, row, column, channel; the row's own single-precision numbers, or their exact difference. */
  weights: Float32Array | Float64Array;
  bias: number;
  logit: number;
  reconstructed: number;
  layers: Part[];
}

/** What the pictures are over: the whole input, or the part of it that a unit depends on. */
export interface Frame {
  grid: Grid;
  units: PixelUnits | null;
  /** The input's numbers there, row, column, channel. */
  x: Float32Array;
  left: number;
  top: number;
}

/** The part of a frame. */
export function cut(frame: Frame, grid: Grid, left: number, top: number): Frame {
  const line = grid.width * grid.channels;
  const x = new Float32Array(grid.height * line);
  for (let row = 0; row < grid.height; row++) {
    const from = ((top + row) * frame.grid.width + left) * grid.channels;
    x.set(frame.x.subarray(from, from + line), row * line);
  }
  return { grid, units: frame.units, x, left, top };
}

/** W_A − W_B: the row whose logit is the margin. */
export function difference(a: Shown, b: Shown): Shown {
  const layers = a.layers.map((part) => ({ ...part }));
  for (const part of b.layers) {
    const same = layers.find(({ layer, stage }) => layer === part.layer && stage === part.stage);
    if (same) same.value -= part.value;
    else layers.push({ ...part, value: -part.value });
  }
  return {
    name: `${a.name} − ${b.name}`,
    weights: Float64Array.from(a.weights, (w, i) => w - b.weights[i]),
    bias: a.bias - b.bias,
    logit: a.logit - b.logit,
    reconstructed: a.reconstructed - b.reconstructed,
    layers,
  };
}

export const shown = (row: Row, name: string): Shown => ({
  name,
  weights: row.weights,
  bias: row.bias,
  logit: row.logit,
  reconstructed: row.reconstructed,
  layers: row.bias_by_layer,
});

/**
 * The numbers of one element i with channel c in the chosen units.
 *
 * Model units: value x, weight w, contribution w x. Pixel units (x = f p + o): value p, weight w f, contribution
 * w f p = w (x − o); what is taken from the pixels, Σ w o, is added to the bias.
 */
export class Numbers {
  readonly channels: number;
  private readonly x: Float32Array;
  private readonly units: PixelUnits | null;

  constructor(frame: Frame, pixel: boolean) {
    this.channels = frame.grid.channels;
    this.x = frame.x;
    this.units = pixel ? frame.units : null;
  }

  value(i: number, c: number): number {
    return this.units ? (this.x[i] - this.units.offset[c]) / this.units.factor[c] : this.x[i];
  }

  weight(row: Shown, i: number, c: number): number {
    return this.units ? row.weights[i] * this.units.factor[c] : row.weights[i];
  }

  contribution(row: Shown, i: number, c: number): number {
    return row.weights[i] * (this.units ? this.x[i] - this.units.offset[c] : this.x[i]);
  }

  /** Σ over the channels of what the pixel gives. */
  gives(row: Shown, pixel: number): number {
    let sum = 0;
    for (let c = 0; c < this.channels; c++) sum += this.contribution(row, pixel * this.channels + c, c);
    return sum;
  }

  bias(row: Shown): number {
    if (!this.units) return row.bias;
    let sum = 0;
    for (let i = 0; i < row.weights.length; i++) sum += row.weights[i] * this.units.offset[i % this.channels];
    return row.bias + sum;
  }

  /** One number a pixel: of one channel, or summed over all. */
  private plane(of: (i: number, c: number) => number, channel: Channel): Float64Array {
    const pixels = this.x.length / this.channels;
    const plane = new Float64Array(pixels);
    for (let pixel = 0; pixel < pixels; pixel++) {
      const first = pixel * this.channels;
      if (typeof channel === "number") {
        plane[pixel] = of(first + channel, channel);
      } else {
        for (let c = 0; c < this.channels; c++) plane[pixel] += of(first + c, c);
      }
    }
    return plane;
  }

  weights(row: Shown, channel: Channel): Float64Array {
    return this.plane((i, c) => this.weight(row, i, c), channel);
  }

  contributions(row: Shown, channel: Channel): Float64Array {
    return this.plane((i, c) => this.contribution(row, i, c), channel);
  }

  values(channel: Channel): Float64Array {
    return this.plane((i, c) => this.value(i, c), channel);
  }
}

/** Gaussian smoothing with edges repeated: for the eye only, no number is taken from it. */
export function smoothed(plane: Float64Array, width: number, sigma: number): Float64Array {
  if (sigma <= 0) return plane;
  const reach = Math.ceil(3 * sigma);
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma * sigma)));
  const whole = kernel.reduce((sum, k) => sum + k, 0);
  const height = plane.length / width;
  const along = (from: Float64Array, count: number, step: number, lines: number, skip: number) => {
    const to = new Float64Array(from.length);
    for (let line = 0; line < lines; line++) {
      for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let k = -reach; k <= reach; k++) {
          sum += kernel[k + reach] * from[line * skip + Math.min(Math.max(i + k, 0), count - 1) * step];
        }
        to[line * skip + i * step] = sum / whole;
      }
    }
    return to;
  };
  return along(along(plane, width, 1, height, width), height, width, width, 1);
}
