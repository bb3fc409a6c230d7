// What is shown and how; most of it is in the address, so that a link shows the same.

import { computed, effect, signal } from "@preact/signals";

import { type Channel, Numbers, type Shown, difference, shown, smoothed } from "./plane";
import { type Region, fromWord, mask, toWord } from "./region";
import { PALETTES, type Palette, scaleOver } from "./scale";
import type { Source } from "./source";
import type { Document, Row } from "./wire";

/** Rows that are held at most; the ones looked at longest ago go first. */
const HELD = 12;

export const documentNow = signal<Document | null>(null);
export const rows = signal<Row[]>([]);
export const pending = signal<{ index: number; stop: () => void } | null>(null);
export const problem = signal<string | null>(null);

export const classA = signal(0);
export const classB = signal<number | null>(null);
export const overlay = signal(false);
export const channel = signal<Channel>("sum");
export const pixelUnits = signal(false);
export const sharedScale = signal(true);
export const smoothing = signal(0);
export const opacity = signal(1);
export const palette = signal<Palette>("red-blue");
export const tool = signal<"point" | "rectangle" | "shape">("rectangle");
export const region = signal<Region | null>(null);
/** The pixel under the pointer, by its place in the grid. */
export const cursor = signal<number | null>(null);

let source: Source | null = null;

export function nameOf(index: number): string {
  return documentNow.value?.labels[index] || `class ${index}`;
}

/** Takes a document, shows the class of the address if it has it, and its first one otherwise. */
export async function show(from: Source, signal?: AbortSignal): Promise<void> {
  const document = await from.document(signal);
  source = from;
  pending.value?.stop();
  rows.value = [];
  cursor.value = null;
  // Before the document is shown: from then on the address follows what is shown.
  readAddress(document);
  documentNow.value = document;
  await Promise.all(document.rows.map(load));
  await choose(classA.value);
  if (classB.value !== null) await load(classB.value);
}

async function load(index: number): Promise<boolean> {
  if (rows.value.some((row) => row.index === index)) return true;
  if (!source) return false;
  const stopper = new AbortController();
  const mine = { index, stop: () => stopper.abort() };
  pending.value = mine;
  try {
    const row = await source.row(index, stopper.signal);
    const others = rows.value.filter((held) => held.index !== index);
    const kept = [classA.value, classB.value, ...(documentNow.value?.rows ?? [])];
    while (others.length >= HELD) {
      const oldest = others.findIndex((held) => !kept.includes(held.index));
      others.splice(Math.max(oldest, 0), 1);
    }
    rows.value = [...others, row];
    problem.value = null;
    return true;
  } catch (error) {
    if (!stopper.signal.aborted) problem.value = error instanceof Error ? error.message : String(error);
    return false;
  } finally {
    if (pending.value === mine) pending.value = null;
  }
}

/** Shows a class once its row is there. */
export async function choose(index: number): Promise<void> {
  if (!(await load(index))) return;
  classA.value = index;
  if (classB.value === index) classB.value = null;
}

/** Shows the class against another one, or alone. */
export async function compare(index: number | null): Promise<void> {
  if (index !== null && (index === classA.value || !(await load(index)))) return;
  classB.value = index;
}

/** The classes whose rows are there, largest logit first. */
export const held = computed(() => [...rows.value].sort((a, b) => b.logit - a.logit || a.index - b.index));

export const numbers = computed(() => documentNow.value && new Numbers(documentNow.value, pixelUnits.value));

const single = (index: number | null): Shown | null => {
  const row = rows.value.find((held) => held.index === index);
  return row ? shown(row, nameOf(row.index)) : null;
};

/** The row of the class, or the difference of the two. */
export const current = computed(() => {
  const [a, b] = [single(classA.value), single(classB.value)];
  return a && b ? difference(a, b) : a;
});

/** Every class of the readout: the chosen ones first, then the others that are held. */
export const compared = computed(() => {
  const first = [classA.value, classB.value];
  const rest = held.value.map((row) => row.index).filter((index) => !first.includes(index));
  const list = [...first, ...rest.slice(0, 4)].map(single).filter((row) => row !== null);
  return classB.value !== null && current.value ? [current.value, ...list] : list;
});

