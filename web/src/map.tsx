// A picture on canvas: cells in colour, the brushed region, the pixel under the pointer.

import { useEffect, useRef } from "preact/hooks";

import type { Paint } from "./paint";
import { type Point, type Region, rectangle } from "./region";
import { cursor, frame, region, tool } from "./state";

/** Up to this many pixels along the longer side, pixels are shown as squares. */
const CELLS_UP_TO = 160;

interface Props {
  /** What it shows, for those who do not see it. */
  label: string;
  paint: Paint;
  /** The file name that it is saved under. */
  file: string;
}

export function Map({ label, paint, file }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dragged = useRef<{ from: Point; points: Point[] } | null>(null);
  const { width, height } = frame.value?.grid ?? { width: 1, height: 1 };

  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const image = context.createImageData(width, height);
    paint(image.data);
    context.putImageData(image, 0, 0);
  }, [paint, width, height]);

  const place = (event: PointerEvent): Point => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  };
  const hover = ([x, y]: Point) => {
    const [column, row] = [Math.min(Math.max(Math.floor(x), 0), width - 1), Math.min(Math.max(Math.floor(y), 0), height - 1)];
    cursor.value = row * width + column;
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0 || tool.value === "point") return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    const from = place(event);
    dragged.current = { from, points: [from] };
    event.preventDefault();
  };
  const move = (event: PointerEvent) => {
    const at = place(event);
    hover(at);
    const drag = dragged.current;
    if (!drag) return;
    if (tool.value === "rectangle") {
      const far = Math.abs(at[0] - drag.from[0]) + Math.abs(at[1] - drag.from[1]) > 0.5;
      if (far) region.value = rectangle(drag.from, at, width, height);
    } else {
      drag.points.push(at);
      if (drag.points.length > 2) region.value = { kind: "shape", points: drag.points.slice() };
    }
  };
  const up = () => {
    dragged.current = null;
  };

  const cells = Math.max(width, height) <= CELLS_UP_TO;
  return (
    <div class="map" data-file={file}>
      <canvas ref={canvas} width={width} height={height} class={cells ? "cells" : ""} role="img" aria-label={label} />
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        class={`marks ${tool.value}`}
        aria-hidden="true"
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={up}
        onPointerLeave={() => {
          if (!dragged.current) cursor.value = null;
        }}
      >
        <Outline of={region.value} />
        <Cell width={width} />
      </svg>
    </div>
  );
}

function Outline({ of }: { of: Region | null }) {
  if (!of) return null;
  const points =
    of.kind === "shape"
      ? of.points
      : ([
          [of.x, of.y],
          [of.x + of.width, of.y],
          [of.x + of.width, of.y + of.height],
          [of.x, of.y + of.height],
        ] as Point[]);
  const words = points.map(([x, y]) => `${x},${y}`).join(" ");
  return (
    <>
      <polygon points={words} class="outline under" />
      <polygon points={words} class="outline" />
    </>
  );
}

function Cell({ width }: { width: number }) {
  if (cursor.value === null) return null;
  const [x, y] = [cursor.value % width, Math.floor(cursor.value / width)];
  return (
    <>
      <rect x={x} y={y} width="1" height="1" class="outline under" />
      <rect x={x} y={y} width="1" height="1" class="outline" />
    </>
  );
}
