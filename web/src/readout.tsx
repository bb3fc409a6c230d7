// The numbers under the pointer, and what the brushed region gives.

import { decimalsFor, fixed, significant, signed } from "./number";
import { place } from "./legend";
import { channelName } from "./panels";
import type { Frame, Numbers, Shown } from "./plane";
import type { Region } from "./region";
import * as state from "./state";

/** The most channels that are told one by one. */
const CHANNELS = 4;

export function Readout() {
  const frame = state.frame.value;
  const numbers = state.numbers.value;
  if (!frame || !numbers) return null;
  return (
    <div class="readout">
      <section aria-labelledby="point">
        <h3 id="point">{state.cursor.value === null ? `Under the pointer` : where(state.cursor.value, frame)}</h3>
        {state.cursor.value === null ? (
          <p class="quiet">Point at a {place()}, or move with Shift and the arrow keys.</p>
        ) : (
          <Point at={state.cursor.value} numbers={numbers} />
        )}
      </section>
      <section aria-labelledby="region">
        <h3 id="region">
          Region{" "}
          {state.region.value && (
            <button type="button" class="plain" onClick={() => (state.region.value = null)}>
              Clear
            </button>
          )}
        </h3>
        <Fields />
        {state.brushed.value ? <Sums inside={state.brushed.value} numbers={numbers} /> : <p class="quiet">Drag to brush, or type where, to add up what is inside.</p>}
      </section>
    </div>
  );
}

function where(at: number, { grid, left, top }: Frame): string {
  if (grid.kind !== "picture") return `${place() === "sample" ? "Sample" : "Value"} ${left + at}`;
  return `Pixel, column ${left + (at % grid.width)}, row ${top + Math.floor(at / grid.width)}`;
}

function Point({ at, numbers }: { at: number; numbers: Numbers }) {
  const list = state.compared.value;
  const channels = numbers.channels;
  const several = channels > 1 && channels <= CHANNELS;
  const each = Array.from({ length: several ? channels : 1 }, (_, c) => c);
  const total = (of: (i: number, c: number) => number) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += of(at * channels + c, c);
    return sum;
  };
  const gives = list.map((row) => numbers.gives(row, at));
  const decimals = Math.min(decimalsFor(gives), 9);
  return (
    <table class="numbers" id="at-point">
      <thead>
        <tr>
          <th scope="col">{state.pixelUnits.value ? "Pixel units" : "Model units"}</th>
          {each.map((c) => (
            <th scope="col" class="n" key={c}>
              {several ? channelName(c) : channels === 1 ? "Number" : `${channels} channels`}
            </th>
          ))}
          <th scope="col" class="n">
            Contribution
          </th>
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">Value x</th>
          {each.map((c) => {
            const value = several || channels === 1 ? numbers.value(at * channels + c, c) : total((i, k) => numbers.value(i, k)) / channels;
            return (
              <td class="n" key={c} data-value={value}>
                {significant(value, 5)}
              </td>
            );
          })}
          <td />
        </tr>
        {list.map((row, i) => (
          <tr key={row.name}>
            <th scope="row">
              <span class="quiet">w of</span> {row.name}
            </th>
            {each.map((c) => {
              const value = several || channels === 1 ? numbers.weight(row, at * channels + c, c) : total((k, d) => numbers.weight(row, k, d));
              return (
                <td class="n" key={c} data-value={value}>
                  {significant(value, 5)}
                </td>
              );
            })}
            <td class="n strong" data-value={gives[i]} data-class={row.name}>
              {signed(gives[i], decimals)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The rectangle as four numbers, for those who do not use a pointer. */
function Fields() {
  const frame = state.frame.value;
  const brushed = state.region.value;
  if (!frame || brushed?.kind === "shape") return <p class="quiet">A free shape; {place()}s count whose centre is inside.</p>;
  const { width, height, kind } = frame.grid;
  const corner = { x: frame.left, y: frame.top, width: 0, height: 0 };
  const value = brushed ?? { x: 0, y: 0, width: 0, height: 0 };
  const set = (name: "x" | "y" | "width" | "height", text: string) => {
    const number = Math.max((Math.floor(Number(text)) || 0) - corner[name], 0);
    const next: Region = { kind: "rectangle", x: value.x, y: value.y, width: value.width || 1, height: value.height || 1, [name]: number };
    const [w, h] = [Math.min(Math.max(next.width, 1), width), Math.min(Math.max(next.height, 1), height)];
    state.region.value = { ...next, width: w, height: h, x: Math.min(next.x, width - w), y: Math.min(next.y, height - h) };
  };
  const field = (name: "x" | "y" | "width" | "height", word: string, most: number) => (
    <label>
      {word}
      <input type="number" min={corner[name]} max={corner[name] + most} value={corner[name] + value[name]} onChange={(event) => set(name, event.currentTarget.value)} />
    </label>
  );
  return (
    <p class="fields">
      {field("x", kind === "picture" ? "column" : "from", width - 1)}
      {kind === "picture" && field("y", "row", height - 1)}
      {field("width", kind === "picture" ? "width" : "length", width)}
      {kind === "picture" && field("height", "height", height)}
    </p>
  );
}

/** What is inside, the rest and the bias of one row; each is a sum of its own. */
export function parts(row: Shown, inside: Uint8Array | null, numbers: Numbers): { inside: number; rest: number; bias: number; total: number } {
  let [within, rest] = [0, 0];
  const pixels = row.weights.length / numbers.channels;
  for (let pixel = 0; pixel < pixels; pixel++) {
    const gives = numbers.gives(row, pixel);
    if (inside?.[pixel]) within += gives;
    else rest += gives;
  }
  const bias = numbers.bias(row);
  return { inside: within, rest, bias, total: within + rest + bias };
}

function Sums({ inside, numbers }: { inside: Uint8Array; numbers: Numbers }) {
  const list = state.compared.value.map((row) => ({ row, ...parts(row, inside, numbers) }));
  const pixels = inside.reduce((sum, one) => sum + one, 0);
  const decimals = decimalsFor(list.flatMap(({ inside, rest, bias, total }) => [inside, rest, bias, total]));
  const cell = (value: number, part: string, name: string) => (
    <td class="n" data-value={value} data-part={part} data-class={name}>
      {fixed(value, decimals)}
    </td>
  );
  return (
    <>
      <table class="numbers" id="in-region">
        <thead>
          <tr>
            <th scope="col">
              {pixels} of {inside.length} {place()}s
            </th>
            <th scope="col" class="n">
              Inside
            </th>
            <th scope="col" class="n">
              + rest
            </th>
            <th scope="col" class="n">
              + bias
            </th>
            <th scope="col" class="n">
              = logit
            </th>
            <th scope="col" class="n">
              Network
            </th>
            <th scope="col" class="n">
              Difference
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map(({ row, inside, rest, bias, total }) => (
            <tr key={row.name}>
              <th scope="row">{row.name}</th>
              {cell(inside, "inside", row.name)}
              {cell(rest, "rest", row.name)}
              {cell(bias, "bias", row.name)}
              {cell(total, "total", row.name)}
              {cell(row.logit, "network", row.name)}
              <td class="n">{significant(total - row.logit, 2)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="quiet note">All channels, added up in double precision over weights in single precision; the difference is what that rounds.</p>
    </>
  );
}
