// The input, the weights and the contributions, side by side or one over the other.

import { useMemo } from "preact/hooks";

import { Curve } from "./curve";
import { Legend, place } from "./legend";
import { Map } from "./map";
import { significant } from "./number";
import { heat, picture, veil } from "./paint";
import { saveFigure } from "./png";
import { table } from "./scale";
import * as state from "./state";

/** One plane is itself; red, green and blue are added up. */
const total = (planes: Float64Array[]) =>
  planes.length === 1 ? planes[0] : Float64Array.from(planes[0] ?? [], (_, i) => planes.reduce((sum, plane) => sum + plane[i], 0));

const perUnit = (pixel: boolean) => `${state.unit.value ? "value" : "logit"} per ${pixel ? "pixel" : "model"} unit`;

/** The strongest colour of the weights in the units that are not chosen. */
function alsoWeights(): string | null {
  const other = state.otherScale.value;
  return other && `±${significant(other.limit, 3)} ${perUnit(!state.pixelUnits.value)}`;
}

export function Panels() {
  const document = state.documentNow.value;
  const frame = state.frame.value;
  const row = state.current.value;
  const colours = table(state.palette.value);
  const [weights, contributions] = [state.weightPlanes.value, state.contributionPlanes.value];
  const [weightScale, contributionScale] = [state.weightScale.value, state.contributionScale.value];
  const strength = state.opacity.value;
  const input = useMemo(() => frame && document && picture(frame, document.x), [frame, document]);
  const paintWeights = useMemo(() => heat(weights, weightScale, colours), [weights, weightScale, colours]);
  const paintContributions = useMemo(() => heat(contributions, contributionScale, colours), [contributions, contributionScale, colours]);
  const overWeights = useMemo(() => input && veil(input, total(weights), weightScale, colours, strength), [input, weights, weightScale, colours, strength]);
  const overContributions = useMemo(
    () => input && veil(input, total(contributions), contributionScale, colours, strength),
    [input, contributions, contributionScale, colours, strength],
  );
  if (!document || !frame || !row || !input || !overWeights || !overContributions) return null;

  const { grid, left, top } = frame;
  const word = grid.kind === "picture" ? "picture" : grid.kind === "series" ? "signal" : "input";
  const rgb = state.channel.value === "rgb";
  const summed = grid.channels === 1 ? "" : rgb ? ", as red, green and blue" : state.channel.value === "sum" ? `, summed over ${grid.channels} channels` : `, ${channelName(state.channel.value as number)}`;
  const logit = state.unit.value ? "value" : "logit";
  const weightUnit = perUnit(state.pixelUnits.value);
  const captions = {
    input: { title: word[0].toUpperCase() + word.slice(1), note: document.input.file + (state.unit.value && grid.kind !== "picture" ? `, ${place()}s ${left} to ${left + grid.width - 1}` : "") },
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
        <Panel {...captions.weights} unit={[weightUnit, alsoWeights()].filter(Boolean).join("; ")}>
          <Curve label={`Weights of ${row.name}`} values={total(weights)} signed />
        </Panel>
        <Panel {...captions.contributions} unit={logit}>
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
          <Legend scale={weightScale} unit={weightUnit} also={alsoWeights()} />
        </Panel>
        <Panel title={captions.contributions.title} note={`on the ${word}`}>
          <Map label={`Contributions to ${row.name} over the ${word}`} paint={overContributions} file={`overlay-contributions-${name}`} />
          <Legend scale={contributionScale} unit={logit} />
        </Panel>
      </div>
    );
  }
  const extent = state.unit.value
    ? `Columns ${left} to ${left + grid.width - 1}, rows ${top} to ${top + grid.height - 1} of ${document.grid.width} × ${document.grid.height}`
    : `${grid.width} × ${grid.height} ${place()}s`;
  return (
    <div class={`views${wide}`} style={shape}>
      <Panel {...captions.input}>
        <Map label={`The input, ${document.input.file}`} paint={input} file="input" />
        <p class="quiet note">
          {extent}
          {document.input.preprocessing && `, preprocessing: ${document.input.preprocessing}`}
        </p>
      </Panel>
      <Panel {...captions.weights}>
        <Map label={`Weights of ${row.name}`} paint={paintWeights} file={`weights-${name}`} />
        <Legend scale={weightScale} unit={weightUnit} rgb={rgb} also={alsoWeights()} />
      </Panel>
      <Panel {...captions.contributions}>
        <Map label={`Contributions to ${row.name}`} paint={paintContributions} file={`contributions-${name}`} />
        <Legend scale={contributionScale} unit={logit} rgb={rgb} />
      </Panel>
    </div>
  );
}

export function channelName(c: number): string {
  const document = state.documentNow.value;
  return document?.units?.channels[c] ?? `channel ${c}`;
}

export function Panel(props: { title: string; note: string; unit?: string; children: preact.ComponentChildren }) {
  return (
    <figure>
      <figcaption>
        <span title={props.note}>
          <strong>{props.title}</strong> <span class="quiet">{props.note}{props.unit && `, ${props.unit}`}</span>
        </span>
        <button type="button" class="plain" onClick={(event) => saveFigure(event.currentTarget.closest("figure"))} aria-label={`Save ${props.title.toLowerCase()} as PNG`}>
          PNG
        </button>
      </figcaption>
      {props.children}
    </figure>
  );
}
