// The network as a list: every node that depends on the input, and how far its frozen form holds.

import { useEffect, useRef } from "preact/hooks";

import { ChannelMaps } from "./channels";
import { channels, inside, open } from "./inside";
import { count, fixed } from "./number";
import * as state from "./state";
import type { Layer } from "./wire";

const HOLDS = { everywhere: "linear", region: "exact in a region", input: "exact at this input" };

export function Layers() {
  const details = useRef<HTMLDetailsElement>(null);
  const tensor = channels.value?.tensor;
  useEffect(() => {
    if (tensor && details.current) details.current.open = true;
  }, [tensor]);
  const document = state.documentNow.value;
  if (!document || document.layers.length === 0) return null;
  const shares = new Map(state.current.value && !state.unit.value ? state.current.value.layers.map((part) => [part.stage, part.value]) : []);
  const able = inside.value !== null;
  const name = (layer: Layer) =>
    able ? (
      <button type="button" class="plain" aria-current={layer.tensor === tensor} onClick={() => void open(layer.tensor)}>
        {layer.tensor}
      </button>
    ) : (
      layer.tensor
    );
  return (
    <details class="layers" id="layers" ref={details}>
      <summary>
        Layers <span class="quiet">{count(document.layers.length)} tensors on the way from the input to the logits</span>
      </summary>
      {able && <p class="quiet note">Click a tensor for its channels.</p>}
      <div class={tensor ? "scroll short" : "scroll"} tabIndex={0} role="group" aria-label="List of tensors">
        <table>
          <thead>
            <tr>
              <th scope="col">Tensor</th>
              <th scope="col">Shape</th>
              <th scope="col">Operator</th>
              <th scope="col">Node</th>
              <th scope="col">Holds</th>
              <th scope="col">Rule</th>
              <th scope="col" class="n">
                Part of b
              </th>
            </tr>
          </thead>
          <tbody>
            {document.layers.map((layer, stage) => (
              <tr key={layer.tensor} class={layer.tensor === tensor ? "chosen" : ""}>
                <th scope="row" class="mono">
                  {name(layer)}
                </th>
                <td class="nowrap">{layer.shape.join(" × ")}</td>
                <td>{layer.op}</td>
                <td class="mono">{layer.node}</td>
                <td class="nowrap">{HOLDS[layer.validity]}</td>
                <td class="nowrap">{layer.rule}</td>
                <td class="n">{shares.has(stage) ? fixed(shares.get(stage) ?? 0, 6) : ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {document.held.length > 0 && (
        <p class="quiet note">
          Held constant, because they lead to gates alone: <span class="mono">{document.held.join(", ")}</span>
        </p>
      )}
      <ChannelMaps />
    </details>
  );
}
