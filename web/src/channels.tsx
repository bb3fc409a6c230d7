// The channels of an inner tensor as small maps; a place in one is a unit.

import { useEffect, useRef, useState } from "preact/hooks";

import { channels, indices, open, show } from "./inside";
import { Legend } from "./legend";
import { count, significant } from "./number";
import { heat } from "./paint";
import { saveSheet } from "./png";
import { table } from "./scale";
import * as state from "./state";
import type { Channels } from "./wire";

export function ChannelMaps() {
  const [at, setAt] = useState<{ unit: number[]; value: number } | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const tensor = channels.value;
  useEffect(() => setAt(null), [tensor]);
  if (!tensor) return null;
  const { first, page, height, width } = tensor;
  const places = height * width;
  const number = tensor.values.length / places;
  const last = first + number - 1;
  const save = () => {
    const maps = Array.from(box.current?.querySelectorAll("canvas") ?? []);
    saveSheet(maps, maps.map((_, i) => `${first + i}`), "channels");
  };
  return (
    <section class="channels" id="channels" data-tensor={tensor.tensor} aria-labelledby="channels-title">
      <h3 id="channels-title">
        <span class="mono">{tensor.tensor}</span> <span class="quiet">{tensor.shape.join(" × ")}</span>
      </h3>
      <div class="tools">
        {tensor.channels > 1 && (
          <span>
            Channels {first} to {last} of {count(tensor.channels)}{" "}
            {first > 0 && (
              <button type="button" class="plain" id="channels-before" onClick={() => void open(tensor.tensor, Math.max(first - page, 0))}>
                Before
              </button>
            )}{" "}
            {last + 1 < tensor.channels && (
              <button type="button" class="plain" id="channels-next" onClick={() => void open(tensor.tensor, first + page)}>
                Next
              </button>
            )}
          </span>
        )}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const word = new FormData(event.currentTarget).get("unit");
            if (typeof word === "string" && word.trim()) void show(tensor.tensor, word.replace(/\s/g, ""));
          }}
        >
          <label>
            Unit <input name="unit" id="unit-word" size={10} placeholder={"c,y,x".split(",").slice(-tensor.axes.length).join(",")} inputMode="numeric" pattern="[\d\s,]+" />
          </label>{" "}
          <button type="submit">Show</button>
        </form>
        <button type="button" class="plain" onClick={save} aria-label="Save the channels as PNG">
          PNG
        </button>
        <button type="button" class="plain" onClick={() => (channels.value = null)}>
          Close
        </button>
      </div>
      <p class="quiet" id="unit-value" data-value={at?.value}>
        {at ? `Unit ${at.unit.join(",")}: ${significant(at.value, 5)}. Click for its weights.` : "What the network gives. Click a place for the weights of that unit; a channel's number is its strongest place."}
      </p>
      <div class="maps" ref={box} style={{ "--ratio": String(Math.min(Math.max(width / height, 1 / 3), height === 1 ? 40 : 8)) }} onPointerLeave={() => setAt(null)}>
        {Array.from({ length: number }, (_, i) => (
          <ChannelMap key={first + i} tensor={tensor} index={first + i} values={tensor.values.subarray(i * places, (i + 1) * places)} hover={setAt} />
        ))}
      </div>
      <div class="scale">
        <Legend scale={tensor.scale} unit="value" of="value" ends={["", ""]} />
      </div>
    </section>
  );
}

interface Props {
  tensor: Channels;
  index: number;
  values: Float32Array;
  hover: (at: { unit: number[]; value: number }) => void;
}

function ChannelMap({ tensor, index, values, hover }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height, scale } = tensor;
  const palette = state.palette.value;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const image = context.createImageData(width, height);
    heat([values], scale, table(palette))(image.data);
    context.putImageData(image, 0, 0);
  }, [values, scale, palette, width, height]);
  const place = (event: PointerEvent | MouseEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const x = Math.min(Math.max(Math.floor(((event.clientX - box.left) / box.width) * width), 0), width - 1);
    const y = Math.min(Math.max(Math.floor(((event.clientY - box.top) / box.height) * height), 0), height - 1);
    return { unit: indices(tensor, index, y, x), value: values[y * width + x] };
  };
  const shown = state.unit.value;
  const element = shown?.tensor === tensor.tensor ? shown.index - index * height * width : -1;
  const chosen = element >= 0 && element < height * width;
  return (
    <figure class={chosen ? "chosen" : ""}>
      <div class="small">
        <canvas
          ref={canvas}
          width={width}
          height={height}
          data-channel={index}
          role="img"
          aria-label={`Channel ${index}`}
          onPointerMove={(event) => hover(place(event))}
          onClick={(event) => void show(tensor.tensor, place(event).unit.join(","))}
        />
        {chosen && (
          <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
            <rect x={element % width} y={Math.floor(element / width)} width="1" height="1" class="outline under" />
            <rect x={element % width} y={Math.floor(element / width)} width="1" height="1" class="outline" />
          </svg>
        )}
      </div>
      {tensor.axes.length === 3 && (
        <button type="button" class="plain" onClick={() => void show(tensor.tensor, String(index))} aria-label={`The strongest unit of channel ${index}`}>
          {index}
        </button>
      )}
    </figure>
  );
}
