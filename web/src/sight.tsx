// What a unit sees: where in the input, and whether its one-layer model is the network there.

import { useEffect, useMemo, useRef } from "preact/hooks";

import { count, significant } from "./number";
import { picture } from "./paint";
import * as state from "./state";
import type { Unit } from "./wire";

export function Sight({ unit }: { unit: Unit }) {
  useEffect(() => globalThis.document.getElementById("shown")?.scrollIntoView(), [unit]);
  const document = state.documentNow.value;
  if (!document) return null;
  const { grid } = document;
  const all = grid.width * grid.height * grid.channels;
  return (
    <div class="sight" id="unit" data-unit={unit.unit.join(",")} data-tensor={unit.tensor}>
      {grid.kind === "picture" && <Locator unit={unit} />}
      <div>
        <p class={unit.equivalent ? "good" : "bad"} id="unit-verdict">
          <strong>{unit.equivalent ? "Equivalent" : "NOT equivalent"}</strong> <span class="quiet">{unit.line}</span>
        </p>
        <p class="quiet" data-value={unit.sees}>
          {unit.sees > 0
            ? `It depends on ${count(unit.sees)} of ${count(all)} elements of the input${unit.sees < all ? "; all other weights are zero" : ""}. Difference of this unit: ${significant(unit.reconstructed - unit.logit, 2)}.`
            : "It depends on nothing at this input: masks or lost maxima cut it off, and its value is its bias."}
        </p>
        <p class="links">
          <button type="button" class="plain" onClick={() => globalThis.document.getElementById("channels")?.scrollIntoView()}>
            To its channels
          </button>
          <button type="button" class="plain" id="back" onClick={() => state.look(null)}>
            Back to {state.nameOf(state.classA.value)}
          </button>
        </p>
      </div>
    </div>
  );
}

/** The whole picture, small, with the part that the unit depends on. */
function Locator({ unit }: { unit: Unit }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const document = state.documentNow.value;
  const paint = useMemo(() => document && picture({ ...document, left: 0, top: 0 }, document.x), [document]);
  const { width, height } = document?.grid ?? { width: 1, height: 1 };
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || !paint) return;
    const image = context.createImageData(width, height);
    paint(image.data);
    context.putImageData(image, 0, 0);
  }, [paint, width, height]);
  const box = { x: unit.left, y: unit.top, width: unit.grid.width, height: unit.grid.height };
  return (
    <div class="locator" role="img" aria-label={`The part from column ${unit.left}, row ${unit.top}, ${unit.grid.width} × ${unit.grid.height} pixels`}>
      <canvas ref={canvas} width={width} height={height} />
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        <rect {...box} class="outline under" />
        <rect {...box} class="outline" />
      </svg>
    </div>
  );
}
