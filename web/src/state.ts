// What is shown and how. All numbers that the page tells come out of the values computed here.

import { type ReadonlySignal, computed, signal } from "@preact/signals";

import { type Channel, type Frame, Numbers, type Shown, cut, difference, shown, smoothed } from "./plane";
import { type Region, mask } from "./region";
import { type Palette, type Scale, scaleOver } from "./scale";
import type { Source } from "./source";
import type { Document, Row, Unit } from "./wire";

/** Rows that are held at most; the ones looked at longest ago go first. */
const HELD = 12;

export const source = signal<Source | null>(null);
export const documentNow = signal<Document | null>(null);
export const rows = signal<Row[]>([]);
/** The unit that is looked at instead of a class. */
export const unit = signal<Unit | null>(null);
/** What is being computed for this page. */
export const pending = signal<AbortController[]>([]);
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
/** The pixel under the pointer, by its place in the frame. */
export const cursor = signal<number | null>(null);

export function nameOf(index: number): string {
  return documentNow.value?.labels[index] || `class ${index}`;
}

/** Asks for something that may take long: it can be stopped, and what goes wrong is told. */
export async function ask<T>(of: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
  const stopper = new AbortController();
  pending.value = [...pending.value, stopper];
  try {
    const made = await of(stopper.signal);
    problem.value = null;
    return made;
  } catch (error) {
    if (!stopper.signal.aborted) problem.value = error instanceof Error ? error.message : String(error);
    return null;
  } finally {
    pending.value = pending.value.filter((other) => other !== stopper);
  }
}

/** Gives up what is being computed. */
export function stop(): void {
  for (const stopper of pending.value) stopper.abort();
}

export async function load(index: number): Promise<boolean> {
  const from = source.value;
  if (rows.value.some((row) => row.index === index)) return true;
  if (!from) return false;
  const row = await ask((signal) => from.row(index, signal));
  if (!row || source.value !== from) return false;
  const others = rows.value.filter((held) => held.index !== index);
  const kept = [classA.value, classB.value, ...(documentNow.value?.rows ?? [])];
  while (others.length >= HELD) {
    const oldest = others.findIndex((held) => !kept.includes(held.index));
    others.splice(Math.max(oldest, 0), 1);
  }
  rows.value = [...others, row];
  return true;
}

/** Shows a class once its row is there. */
export async function choose(index: number): Promise<void> {
  if (!(await load(index))) return;
  look(null);
  classA.value = index;
  if (classB.value === index) classB.value = null;
}

/** Shows the class against another one, or alone. */
export async function compare(index: number | null): Promise<void> {
  if (index !== null && (index === classA.value || !(await load(index)))) return;
  classB.value = index;
}

/** Looks at a unit, or at the class again. */
export function look(at: Unit | null): void {
  if (unit.value !== at) [region.value, cursor.value] = [null, null];
  unit.value = at;
}

/** The classes whose rows are there, largest logit first. */
export const held = computed(() => [...rows.value].sort((a, b) => b.logit - a.logit || a.index - b.index));

/** What the pictures are over. */
export const frame = computed((): Frame | null => {
  const [document, at] = [documentNow.value, unit.value];
  if (!document) return null;
  const whole = { grid: document.grid, units: document.units, x: document.x, left: 0, top: 0 };
  return at ? cut(whole, at.grid, at.left, at.top) : whole;
});

export const numbers = computed(() => frame.value && new Numbers(frame.value, pixelUnits.value));

const single = (index: number | null): Shown | null => {
  const row = rows.value.find((held) => held.index === index);
  return row ? shown(row, nameOf(row.index)) : null;
};

/** The row of the unit or the class, or the difference of two classes. */
export const current = computed(() => {
  if (unit.value) return shown(unit.value, `unit ${unit.value.unit.join(",")}`);
  const [a, b] = [single(classA.value), single(classB.value)];
  return a && b ? difference(a, b) : a;
});

/** Every class of the readout: the chosen ones first, then the others that are held. A unit stands alone. */
export const compared = computed(() => {
  if (unit.value) return current.value ? [current.value] : [];
  const first = [classA.value, classB.value];
  const rest = held.value.map((row) => row.index).filter((index) => !first.includes(index));
  const list = [...first, ...rest.slice(0, 4)].map(single).filter((row) => row !== null);
  return classB.value !== null && current.value ? [current.value, ...list] : list;
});

type Quantity = "weights" | "contributions";

/** The planes that colours are made of: one, or red, green and blue. */
const planes = (row: Shown, of: Quantity, counted: Numbers) =>
  (channel.value === "rgb" ? [0, 1, 2] : [channel.value]).map((c) => counted[of](row, c));

const coloured = (of: Quantity) =>
  computed(() => {
    const [row, counted] = [current.value, numbers.value];
    if (!row || !counted) return [];
    return planes(row, of, counted).map((plane) => smoothed(plane, frame.value?.grid.width ?? 1, smoothing.value));
  });

export const weightPlanes = coloured("weights");
export const contributionPlanes = coloured("contributions");

/** Whether the scale is over all classes held, so that equal colours mean equal numbers, or over what is shown. */
const shared = computed(() => sharedScale.value && classB.value === null && smoothing.value === 0 && unit.value === null);
const over = (of: Quantity, counted: Numbers) => scaleOver(held.value.flatMap((row) => planes(shown(row, ""), of, counted)));

const scaled = (of: Quantity, own: ReadonlySignal<Float64Array[]>) => {
  const common = computed(() => (numbers.value ? over(of, numbers.value) : scaleOver([])));
  return computed(() => (shared.value ? common.value : scaleOver(own.value)));
};

export const weightScale = scaled("weights", weightPlanes);
export const contributionScale = scaled("contributions", contributionPlanes);

/** How far the weights' colours reach in the units that are not chosen; null where there are none. */
export const otherScale = computed((): Scale | null => {
  const [at, row, now] = [frame.value, current.value, weightScale.value];
  if (!at?.units || !row) return null;
  const factors = typeof channel.value === "number" ? [at.units.factor[channel.value]] : at.units.factor;
  if (factors.every((factor) => factor === factors[0])) {
    const factor = pixelUnits.value ? 1 / factors[0] : factors[0];
    return { ...now, limit: now.limit * factor, largest: now.largest * factor };
  }
  const other = new Numbers(at, !pixelUnits.value);
  const own = () => planes(row, "weights", other).map((plane) => smoothed(plane, at.grid.width, smoothing.value));
  return shared.value ? over("weights", other) : scaleOver(own());
});

/** Which pixels are brushed. */
export const brushed = computed(() => {
  const [box, at] = [region.value, frame.value];
  return box && at ? mask(box, at.grid.width, at.grid.height) : null;
});

/** Moves to the next or previous class of those that are held. */
export function step(by: number): void {
  const list = held.value.map((row) => row.index);
  if (list.length === 0) return;
  const at = list.indexOf(classA.value);
  void choose(list[(at + by + list.length) % list.length]);
}
