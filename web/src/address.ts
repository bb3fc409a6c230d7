// The address holds what is shown, so that a link shows the same.

import { batch, effect } from "@preact/signals";

import * as inside from "./inside";
import { fromWord, toWord } from "./region";
import { PALETTES, type Palette } from "./scale";
import type { Source } from "./source";
import * as state from "./state";
import type { Document } from "./wire";

/** Characters of a hash that a link holds. */
const HASH = 16;

/** Takes a document, shows the class of the address if it has it, and its first one otherwise. */
export async function show(from: Source, signal?: AbortSignal): Promise<void> {
  const document = await from.document(signal);
  state.stop();
  const words = new URLSearchParams(location.hash.slice(1));
  // At once: from the moment that the document is there the address follows what is shown.
  batch(() => {
    state.source.value = from;
    state.rows.value = [];
    state.look(null);
    inside.channels.value = null;
    state.cursor.value = null;
    read(words, document);
    state.documentNow.value = document;
  });
  await Promise.all(document.rows.map(state.load));
  await state.choose(state.classA.value);
  if (state.classB.value !== null) await state.load(state.classB.value);
  const [tensor, unit] = [words.get("tensor"), words.get("unit")];
  if (!tensor || words.get("model") !== document.model.sha256.slice(0, HASH) || state.source.value !== from) return;
  await inside.open(tensor, natural(words, "first") ?? 0);
  if (!unit || state.source.value !== from) return;
  await inside.show(tensor, unit);
  state.region.value = fromWord(words.get("region") ?? "");
}

function natural(words: URLSearchParams, name: string): number | null {
  const word = words.get(name) ?? "";
  return /^\d{1,9}$/.test(word) ? Number(word) : null;
}

function read(words: URLSearchParams, document: Document): void {
  const below = (name: string, end: number) => {
    const index = natural(words, name);
    return index !== null && index < end ? index : null;
  };
  const amount = (name: string, most: number, otherwise: number) => {
    const value = Number(words.get(name) ?? otherwise);
    return Number.isFinite(value) ? Math.min(Math.max(value, 0), most) : otherwise;
  };
  state.classA.value = below("class", document.logits.length) ?? document.rows[0] ?? 0;
  state.classB.value = below("against", document.logits.length);
  if (state.classB.value === state.classA.value) state.classB.value = null;
  const same = words.get("model") === document.model.sha256.slice(0, HASH);
  inside.layer.value = same ? below("bias", document.layers.length) : null;
  state.overlay.value = words.get("view") === "overlay";
  const { channels } = document.grid;
  state.channel.value = words.get("channel") === "rgb" && channels === 3 ? "rgb" : (below("channel", channels) ?? "sum");
  state.pixelUnits.value = words.get("units") === "pixel" && document.units !== null;
  state.sharedScale.value = words.get("scale") !== "own";
  state.smoothing.value = amount("smooth", 8, 0);
  state.opacity.value = amount("opacity", 1, 1);
  const named = words.get("colours") ?? "";
  state.palette.value = named in PALETTES ? (named as Palette) : "red-blue";
  state.region.value = fromWord(words.get("region") ?? "");
}

/** Keeps the address true. */
effect(() => {
  const document = state.documentNow.value;
  if (!document) return;
  globalThis.document.title = document.title;
  const words = new URLSearchParams();
  const set = (name: string, value: string | number | null | false | undefined) => {
    if (value !== null && value !== false && value !== undefined && value !== "") words.set(name, String(value));
  };
  set("model", document.model.sha256.slice(0, HASH));
  set("input", document.input.sha256.slice(0, HASH));
  set("class", state.classA.value);
  set("against", state.classB.value);
  set("view", state.overlay.value && "overlay");
  set("channel", state.channel.value !== "sum" && state.channel.value);
  set("units", state.pixelUnits.value && "pixel");
  set("scale", !state.sharedScale.value && "own");
  set("smooth", state.smoothing.value > 0 && state.smoothing.value);
  set("opacity", state.opacity.value < 1 && state.opacity.value);
  set("colours", state.palette.value !== "red-blue" && state.palette.value);
  set("bias", inside.layer.value);
  set("tensor", state.unit.value?.tensor ?? inside.channels.value?.tensor);
  set("first", (inside.channels.value?.first ?? 0) > 0 && inside.channels.value?.first);
  set("unit", state.unit.value?.unit.join(","));
  set("region", state.region.value && toWord(state.region.value));
  history.replaceState(null, "", `#${words}`);
});
