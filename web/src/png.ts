// Views as PNG files.

import { gradientStops } from "./scale";
import { palette } from "./state";

/** Cells are enlarged to whole squares until the longer side has about this many pixels. */
const SIDE = 1024;
const TEXT = 16;

function surface(width: number, height: number): [HTMLCanvasElement, CanvasRenderingContext2D | null] {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  if (context) {
    const style = getComputedStyle(document.body);
    context.fillStyle = style.backgroundColor;
    context.fillRect(0, 0, width, height);
    context.fillStyle = style.color;
    context.font = `${TEXT}px ${style.fontFamily}`;
    context.imageSmoothingEnabled = false;
  }
  return [canvas, context];
}

function download(canvas: HTMLCanvasElement, name: string): void {
  canvas.toBlob((blob) => {
    if (blob) save(blob, `${name}.png`);
  });
}

/** Saves a file under this name. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Saves the map or the curve of a figure as it is shown, with its caption and its legend. */
export function saveFigure(figure: Element | null): void {
  const shown = figure?.querySelector("canvas");
  if (!figure || !shown) return;
  const map = figure.querySelector<HTMLElement>(".map");
  const factor = map ? Math.max(Math.floor(SIDE / Math.max(shown.width, shown.height)), 1) : 1;
  const [width, height] = [shown.width * factor, shown.height * factor];
  const words = (selector: string) => Array.from(figure.querySelectorAll(selector), (element) => element.textContent ?? "");
  const [low, zero, high, , unit = ""] = words(".ticks span");
  const legend = map && low ? 3.2 * TEXT : 0;
  const [canvas, context] = surface(width, 2 * TEXT + height + legend);
  if (!context) return;
  context.fillText(words("figcaption > span").join(" "), 0, 1.2 * TEXT, width);
  context.drawImage(shown, 0, 2 * TEXT, width, height);
  if (legend) {
    const top = 2 * TEXT + height;
    const colours = context.createLinearGradient(0, 0, width, 0);
    gradientStops(palette.value).forEach((colour, i, all) => colours.addColorStop(i / (all.length - 1), colour));
    const colour = context.fillStyle;
    context.fillStyle = colours;
    context.fillRect(0, top + TEXT / 2, width, TEXT / 2);
    context.fillStyle = colour;
    const line = top + 2.4 * TEXT;
    context.fillText(low, 0, line);
    context.textAlign = "center";
    context.fillText(`${zero} (${unit})`, width / 2, line);
    context.textAlign = "right";
    context.fillText(high, width, line);
  }
  download(canvas, map?.dataset.file ?? "curve");
}

/** Saves small maps side by side, each with its name below. */
export function saveSheet(maps: HTMLCanvasElement[], names: string[], name: string): void {
  if (maps.length === 0) return;
  const columns = Math.ceil(Math.sqrt(maps.length));
  const factor = Math.max(Math.floor((2 * SIDE) / columns / Math.max(maps[0].width, maps[0].height)), 1);
  const [width, height] = [maps[0].width * factor, maps[0].height * factor];
  const [across, down] = [Math.max(width, 4 * TEXT) + TEXT, height + 2 * TEXT];
  const [canvas, context] = surface(across * Math.min(columns, maps.length), down * Math.ceil(maps.length / columns));
  if (!context) return;
  maps.forEach((map, i) => {
    const [x, y] = [(i % columns) * across, Math.floor(i / columns) * down];
    context.drawImage(map, x, y, width, height);
    context.fillText(names[i], x, y + height + 1.2 * TEXT, across);
  });
  download(canvas, name);
}

/** Saves a table whose second cells hold bars. */
export function saveBars(table: Element | null, name: string): void {
  const rows = Array.from(table?.querySelectorAll("tbody tr, tfoot tr") ?? []);
  const [names, values] = [0, 2].map((i) => rows.map((row) => row.children[i]?.textContent ?? ""));
  const measure = surface(1, 1)[1];
  if (!measure || rows.length === 0) return;
  const longest = Math.max(...names.map((text) => measure.measureText(text).width)) + TEXT;
  const line = 2 * TEXT;
  const [canvas, context] = surface(longest + SIDE, line * rows.length);
  if (!context) return;
  const colour = context.fillStyle;
  rows.forEach((row, i) => {
    const middle = i * line + 1.3 * TEXT;
    context.textAlign = "left";
    context.fillText(names[i], 0, middle);
    context.textAlign = "right";
    context.fillText(values[i], longest + SIDE, middle);
    const track = row.children[1].getBoundingClientRect();
    for (const part of Array.from(row.children[1].children)) {
      const box = part.getBoundingClientRect();
      const scale = (SIDE - 10 * TEXT) / track.width;
      context.fillStyle = getComputedStyle(part).backgroundColor;
      const tall = part.classList.contains("zero") ? [0, line] : [TEXT / 2, TEXT];
      context.fillRect(longest + (box.left - track.left) * scale, i * line + tall[0], Math.max(box.width * scale, 1), tall[1]);
    }
    context.fillStyle = colour;
  });
  download(canvas, name);
}
