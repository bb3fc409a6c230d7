// What the page is told: by the report's own script elements, or by the explorer.

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
  /** What the one-layer model says, for all classes. */
  pushed: number[];
  /** Names of the classes; empty where there are none. */
  labels: string[];
  layers: Layer[];
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
  bias_by_layer: { layer: string; value: number }[];
}

/** One row of W. */
export interface Row extends RowHead {
  /** w, in the order of the grid: row, column, channel. */
  weights: Float32Array;
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

export function unpackRow(bytes: ArrayBuffer): Row {
  const [head, weights] = unpack<RowHead>(bytes);
  return { ...head, weights };
}
