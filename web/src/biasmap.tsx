// What one layer gives to a logit, place by place, laid over the picture.

import { useEffect, useMemo, useRef } from "preact/hooks";

import { biasMap, layer } from "./inside";
import { Legend } from "./legend";
import { Map } from "./map";
import { significant, signed } from "./number";
import { picture, stretched, veil } from "./paint";
import { Panel } from "./panels";
import { scaleOver, table } from "./scale";
import * as state from "./state";

export function BiasMap() {
  const box = useRef<HTMLDivElement>(null);
  const map = biasMap.value;
  const document = state.documentNow.value;
  const frame = state.frame.value;
  const colours = table(state.palette.value);
  const strength = state.opacity.value;
  const scale = useMemo(() => scaleOver(map ? [Float64Array.from(map.values)] : []), [map]);
  const paint = useMemo(() => {
    if (!map || !frame || !document) return null;
    const { height, width } = frame.grid;
    const plane = stretched(map.values, [map.height, map.width], [height, width]);
    return veil(picture(frame, document.x), plane, scale, colours, strength);
  }, [map, frame, document, scale, colours, strength]);
  useEffect(() => box.current?.scrollIntoView({ block: "nearest" }), [map]);
  if (!map || !frame || !document || !paint) return null;
  const { width, height } = frame.grid;
  const [across, down] = [width / map.width, height / map.height].map((size) => significant(size, 2));
  return (
    <div class="bias-map" id="bias-map" ref={box} data-layer={map.layer} style={{ "--ratio": String(width / height) }}>
      <Panel title="Bias map" note={`${map.layer}, ${map.height} × ${map.width} places on the picture`}>
        <Map label={`What each place of ${map.layer} gives to ${state.current.value?.name}, over the picture`} paint={paint} file="bias-map" />
        <Legend scale={scale} unit={state.classB.value === null ? "logit" : "margin"} of="place" />
      </Panel>
      <div>
        <p>
          All places together give <b data-value={map.share} id="bias-share">{signed(map.share, 6)}</b>, as the bar says.
        </p>
        <p class="quiet">
          The sum over the layer's channels of its offset times the {state.classB.value === null ? "logit" : "margin"}'s slope there. A place stands for about {across} × {down} pixels.
        </p>
        <Place map={map} />
        <button type="button" class="plain" onClick={() => (layer.value = null)}>
          Close
        </button>
      </div>
    </div>
  );
}

function Place({ map }: { map: NonNullable<typeof biasMap.value> }) {
  const grid = state.frame.value?.grid;
  const at = state.cursor.value;
  if (!grid || at === null) return <p class="quiet">Point at the map for the share of one place.</p>;
  const row = Math.floor((Math.floor(at / grid.width) * map.height) / grid.height);
  const column = Math.floor(((at % grid.width) * map.width) / grid.width);
  const value = map.values[row * map.width + column];
  return (
    <p>
      Place column {column}, row {row}: <b id="bias-place" data-value={value}>{significant(value, 4)}</b>
    </p>
  );
}
