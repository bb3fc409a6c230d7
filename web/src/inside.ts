// What only a source that computes can tell: bias maps of layers, channels of tensors, units.

import { computed, effect, signal, untracked } from "@preact/signals";

import type { Inside } from "./source";
import * as state from "./state";
import type { BiasMap, Channels, Part } from "./wire";

export const inside = computed(() => state.source.value?.inside ?? null);
/** The layer whose bias map is wanted, by its place in the list. */
export const layer = signal<number | null>(null);
/** Its map for the class, or for the margin of two. */
export const biasMap = signal<BiasMap | null>(null);
/** The channels of the tensor that is looked at. */
export const channels = signal<Channels | null>(null);

/** Whether a bar of the waterfall has a map: a layer with places, of a picture. */
export function mapped({ stage }: Part): boolean {
  const document = state.documentNow.value;
  if (!inside.value || stage === null || state.unit.value || document?.grid.kind !== "picture") return false;
  const shape = document.layers[stage]?.shape ?? [];
  return shape.length === 4 && shape[2] * shape[3] > 1;
}

/** The map follows the class: it is asked for anew when another one is shown. */
effect(() => {
  const [from, stage, a, b] = [inside.value, layer.value, state.classA.value, state.classB.value];
  biasMap.value = null;
  if (!from || stage === null || state.unit.value || !state.documentNow.value) return;
  untracked(() => void follow(from, stage, a, b));
});

async function follow(from: Inside, stage: number, a: number, b: number | null): Promise<void> {
  const classes = b === null ? [a] : [a, b];
  const maps = await state.ask((signal) => Promise.all(classes.map((index) => from.biasMap(index, stage, signal))));
  const asked = inside.value === from && layer.value === stage && state.classA.value === a && state.classB.value === b;
  if (!maps || !asked) return;
  const [first, second] = maps;
  biasMap.value = second ? { ...first, share: first.share - second.share, values: first.values.map((v, i) => v - second.values[i]) } : first;
}

/** Shows a tensor's channels from `first` on. */
export async function open(tensor: string, first = 0): Promise<void> {
  const from = inside.value;
  if (!from) return;
  const made = await state.ask((signal) => from.channels(tensor, first, signal));
  if (made && inside.value === from) channels.value = made;
}

/** Shows a unit: one index for each axis, or a channel, which means its strongest place. */
export async function show(tensor: string, unit: string): Promise<void> {
  const from = inside.value;
  if (!from) return;
  const made = await state.ask((signal) => from.unit(tensor, unit, signal));
  if (made && inside.value === from) state.look(made);
}

/** The indices of the element at a place of a channel's map. */
export function indices({ axes, height, width }: Channels, channel: number, y: number, x: number): number[] {
  let element = (channel * height + y) * width + x;
  const at: number[] = [];
  for (const size of [...axes].reverse()) {
    at.unshift(element % size);
    element = Math.floor(element / size);
  }
  return at;
}
