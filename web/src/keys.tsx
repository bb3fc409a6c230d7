// Keys for those who do not use a pointer.

import { useEffect, useRef } from "preact/hooks";

import * as state from "./state";

const KEYS: [string, string][] = [
  ["← → or ↑ ↓", "previous or next class"],
  ["Shift and an arrow", "move over the pixels"],
  ["b", "overlay or side by side"],
  ["c", "next channel"],
  ["u", "model or pixel units"],
  ["x", "swap the two classes"],
  ["Esc", "clear the region; back from a unit to the class"],
  ["?", "this list"],
];

function walk(dx: number, dy: number): void {
  const grid = state.frame.value?.grid;
  if (!grid) return;
  const at = state.cursor.value ?? Math.floor(grid.height / 2) * grid.width + Math.floor(grid.width / 2);
  const move = state.cursor.value === null ? 0 : 1;
  const x = Math.min(Math.max((at % grid.width) + move * dx, 0), grid.width - 1);
  const y = Math.min(Math.max(Math.floor(at / grid.width) + move * dy, 0), grid.height - 1);
  state.cursor.value = y * grid.width + x;
}

export function Keys() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as Element;
      // The open dialog has its own keys.
      if (dialog.current?.open || event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea")) return;
      const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      const { channels = 1 } = state.frame.value?.grid ?? {};
      if (arrow && event.shiftKey) walk(arrow[0], arrow[1]);
      else if (arrow) state.step(arrow[0] + arrow[1]);
      else if (event.key === "b") state.overlay.value = !state.overlay.value;
      else if (event.key === "c" && channels > 1) {
        const now = state.channel.value;
        state.channel.value = typeof now !== "number" ? 0 : now + 1 < channels ? now + 1 : "sum";
      } else if (event.key === "u" && state.documentNow.value?.units) state.pixelUnits.value = !state.pixelUnits.value;
      else if (event.key === "x" && state.classB.value !== null) {
        [state.classA.value, state.classB.value] = [state.classB.value, state.classA.value];
      } else if (event.key === "Escape") {
        if (state.region.value) state.region.value = null;
        else state.look(null);
      }
      else if (event.key === "?") dialog.current?.showModal();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  return (
    <>
      <button type="button" class="plain" onClick={() => dialog.current?.showModal()}>
        Keys <kbd>?</kbd>
      </button>
      <dialog ref={dialog} id="keys" aria-labelledby="keys-title">
        <h2 id="keys-title">Keys</h2>
        <dl>
          {KEYS.map(([key, does]) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </>
  );
}
