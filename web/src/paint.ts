// Numbers as pixels: RGBA, row by row.

import type { Frame } from "./plane";
import { type Scale, entry } from "./scale";

export type Paint = (pixels: Uint8ClampedArray) => void;

/** The input as people see it: pixel values where they are known, otherwise from the smallest of `all` to the largest. */
export function picture({ x, units, grid }: Frame, all: Float32Array): Paint {
  return (pixels) => {
    let [low, high] = [0, 255];
    if (!units) {
      [low, high] = [Infinity, -Infinity];
      for (const v of all) [low, high] = [Math.min(low, v), Math.max(high, v)];
    }
    const flipped = units?.channels[0] === "blue";
    for (let p = 0; p < pixels.length / 4; p++) {
      for (let c = 0; c < 3; c++) {
        const channel = grid.channels === 3 ? (flipped ? 2 - c : c) : 0;
        const v = x[p * grid.channels + channel];
        const seen = units ? (v - units.offset[channel]) / units.factor[channel] : v;
        pixels[4 * p + c] = high > low ? (255 * (seen - low)) / (high - low) : 128;
      }
      pixels[4 * p + 3] = 255;
    }
  };
}

/** Every number by its colour; three planes are red, green and blue, with mid-grey for zero. */
export function heat(planes: ArrayLike<number>[], scale: Scale, colours: Uint8ClampedArray): Paint {
  const t = (v: number) => (scale.limit > 0 ? v / scale.limit : 0);
  return (pixels) => {
    for (let p = 0; p < pixels.length / 4; p++) {
      if (planes.length === 3) {
        for (let c = 0; c < 3; c++) pixels[4 * p + c] = 127.5 + 127.5 * Math.min(Math.max(t(planes[c][p]), -1), 1);
      } else {
        const at = entry(t(planes[0]?.[p] ?? 0));
        for (let c = 0; c < 3; c++) pixels[4 * p + c] = colours[at + c];
      }
      pixels[4 * p + 3] = 255;
    }
  };
}

/** What is painted below in dimmed grey, covered the more the larger the number. */
export function veil(below: Paint, plane: ArrayLike<number>, scale: Scale, colours: Uint8ClampedArray, strength: number): Paint {
  return (pixels) => {
    below(pixels);
    for (let p = 0; p < pixels.length / 4; p++) {
      const luma = 0.299 * pixels[4 * p] + 0.587 * pixels[4 * p + 1] + 0.114 * pixels[4 * p + 2];
      const t = scale.limit > 0 ? Math.min(Math.max(plane[p] / scale.limit, -1), 1) : 0;
      const at = entry(Math.sign(t) * (0.55 + 0.35 * Math.abs(t)));
      const covered = strength * Math.sqrt(Math.abs(t));
      for (let c = 0; c < 3; c++) pixels[4 * p + c] = colours[at + c] * covered + (64 + 0.6 * luma) * (1 - covered);
    }
  };
}

/** A map of few cells, stretched over a grid of pixels. */
export function stretched(values: ArrayLike<number>, [height, width]: [number, number], [rows, columns]: [number, number]): Float64Array {
  const plane = new Float64Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    const from = Math.floor((y * height) / rows) * width;
    for (let x = 0; x < columns; x++) plane[y * columns + x] = values[from + Math.floor((x * width) / columns)];
  }
  return plane;
}
