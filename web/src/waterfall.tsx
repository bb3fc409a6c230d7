// Where one logit comes from: the pixels, then the bias of each layer; the bars add up to the logit.

import { useState } from "preact/hooks";

import { decimalsFor, fixed, signed } from "./number";
import { place } from "./legend";
import { parts } from "./readout";
import * as state from "./state";

/** Layers that have a bar of their own at first. */
const FIRST = 14;

export function Waterfall() {
  const [all, setAll] = useState(false);
  const numbers = state.numbers.value;
  const row = state.current.value;
  if (!numbers || !row) return null;
  const sums = parts(row, state.inside.value, numbers);
  const steps: { name: string; value: number; mono: boolean }[] = [];
  const places = `${place()}s`;
  if (state.inside.value) {
    steps.push({ name: `${places} inside the region`, value: sums.inside, mono: false }, { name: `other ${places}`, value: sums.rest, mono: false });
  } else {
    steps.push({ name: places, value: sums.rest, mono: false });
  }
  if (row.layers.length === 0) {
    steps.push({ name: "bias", value: sums.bias, mono: false });
  } else {
    const shift = sums.bias - row.bias;
    if (shift !== 0) steps.push({ name: "preprocessing", value: shift, mono: false });
    const sizes = row.layers.map(({ value }) => Math.abs(value)).sort((a, b) => b - a);
    const least = all || sizes.length <= FIRST ? 0 : sizes[FIRST - 1];
    const small = row.layers.filter(({ value }) => Math.abs(value) < least);
    for (const { layer, value } of row.layers) if (Math.abs(value) >= least) steps.push({ name: layer, value, mono: true });
    if (small.length > 0) steps.push({ name: `${small.length} smaller layers`, value: small.reduce((sum, { value }) => sum + value, 0), mono: false });
  }
  const ends: number[] = [];
  for (const { value } of steps) ends.push((ends.at(-1) ?? 0) + value);
  const total = ends.at(-1) ?? 0;
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const at = (v: number) => (high > low ? (100 * (v - low)) / (high - low) : 0);
  const decimals = decimalsFor([...ends, ...steps.map(({ value }) => value)]);
  const bar = (from: number, to: number, kind: string) => (
    <td class="fall" aria-hidden="true">
      <span class="zero" style={{ left: `${at(0)}%` }} />
      <span class={`span ${kind}`} style={{ left: `${at(Math.min(from, to))}%`, width: `${at(Math.max(from, to)) - at(Math.min(from, to))}%` }} />
    </td>
  );
  return (
    <section class="waterfall" aria-labelledby="waterfall-title">
      <h2 id="waterfall-title">
        Where {row.name} comes from <span class="quiet">{row.layers.length > 0 && `bias of ${row.layers.length} layers`}</span>
      </h2>
      <div class="scroll">
        <table class="bars" id="waterfall">
          <thead class="hidden">
            <tr>
              <th scope="col">Part</th>
              <th scope="col">Bar</th>
              <th scope="col">Value</th>
            </tr>
          </thead>
          <tbody>
            {steps.map(({ name, value, mono }, i) => (
              <tr key={name}>
                <th scope="row" class={mono ? "mono" : ""}>
                  {name}
                </th>
                {bar(ends[i] - value, ends[i], value < 0 ? "cold" : "warm")}
                <td class="n" data-value={value}>
                  {signed(value, decimals)}
                </td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">logit</th>
              {bar(0, total, "total")}
              <td class="n strong" data-value={total}>
                {fixed(total, decimals)}
              </td>
            </tr>
          </tfoot>
        </table>
      </div>
      {row.layers.length > FIRST && (
        <button type="button" class="plain" onClick={() => setAll(!all)}>
          {all ? `Show the ${FIRST} largest` : `Show all ${row.layers.length} layers`}
        </button>
      )}
    </section>
  );
}
