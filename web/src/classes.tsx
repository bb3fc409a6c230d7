// The classes that are held as tabs, the one that is compared, and the sum of the one that is shown.

import { decimalsFor, fixed, significant } from "./number";
import { place } from "./legend";
import { Sight } from "./sight";
import * as state from "./state";

export function Classes() {
  const document = state.documentNow.value;
  const row = state.current.value;
  const numbers = state.numbers.value;
  if (!document || !row || !numbers) return null;
  const list = state.held.value;
  const decimals = decimalsFor(list.flatMap((held) => [held.logit, held.bias]));
  const bias = numbers.bias(row);
  const num = (value: number, id: string) => (
    <b id={id} data-value={value}>
      {fixed(value, decimals)}
    </b>
  );
  const unit = state.unit.value;
  const compared = state.classB.value !== null && !unit;
  return (
    <>
      <div class="tabs-row">
        <div class="tabs" role="group" aria-label="Class">
          {list.map((held) => (
            <button type="button" key={held.index} aria-pressed={held.index === state.classA.value && !unit} onClick={() => void state.choose(held.index)}>
              <span>{state.nameOf(held.index)}</span> <span class="quiet">{significant(held.logit, 4)}</span>
            </button>
          ))}
        </div>
        <label class="against" hidden={unit !== null}>
          against{" "}
          <select
            id="against"
            value={String(state.classB.value ?? "")}
            onChange={(event) => void state.compare(event.currentTarget.value === "" ? null : Number(event.currentTarget.value))}
          >
            <option value="">no other class</option>
            {list
              .filter((held) => held.index !== state.classA.value)
              .map((held) => (
                <option key={held.index} value={held.index}>
                  {state.nameOf(held.index)}
                </option>
              ))}
          </select>
        </label>
      </div>
      <div class="class-head">
        <h2 id="shown" aria-live="polite">
          {row.name} {unit && <span class="quiet mono">{unit.tensor}</span>}
          {!compared && !unit && document.labels.length > 0 && <span class="quiet">class {state.classA.value}</span>}
          {compared && <span class="quiet">margin</span>}
        </h2>
        <p class="sum">
          <span>
            {num(row.reconstructed - bias, "sum-pixels")}
            <i>{place()}s</i>
          </span>
          <span class="op">{bias < 0 ? "−" : "+"}</span>
          <span>
            <b id="sum-bias" data-value={bias}>
              {fixed(Math.abs(bias), decimals)}
            </b>
            <i>bias</i>
          </span>
          <span class="op">=</span>
          <span>
            {num(row.reconstructed, "sum-one-layer")}
            <i>one layer</i>
          </span>
          <span class="op">{(unit ?? document).equivalent ? "≈" : "≠"}</span>
          <span>
            {num(row.logit, "sum-network")}
            <i>network</i>
          </span>
        </p>
      </div>
      {unit && <Sight unit={unit} />}
    </>
  );
}
