// Where one logit comes from: the pixels, then the bias of each layer; the bars add up to the logit.

import { useState } from "preact/hooks";

import { layer, mapped } from "./inside";
import { place } from "./legend";
import { decimalsFor, fixed, signed } from "./number";
import { saveBars } from "./png";
import { parts } from "./readout";
import * as state from "./state";
import type { Part } from "./wire";

const toggle = ({ stage }: Part) => {
  layer.value = layer.value === stage ? null : stage;
};

/** Layers that have a bar of their own at first. */
const FIRST = 14;

export function Waterfall() {
  const [all, setAll] = useState(false);
  const numbers = state.numbers.value;
  const row = state.current.value;
  if (!numbers || !row) return null;
  const sums = parts(row, state.brushed.value, numbers);
  const steps: { name: string; value: number; part?: Part }[] = [];
  const places = `${place()}s`;
  if (state.brushed.value) {
    steps.push({ name: `${places} inside the region`, value: sums.inside }, { name: `other ${places}`, value: sums.rest });
  } else {
    steps.push({ name: places, value: sums.rest });
  }
  if (row.layers.length === 0) {
    steps.push({ name: "bias", value: sums.bias });
  } else {
    const shift = sums.bias - row.bias;
    if (shift !== 0) steps.push({ name: "preprocessing", value: shift });
    const sizes = row.layers.map(({ value }) => Math.abs(value)).sort((a, b) => b - a);
    const least = all || sizes.length <= FIRST ? 0 : sizes[FIRST - 1];
    const small = row.layers.filter(({ value }) => Math.abs(value) < least);
    for (const part of row.layers) if (Math.abs(part.value) >= least) steps.push({ name: part.layer, value: part.value, part });
    if (small.length > 0) steps.push({ name: `${small.length} smaller layers`, value: small.reduce((sum, { value }) => sum + value, 0) });
  }
  const ends: number[] = [];
  for (const { value } of steps) ends.push((ends.at(-1) ?? 0) + value);
  const total = ends.at(-1) ?? 0;
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const at = (v: number) => (high > low ? (100 * (v - low)) / (high - low) : 0);
  const decimals = decimalsFor([...ends, ...steps.map(({ value }) => value)]);
  const bar = (from: number, to: number, kind: string, click?: () => void) => (
    <td class={click ? "fall able" : "fall"} aria-hidden="true" onClick={click}>
      <span class="zero" style={{ left: `${at(0)}%` }} />
      <span class={`span ${kind}`} style={{ left: `${at(Math.min(from, to))}%`, width: `${at(Math.max(from, to)) - at(Math.min(from, to))}%` }} />
    </td>
  );
  return (
    <section class="waterfall" aria-labelledby="waterfall-title">
      <h2 id="waterfall-title">
        Where {row.name} comes from <span class="quiet">{row.layers.length > 0 && `bias of ${row.layers.length} ${row.layers.length === 1 ? "layer" : "layers"}`}</span>
      </h2>
      <div class="scroll">
        <table class="bars" id="waterfall">
          <colgroup>
            <col class="labels" />
            <col />
            <col class="values" />
          </colgroup>
          <thead class="hidden">
            <tr>
              <th scope="col">Part</th>
              <th scope="col">Bar</th>
              <th scope="col">Value</th>
            </tr>
          </thead>
          <tbody>
            {steps.map(({ name, value, part }, i) => (
              <tr key={part ? part.stage : name} class={part && part.stage !== null && part.stage === layer.value ? "chosen" : ""}>
                <th scope="row" class={part ? "mono" : ""} title={name}>
                  {part && mapped(part) ? (
                    <button type="button" class="plain" aria-pressed={part.stage === layer.value} onClick={() => toggle(part)}>
                      {name}
                    </button>
                  ) : (
                    name
                  )}
                </th>
                {bar(ends[i] - value, ends[i], value < 0 ? "cold" : "warm", part && mapped(part) ? () => toggle(part) : undefined)}
                <td class="n" data-value={value}>
                  {signed(value, decimals)}
                </td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">{state.unit.value ? "value" : state.classB.value === null ? "logit" : "margin"}</th>
              {bar(0, total, "total")}
              <td class="n strong" data-value={total}>
                {fixed(total, decimals)}
              </td>
            </tr>
          </tfoot>
        </table>
      </div>
      <p class="tools">
        {row.layers.some(mapped) && <span class="quiet">Click a layer for its map.</span>}
        <button type="button" class="plain" aria-label="Save the waterfall as PNG" onClick={(event) => saveBars(event.currentTarget.closest("section")?.querySelector("table") ?? null, "waterfall")}>
          PNG
        </button>
        {row.layers.length > FIRST && (
          <button type="button" class="plain" onClick={() => setAll(!all)}>
            {all ? `Show the ${FIRST} largest` : `Show all ${row.layers.length} layers`}
          </button>
        )}
      </p>
    </section>
  );
}
