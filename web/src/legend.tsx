// The colour bar under a map, in the units that are chosen.

import { significant } from "./number";
import { type Scale, gradient, statement } from "./scale";
import { documentNow, palette } from "./state";

/** What one place of the input is called. */
export function place(): string {
  const kind = documentNow.value?.grid.kind;
  return kind === "picture" ? "pixel" : kind === "series" ? "sample" : "value";
}

interface Props {
  scale: Scale;
  unit: string;
  rgb?: boolean;
  /** What the strongest colour stands for in other units. */
  also?: string | null;
  /** What lies beyond the scale. */
  of?: string;
  /** What the two ends mean. */
  ends?: [string, string];
}

export function Legend({ scale, unit, rgb, also, of = place(), ends = ["against", "for"] }: Props) {
  const limit = significant(scale.limit, 3);
  const bar = rgb ? "linear-gradient(to right, #000, #808080, #fff)" : gradient(palette.value);
  return (
    <div class="legend">
      <div class="bar" style={{ background: bar }} role="img" aria-label={`Colours from minus ${limit} over zero to plus ${limit}`} />
      <div class="ticks">
        <span>−{limit}</span>
        <span>0</span>
        <span>+{limit}</span>
      </div>
      <div class="ticks quiet">
        <span>{ends[0]}</span>
        <span>{unit}</span>
        <span>{ends[1]}</span>
      </div>
      {also && <p class="quiet also">{also}</p>}
      <p class="quiet">{statement(scale, of)}</p>
    </div>
  );
}
