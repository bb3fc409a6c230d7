// How far the colours reach, and which colours.

import { interpolatePuOr, interpolateRdBu } from "d3-scale-chromatic";

import { count, percent, significant } from "./number";

/** t(v) = clamp(v / limit, −1, 1), limit = 99.5 % quantile of the |v| that are not zero. */
export interface Scale {
  limit: number;
  largest: number;
  clipped: number;
  total: number;
}

/** The scale of one plane, or the one that several share. Values that are not finite are left out. */
export function scaleOver(planes: Float64Array[]): Scale {
  const sizes = new Float64Array(planes.reduce((n, plane) => n + plane.length, 0));
  let total = 0;
  for (const plane of planes) for (const v of plane) if (Number.isFinite(v)) sizes[total++] = Math.abs(v);
  if (total === 0) return { limit: 0, largest: 0, clipped: 0, total };
  const sorted = sizes.subarray(0, total).sort();
  const largest = sorted[total - 1];
  let zeros = 0;
  while (zeros < total && sorted[zeros] === 0) zeros++;
  if (zeros === total) return { limit: 0, largest, clipped: 0, total };
  const limit = sorted[zeros + Math.max(Math.ceil(0.995 * (total - zeros)), 1) - 1];
  let clipped = 0;
  while (clipped < total && sorted[total - 1 - clipped] > limit) clipped++;
  return { limit, largest, clipped, total };
}

/** The sentence about clipping that stands under every legend. */
export function statement(scale: Scale, place: string): string {
  if (scale.limit <= 0) return "All values are zero.";
  if (scale.clipped === 0) return `Not clipped: no ${place} lies beyond.`;
  const share = percent(scale.clipped / scale.total);
  return `Clipped at the 99.5 % quantile of what is not zero: ${share} (${count(scale.clipped)} of ${count(scale.total)}) lie beyond, the largest at ${significant(scale.largest, 3)}.`;
}

/** ColorBrewer's maps that have no red-green pair, turned so that the first colour is positive. */
export const PALETTES = { "red-blue": interpolateRdBu, "orange-purple": (t: number) => interpolatePuOr(1 - t) };
export type Palette = keyof typeof PALETTES;

const STEPS = 256;

/** The colours of t = −1 … 1 in 2 · STEPS + 1 steps: [r, g, b] one after the other. */
const tables = new Map<Palette, Uint8ClampedArray>();

export function table(palette: Palette): Uint8ClampedArray {
  let colours = tables.get(palette);
  if (!colours) {
    colours = new Uint8ClampedArray(3 * (2 * STEPS + 1));
    for (let i = -STEPS; i <= STEPS; i++) {
      const rgb = /(\d+), (\d+), (\d+)/.exec(PALETTES[palette](0.5 - (0.5 * i) / STEPS));
      if (rgb) colours.set([+rgb[1], +rgb[2], +rgb[3]], 3 * (i + STEPS));
    }
    tables.set(palette, colours);
  }
  return colours;
}

/** Where t stands in the table; what is not a number is neutral. */
export const entry = (t: number) => 3 * ((Number.isNaN(t) ? 0 : Math.round(Math.min(Math.max(t, -1), 1) * STEPS)) + STEPS);

/** The colours from −limit to +limit, evenly spaced. */
export function gradientStops(palette: Palette): string[] {
  return Array.from({ length: 17 }, (_, i) => PALETTES[palette](1 - i / 16));
}

/** The map as a CSS gradient from −limit to +limit. */
export function gradient(palette: Palette): string {
  return `linear-gradient(to right, ${gradientStops(palette).join(", ")})`;
}
