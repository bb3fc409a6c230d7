// The input, the weights and the contributions, side by side or one over the other.

import { useCallback, useMemo } from "preact/hooks";

import { Curve } from "./curve";
import { Legend, place } from "./legend";
import { Map } from "./map";
import { type Scale, entry, table } from "./scale";
import * as state from "./state";

/** The input as people see it: pixel values where they are known, otherwise from the smallest to the largest. */
function usePicture(): (pixels: Uint8ClampedArray) => void {
  const document = state.documentNow.value;
  return useCallback(
    (pixels) => {
      if (!document) return;
      const { x, units, grid } = document;
      const seen = units ? Float64Array.from(x, (v, i) => (v - units.offset[i % grid.channels]) / units.factor[i % grid.channels]) : x;
      let [low, high] = [0, 255];
      if (!units) {
        [low, high] = [Infinity, -Infinity];
        for (const v of seen) [low, high] = [Math.min(low, v), Math.max(high, v)];
      }
      const flipped = units?.channels[0] === "blue";
      for (let p = 0; p < pixels.length / 4; p++) {
        for (let c = 0; c < 3; c++) {
          const channel = grid.channels === 3 ? (flipped ? 2 - c : c) : 0;
          pixels[4 * p + c] = high > low ? (255 * (seen[p * grid.channels + channel] - low)) / (high - low) : 128;
        }
        pixels[4 * p + 3] = 255;
      }
    },
    [document],
  );
}

/** Every number by its colour; three planes are red, green and blue, with mid-grey for zero. */
function heat(pixels: Uint8ClampedArray, planes: Float64Array[], scale: Scale, colours: Uint8ClampedArray): void {
  const t = (v: number) => (scale.limit > 0 ? v / scale.limit : 0);
  for (let p = 0; p < pixels.length / 4; p++) {
    if (planes.length === 3) {
      for (let c = 0; c < 3; c++) pixels[4 * p + c] = 127.5 + 127.5 * Math.min(Math.max(t(planes[c][p]), -1), 1);
    } else {
      const at = entry(t(planes[0]?.[p] ?? 0));
      for (let c = 0; c < 3; c++) pixels[4 * p + c] = colours[at + c];
    }
    pixels[4 * p + 3] = 255;
  }
}

/** The input in dimmed grey, covered the more the larger the number. */
function veil(pixels: Uint8ClampedArray, plane: Float64Array, scale: Scale, colours: Uint8ClampedArray, strength: number): void {
  for (let p = 0; p < pixels.length / 4; p++) {
    const luma = 0.299 * pixels[4 * p] + 0.587 * pixels[4 * p + 1] + 0.114 * pixels[4 * p + 2];
    const t = scale.limit > 0 ? Math.min(Math.max(plane[p] / scale.limit, -1), 1) : 0;
    const at = entry(Math.sign(t) * (0.55 + 0.35 * Math.abs(t)));
    const covered = strength * Math.sqrt(Math.abs(t));
    for (let c = 0; c < 3; c++) pixels[4 * p + c] = colours[at + c] * covered + (64 + 0.6 * luma) * (1 - covered);
  }
}

