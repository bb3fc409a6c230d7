// A signal or a list of numbers: a line or bars, with the pointer and the brush shared by all curves.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { significant } from "./number";
import { cursor, frame, region, tool } from "./state";

/** Up to this many numbers are shown as bars. */
const FEW = 64;
/** Distances of ticks: samples have whole numbers. */
const WHOLE = Array.from({ length: 8 }, (_, i) => [1, 2, 5].map((step) => step * 10 ** i)).flat();

interface Props {
  label: string;
  values: Float64Array;
  /** Positive and negative parts in the two colours of the map. */
  signed: boolean;
}

export function Curve({ label, values, signed }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const bars = frame.value?.grid.kind === "vector" || values.length <= FEW;
  const left = frame.value?.left ?? 0;

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    const axis = {
      stroke: colour("--quiet"),
      font: `${0.8 * rem}px ${style.fontFamily}`,
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { stroke: colour("--line"), width: 1 },
    };
    const at = Array.from({ length: values.length }, (_, i) => left + i);
    const part = (keep: (v: number) => boolean) => Array.from(values, (v) => (keep(v) ? v : 0));
    const paths = bars ? uPlot.paths.bars?.({ size: [0.8, 60] }) : undefined;
    const line = (stroke: string, fill?: string) => ({ stroke, fill, width: bars ? 0 : 1.25, points: { show: false }, paths });
    const series = signed
      ? [line(colour("--warm"), colour("--warm-fill")), line(colour("--cold"), colour("--cold-fill"))]
      : [line(colour("--text"), bars ? colour("--line") : undefined)];
    const data = signed ? [at, part((v) => v > 0), part((v) => v < 0)] : [at, Array.from(values)];
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: Math.max(9 * rem, 120),
        legend: { show: false },
        scales: { x: { time: false, range: [left - 0.5, left + values.length - 0.5] } },
        axes: [{ ...axis, incrs: WHOLE }, { ...axis, size: 4.6 * rem, values: (_, ticks) => ticks.map((tick) => significant(tick, 2)) }],
        series: [{}, ...series],
        cursor: { sync: { key: "netfold" }, drag: { setScale: false, x: tool.value !== "point", y: false }, points: { show: false } },
        hooks: {
          setCursor: [(plot) => (cursor.value = plot.cursor.idx ?? null)],
          setSelect: [
            (plot) => {
              if (plot.select.width < 1) return;
              const [from, to] = [plot.select.left, plot.select.left + plot.select.width].map((left) => plot.posToVal(left, "x"));
              const [x, last] = [Math.max(Math.round(from) - left, 0), Math.min(Math.round(to) - left, values.length - 1)];
              region.value = { kind: "rectangle", x, y: 0, width: Math.max(last - x + 1, 1), height: 1 };
            },
          ],
        },
      },
      data as uPlot.AlignedData,
      element,
    );
    const brushed = region.value;
    if (brushed?.kind === "rectangle") {
      const [start, end] = [brushed.x - 0.5, brushed.x + brushed.width - 0.5].map((x) => plot.valToPos(left + x, "x"));
      plot.setSelect({ left: start, width: end - start, top: 0, height: plot.over.clientHeight }, false);
    }
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: plot.height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [values, signed, bars, left, tool.value, region.value]);

  return <div class="curve" ref={box} role="img" aria-label={label} />;
}
