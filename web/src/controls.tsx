// What is looked at, and how.

import type { Signal } from "@preact/signals";

import type { Channel } from "./plane";
import { PALETTES } from "./scale";
import { channelName } from "./panels";
import * as state from "./state";

function Choice<T>({ label, value, options }: { label: string; value: Signal<T>; options: [T, string][] }) {
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      {options.map(([option, word]) => (
        <button type="button" key={word} aria-pressed={value.value === option} onClick={() => (value.value = option)}>
          {word}
        </button>
      ))}
    </fieldset>
  );
}

function Slider(props: { label: string; value: Signal<number>; max: number; step: number; text: string }) {
  return (
    <label class="slider">
      {props.label}
      <input
        type="range"
        min="0"
        max={props.max}
        step={props.step}
        value={props.value.value}
        onInput={(event) => (props.value.value = Number(event.currentTarget.value))}
      />
      <output>{props.text}</output>
    </label>
  );
}

export function Controls() {
  const document = state.documentNow.value;
  if (!document) return null;
  const { channels, kind } = document.grid;
  const picture = kind === "picture";
  const list: [Channel, string][] = [["sum", "Sum"]];
  if (channels === 3 && picture) list.push(["rgb", "RGB"]);
  if (channels > 1 && channels <= 4) for (let c = 0; c < channels; c++) list.push([c, channelName(c)]);
  return (
    <div class="controls">
      {picture && <Choice label="View" value={state.overlay} options={[[false, "Side by side"], [true, "Overlay"]]} />}
      {picture && state.overlay.value && (
        <Slider label="Opacity" value={state.opacity} max={1} step={0.05} text={`${Math.round(100 * state.opacity.value)} %`} />
      )}
      {list.length > 1 && <Choice label="Channels" value={state.channel} options={list} />}
      {channels > 4 && (
        <label class="choice">
          <span>Channel</span>
          <select value={String(state.channel.value)} onChange={(e) => (state.channel.value = e.currentTarget.value === "sum" ? "sum" : Number(e.currentTarget.value))}>
            <option value="sum">Sum</option>
            {Array.from({ length: channels }, (_, c) => (
              <option key={c} value={c}>{c}</option>
            ))}
          </select>
        </label>
      )}
      {document.units && <Choice label="Units" value={state.pixelUnits} options={[[false, "Model"], [true, "Pixel"]]} />}
      {picture && !state.unit.value && <Choice label="Scale" value={state.sharedScale} options={[[true, "Shared"], [false, "Own"]]} />}
      {picture && <Choice label="Brush" value={state.tool} options={[["rectangle", "Rectangle"], ["shape", "Free"], ["point", "Off"]]} />}
      {picture && <Choice label="Colours" value={state.palette} options={Object.keys(PALETTES).map((name) => [name, name] as [typeof state.palette.value, string])} />}
      {kind !== "vector" && (
        <Slider label="Smooth" value={state.smoothing} max={8} step={0.5} text={state.smoothing.value ? `σ ${state.smoothing.value}, view only` : "off"} />
      )}
    </div>
  );
}
