// All logits: what the network says, what the one-layer model says, and how far they are apart.

import { useState } from "preact/hooks";

import { count, decimalsFor, fixed, significant } from "./number";
import * as state from "./state";

type Column = "name" | "logit" | "reconstructed" | "difference";

export function Logits({ any }: { any: boolean }) {
  const [sort, setSort] = useState<{ by: Column; down: boolean }>({ by: "logit", down: true });
  const [search, setSearch] = useState("");
  const [most, setMost] = useState(10);
  const document = state.documentNow.value;
  if (!document) return null;
  const { logits, reconstructed, labels } = document;
  const lines = Array.from(logits, (logit, index) => ({ index, name: state.nameOf(index), logit, reconstructed: reconstructed[index], difference: reconstructed[index] - logit }));
  const wanted = search.trim().toLowerCase();
  const found = lines.filter(({ index, name }) => wanted === "" || name.toLowerCase().includes(wanted) || String(index) === wanted);
  const top = [...found].sort((a, b) => b.logit - a.logit || a.index - b.index).slice(0, most);
  top.sort((a, b) => {
    const order = sort.by === "name" ? a.name.localeCompare(b.name, "en", { numeric: true }) : a[sort.by] - b[sort.by];
    return (sort.down ? -order : order) || a.index - b.index;
  });
  const decimals = decimalsFor(logits);
  const held = state.held.value.map((row) => row.index);
  const header = (by: Column, word: string) => (
    <th scope="col" class={by === "name" ? "" : "n"} aria-sort={sort.by === by ? (sort.down ? "descending" : "ascending") : "none"}>
      <button type="button" class="plain" onClick={() => setSort({ by, down: sort.by === by ? !sort.down : by !== "name" })}>
        {word}
        <span aria-hidden="true">{sort.by === by ? (sort.down ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
  return (
    <section class="logits" aria-labelledby="logits-title">
      <h2 id="logits-title">Logits</h2>
      <div class="tools">
        <label>
          Search <input type="search" id="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} placeholder={labels.length ? "label or index" : "index"} />
        </label>
        <label>
          Show{" "}
          <select value={String(most)} onChange={(event) => setMost(Number(event.currentTarget.value))}>
            <option value="5">top 5</option>
            <option value="10">top 10</option>
            <option value="100">top 100</option>
            <option value={String(logits.length)}>all {count(logits.length)}</option>
          </select>
        </label>
      </div>
      <div class="scroll">
        <table id="logits">
          <thead>
            <tr>
              {header("name", "Class")}
              {header("logit", "Network")}
              {header("reconstructed", "One layer")}
              {header("difference", "Difference")}
              <th scope="col">
                <span class="hidden">Compare</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {top.map((line) => {
              const able = any || held.includes(line.index);
              return (
                <tr key={line.index} class={line.index === state.classA.value ? "chosen" : ""} data-class={line.index}>
                  <th scope="row">
                    {able ? (
                      <button type="button" class="plain name" onClick={() => void state.choose(line.index)} aria-current={line.index === state.classA.value}>
                        {line.name}
                      </button>
                    ) : (
                      line.name
                    )}
                    {labels.length > 0 && <span class="quiet"> {line.index}</span>}
                  </th>
                  <td class="n" data-value={line.logit}>
                    {fixed(line.logit, decimals)}
                  </td>
                  <td class="n" data-value={line.reconstructed}>
                    {fixed(line.reconstructed, decimals)}
                  </td>
                  <td class="n" data-value={line.difference}>
                    {significant(line.difference, 2)}
                  </td>
                  <td class="n">
                    {able && line.index !== state.classA.value && (
                      <button
                        type="button"
                        class="plain"
                        aria-pressed={line.index === state.classB.value}
                        aria-label={`Show ${state.nameOf(state.classA.value)} against ${line.name}`}
                        onClick={() => void state.compare(line.index === state.classB.value ? null : line.index)}
                      >
                        {line.index === state.classB.value ? "stop" : "against"}
                      </button>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p class="quiet note">
        {count(top.length)} of {count(logits.length)} shown.
        {!any && held.length < logits.length && ` This page holds the weights of ${count(held.length)}; netfold explore computes any.`}
      </p>
    </section>
  );
}