export function Panels() {
  const document = state.documentNow.value;
  const row = state.current.value;
  const picture = usePicture();
  const colours = table(state.palette.value);
  const [weights, contributions] = [state.weightPlanes.value, state.contributionPlanes.value];
  const [weightScale, contributionScale] = [state.weightScale.value, state.contributionScale.value];
  const strength = state.opacity.value;
  const paintWeights = useCallback((pixels: Uint8ClampedArray) => heat(pixels, weights, weightScale, colours), [weights, weightScale, colours]);
  const paintContributions = useCallback(
    (pixels: Uint8ClampedArray) => heat(pixels, contributions, contributionScale, colours),
    [contributions, contributionScale, colours],
  );
  const over = (plane: Float64Array, scale: Scale) => (pixels: Uint8ClampedArray) => {
    picture(pixels);
    veil(pixels, plane, scale, colours, strength);
  };
  const total = (planes: Float64Array[]) => (planes.length === 1 ? planes[0] : Float64Array.from(planes[0] ?? [], (_, i) => planes.reduce((sum, plane) => sum + plane[i], 0)));
  const overWeights = useMemo(() => over(total(weights), weightScale), [picture, weights, weightScale, colours, strength]);
  const overContributions = useMemo(() => over(total(contributions), contributionScale), [picture, contributions, contributionScale, colours, strength]);
  if (!document || !row) return null;

  const { grid } = document;
  const word = grid.kind === "picture" ? "picture" : grid.kind === "series" ? "signal" : "input";
  const rgb = state.channel.value === "rgb";
  const summed = grid.channels === 1 ? "" : rgb ? ", as red, green and blue" : state.channel.value === "sum" ? `, summed over ${grid.channels} channels` : `, ${channelName(state.channel.value as number)}`;
  const weightUnit = state.pixelUnits.value ? "logit per pixel unit" : "logit per model unit";
  const captions = {
    input: { title: word[0].toUpperCase() + word.slice(1), note: document.input.file },
    weights: { title: "Weights", note: `W${summed}` },
    contributions: { title: "Contributions", note: `W ∘ x${summed}` },
  };
  if (grid.kind !== "picture") {
    const values = state.numbers.value?.values(typeof state.channel.value === "number" ? state.channel.value : "sum") ?? new Float64Array();
    return (
      <div class="curves">
        <Panel {...captions.input}>
          <Curve label={`The input, ${document.input.file}`} values={values} signed={false} />
        </Panel>
        <Panel {...captions.weights} unit={weightUnit}>
          <Curve label={`Weights of ${row.name}`} values={total(weights)} signed />
        </Panel>
        <Panel {...captions.contributions} unit="logit">
          <Curve label={`Contributions to ${row.name}`} values={total(contributions)} signed />
        </Panel>
      </div>
    );
  }
  const shape = { "--ratio": String(grid.width / grid.height) };
  const wide = grid.width >= 3 * grid.height ? " wide" : "";
  const name = row.name.replace(/[^\p{L}\p{N}]+/gu, "-");
  if (state.overlay.value) {
    return (
      <div class={`views over${wide}`} style={shape}>
        <Panel title={captions.weights.title} note={`on the ${word}`}>
          <Map label={`Weights of ${row.name} over the ${word}`} paint={overWeights} file={`overlay-weights-${name}`} />
          <Legend scale={weightScale} unit={weightUnit} rgb={false} />
        </Panel>
        <Panel title={captions.contributions.title} note={`on the ${word}`}>
          <Map label={`Contributions to ${row.name} over the ${word}`} paint={overContributions} file={`overlay-contributions-${name}`} />
          <Legend scale={contributionScale} unit="logit" rgb={false} />
        </Panel>
      </div>
    );
  }
  return (
    <div class={`views${wide}`} style={shape}>
      <Panel {...captions.input}>
        <Map label={`The input, ${document.input.file}`} paint={picture} file="input" />
        <p class="quiet note">
          {grid.width} × {grid.height} {place()}s{document.input.preprocessing && `, preprocessing: ${document.input.preprocessing}`}
        </p>
      </Panel>
      <Panel {...captions.weights}>
        <Map label={`Weights of ${row.name}`} paint={paintWeights} file={`weights-${name}`} />
        <Legend scale={weightScale} unit={weightUnit} rgb={rgb} />
      </Panel>
      <Panel {...captions.contributions}>
        <Map label={`Contributions to ${row.name}`} paint={paintContributions} file={`contributions-${name}`} />
        <Legend scale={contributionScale} unit="logit" rgb={rgb} />
      </Panel>
    </div>
  );
}

export function channelName(c: number): string {
  const document = state.documentNow.value;
  return document?.units?.channels[c] ?? `channel ${c}`;
}

/** Saves the canvas of a figure as it is shown, cells enlarged to whole squares. */
function save(event: Event): void {
  const figure = (event.currentTarget as Element).closest("figure");
  const canvas = figure?.querySelector("canvas");
  if (!canvas) return;
  const factor = Math.max(Math.floor(1024 / Math.max(canvas.width, canvas.height)), 1);
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = figure?.querySelector(".map") ? [canvas.width * factor, canvas.height * factor] : [canvas.width, canvas.height];
  const context = copy.getContext("2d");
  if (!context) return;
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, copy.width, copy.height);
  copy.toBlob((blob) => {
    if (!blob) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${figure?.querySelector<HTMLElement>(".map")?.dataset.file ?? "curve"}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

function Panel(props: { title: string; note: string; unit?: string; children: preact.ComponentChildren }) {
  return (
    <figure>
      <figcaption>
        <span>
          <strong>{props.title}</strong> <span class="quiet">{props.note}{props.unit && `, ${props.unit}`}</span>
        </span>
        <button type="button" class="plain" onClick={save} aria-label={`Save ${props.title.toLowerCase()} as PNG`}>
          PNG
        </button>
      </figcaption>
      {props.children}
    </figure>
  );
}