const planes = (row: Shown, of: "weights" | "contributions") => numbers.value?.[of](row, channel.value) ?? new Float64Array();

/** The planes that colours are made of: one, or red, green and blue. */
const coloured = (of: "weights" | "contributions") =>
  computed(() => {
    const [row, counted] = [current.value, numbers.value];
    if (!row || !counted) return [];
    const list = channel.value === "rgb" ? [0, 1, 2].map((c) => counted[of](row, c)) : [counted[of](row, channel.value)];
    return list.map((plane) => smoothed(plane, documentNow.value?.grid.width ?? 1, smoothing.value));
  });

export const weightPlanes = coloured("weights");
export const contributionPlanes = coloured("contributions");

/** Shared: over all classes held, so that equal colours mean equal numbers. Unlocked: over what is shown. */
const scaled = (of: "weights" | "contributions", own: typeof weightPlanes) => {
  const common = computed(() => {
    const counted = numbers.value;
    if (!counted) return scaleOver([]);
    const list = held.value.map((row) => shown(row, ""));
    if (channel.value === "rgb") return scaleOver(list.flatMap((row) => [0, 1, 2].map((c) => counted[of](row, c))));
    return scaleOver(list.map((row) => planes(row, of)));
  });
  return computed(() => (sharedScale.value && classB.value === null && smoothing.value === 0 ? common.value : scaleOver(own.value)));
};

export const weightScale = scaled("weights", weightPlanes);
export const contributionScale = scaled("contributions", contributionPlanes);

/** Which pixels are brushed. */
export const inside = computed(() => {
  const [brushed, document] = [region.value, documentNow.value];
  return brushed && document ? mask(brushed, document.grid.width, document.grid.height) : null;
});

/** Moves to the next or previous class of those that are held. */
export function step(by: number): void {
  const list = held.value.map((row) => row.index);
  if (list.length === 0) return;
  const at = list.indexOf(classA.value);
  void choose(list[(at + by + list.length) % list.length]);
}

function readAddress(document: Document): void {
  const words = new URLSearchParams(location.hash.slice(1));
  const index = (name: string) => {
    const word = words.get(name);
    return word !== null && /^\d+$/.test(word) && Number(word) < document.logits.length ? Number(word) : null;
  };
  const amount = (name: string, most: number, otherwise: number) => {
    const value = Number(words.get(name) ?? otherwise);
    return Number.isFinite(value) ? Math.min(Math.max(value, 0), most) : otherwise;
  };
  classA.value = index("class") ?? document.rows[0] ?? 0;
  classB.value = index("against");
  overlay.value = words.get("view") === "overlay";
  const wanted = words.get("channel") ?? "sum";
  const { channels } = document.grid;
  channel.value = wanted === "rgb" && channels === 3 ? "rgb" : /^\d+$/.test(wanted) && Number(wanted) < channels ? Number(wanted) : "sum";
  pixelUnits.value = words.get("units") === "pixel" && document.units !== null;
  sharedScale.value = words.get("scale") !== "own";
  smoothing.value = amount("smooth", 8, 0);
  opacity.value = amount("opacity", 1, 1);
  const named = words.get("colours") ?? "";
  palette.value = named in PALETTES ? (named as Palette) : "red-blue";
  region.value = fromWord(words.get("region") ?? "");
}

/** Keeps the address true. */
effect(() => {
  const document = documentNow.value;
  if (!document) return;
  globalThis.document.title = document.title;
  const words = new URLSearchParams();
  if (document.model.sha256) words.set("model", document.model.sha256.slice(0, 16));
  if (document.input.sha256) words.set("input", document.input.sha256.slice(0, 16));
  words.set("class", String(classA.value));
  if (classB.value !== null) words.set("against", String(classB.value));
  if (overlay.value) words.set("view", "overlay");
  if (channel.value !== "sum") words.set("channel", String(channel.value));
  if (pixelUnits.value) words.set("units", "pixel");
  if (!sharedScale.value) words.set("scale", "own");
  if (smoothing.value > 0) words.set("smooth", String(smoothing.value));
  if (opacity.value < 1) words.set("opacity", String(opacity.value));
  if (palette.value !== "red-blue") words.set("colours", palette.value);
  if (region.value) words.set("region", toWord(region.value));
  history.replaceState(null, "", `#${words}`);
});
