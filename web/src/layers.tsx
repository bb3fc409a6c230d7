// The network as a list: every node that depends on the input, and how far its frozen form holds.

import { count } from "./number";
import * as state from "./state";
import type { Layer } from "./wire";

const HOLDS = { everywhere: "linear", region: "exact in a region", input: "exact at this input" };

export function Layers() {
  const document = state.documentNow.value;
  if (!document || document.layers.length === 0) return null;
  const row = state.current.value;
  const share = (layer: Layer) => row?.layers.find((part) => part.layer === layer.node)?.value;
  return (
    <details class="layers" id="layers">
      <summary>
        Layers <span class="quiet">{count(document.layers.length)} nodes on the way from the input to the logits</span>
      </summary>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Node</th>
              <th scope="col">Operator</th>
              <th scope="col">Tensor</th>
              <th scope="col">Shape</th>
              <th scope="col">Holds</th>
              <th scope="col">Rule</th>
              <th scope="col" class="n">
                Part of b
              </th>
            </tr>
          </thead>
          <tbody>
            {document.layers.map((layer) => (
              <tr key={layer.tensor}>
                <th scope="row" class="mono">
                  {layer.node}
                </th>
                <td>{layer.op}</td>
                <td class="mono">{layer.tensor}</td>
                <td class="nowrap">{layer.shape.join(" × ")}</td>
                <td class="nowrap">{HOLDS[layer.validity]}</td>
                <td class="nowrap">{layer.rule}</td>
                <td class="n">{share(layer)?.toPrecision(4).replace("-", "−") ?? ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
