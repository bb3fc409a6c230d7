// What the page is told: by the report's own script elements, or by the explorer.

import type { Scale } from "./scale";

/** How the input is laid out; a signal or a list has one row. */
export interface Grid {
  kind: "picture" | "series" | "vector";
  height: number;
  width: number;
  channels: number;
}

/** x = factor[c] · p + offset[c]: the model's numbers x out of pixel values p (0 to 255), channel by channel. */
export interface PixelUnits {
  factor: number[];
  offset: number[];
  channels: string[];
}

/** A named value with a quiet remark. */
export interface Fact {
  name: string;
  value: string;
  note: string;
}

/** One node of the frozen network. */
export interface Layer {
  node: string;
  tensor: string;
  op: string;
  shape: number[];
  validity: "everywhere" | "region" | "input";
  rule: string;
}

/** One reconstruction, without its rows. */
export interface Document {
  title: string;
  grid: Grid;
  units: PixelUnits | null;
  model: { file: string; sha256: string };
  input: { file: string; sha256: string; preprocessing: string };
  /** What the network says, for all classes. */
  logits: number[];
  /** What the one-layer model says, for all classes: as its row tells, where that was computed. */
  reconstructed: number[];
  /** Names of the classes; empty where there are none. */
  labels: string[];
  layers: Layer[];
  /** The nodes that reach the logits only through what is held constant. */
  held: string[];
  /** Whether the one-layer model is the network, as a sentence and in one line. */
  equivalent: boolean;
  verdict: string;
  line: string;
  facts: Fact[];
  times: Fact[];
  hashes: Fact[];
  /** The classes whose rows come with the page, most important first. */
  rows: number[];
  /** The model's input, in the order of the grid: row, column, channel. */
  x: Float32Array;
}

/** The numbers of one row beside its weights. */
export interface RowHead {
  index: number;
  /** f(x). */
  logit: number;
  /** ⟨w, x⟩ + b as the library summed it. */
  reconstructed: number;
  bias: number;
  /** The share of each layer in b; empty where it was not computed. */
  bias_by_layer: Part[];
}

/** The share of one layer in b; `stage` is its place in the list of layers, null for what is no layer. */
export interface Part {
  layer: string;
  stage: number | null;
  value: number;
}

/** One row of W. */
export interface Row extends RowHead {
  /** w, in the order of the grid: row, column, channel. */
  weights: Float32Array;
}

/** The row of an inner unit, over the part of the input that it depends on; what a class calls logit is its value. */
export interface Unit extends Row {
  tensor: string;
  /** One index for each axis of the tensor. */
  unit: number[];
  grid: Grid;
  /** Where the part begins in the input. */
  left: number;
  top: number;
  /** How many elements of the input the unit depends on. */
  sees: number;
  equivalent: boolean;
  line: string;
}

/** Some channels of an inner tensor: what the network gives there. */
export interface Channels {
  tensor: string;
  shape: number[];
  /** The axes that a unit has an index for; the last two are a channel's map. */
  axes: number[];
  channels: number;
  height: number;
  width: number;
  /** The first channel that is here, and how many come at a time. */
  first: number;
  page: number;
  /** Over all channels. */
  scale: Scale;
  values: Float32Array;
}

/** A layer's share of b, place by place, summed over its channels. */
export interface BiasMap {
  layer: string;
  height: number;
  width: number;
  /** The sum. */
  share: number;
  values: Float32Array;
}

/** JSON and numbers in one piece: u32 length of the JSON, the JSON padded to four bytes, float32; little-endian. */
export function unpack<T>(bytes: ArrayBuffer): [T, Float32Array] {
  const length = new DataView(bytes).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length))) as T;
  return [head, new Float32Array(bytes, 4 + length)];
}

export function unpackDocument(bytes: ArrayBuffer): Document {
  const [head, x] = unpack<Omit<Document, "x">>(bytes);
  return { ...head, x };
}

export function unpackRow<T extends Row>(bytes: ArrayBuffer): T {
  const [head, weights] = unpack<RowHead>(bytes);
  return { ...head, weights } as T;
}

export function unpackMaps<T extends Channels | BiasMap>(bytes: ArrayBuffer): T {
  const [head, values] = unpack<Omit<T, "values">>(bytes);
  return { ...head, values } as T;
}
