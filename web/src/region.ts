// What is brushed: a rectangle of pixels, or a free shape.

export type Point = [x: number, y: number];
export type Region = { kind: "rectangle"; x: number; y: number; width: number; height: number } | { kind: "shape"; points: Point[] };

/** The rectangle of whole pixels between two places, inside a grid. */
export function rectangle(from: Point, to: Point, width: number, height: number): Region {
  const low = (a: number, b: number, size: number) => Math.min(Math.max(Math.floor(Math.min(a, b)), 0), size - 1);
  const high = (a: number, b: number, size: number) => Math.min(Math.max(Math.floor(Math.max(a, b)), 0), size - 1);
  const [x, y] = [low(from[0], to[0], width), low(from[1], to[1], height)];
  const [right, bottom] = [high(from[0], to[0], width), high(from[1], to[1], height)];
  return { kind: "rectangle", x, y, width: right - x + 1, height: bottom - y + 1 };
}

/** Whether each pixel is inside: of a shape, those whose centre is (even-odd rule). */
export function mask(region: Region, width: number, height: number): Uint8Array {
  const inside = new Uint8Array(width * height);
  if (region.kind === "rectangle") {
    for (let y = Math.max(region.y, 0); y < Math.min(region.y + region.height, height); y++) {
      inside.fill(1, y * width + Math.max(region.x, 0), y * width + Math.min(region.x + region.width, width));
    }
    return inside;
  }
  const { points } = region;
  for (let y = 0; y < height; y++) {
    const crossings: number[] = [];
    points.forEach(([x0, y0], i) => {
      const [x1, y1] = points[(i + 1) % points.length];
      if (y0 > y + 0.5 !== y1 > y + 0.5) crossings.push(x0 + ((y + 0.5 - y0) / (y1 - y0)) * (x1 - x0));
    });
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const [from, to] = [Math.max(Math.ceil(crossings[i] - 0.5), 0), Math.min(Math.floor(crossings[i + 1] - 0.5), width - 1)];
      if (to >= from) inside.fill(1, y * width + from, y * width + to + 1);
    }
  }
  return inside;
}

/** For the address: `r:2,3,10,8` or `s:0.5,1;7,2.5;3,9`. */
export function toWord(region: Region): string {
  if (region.kind === "rectangle") return `r:${region.x},${region.y},${region.width},${region.height}`;
  return `s:${region.points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(";")}`;
}

export function fromWord(word: string): Region | null {
  const [kind, rest = ""] = [word.slice(0, 2), word.slice(2)];
  const numbers = rest.split(/[,;]/).map(Number);
  if (numbers.some((n) => !Number.isFinite(n))) return null;
  if (kind === "r:" && numbers.length === 4 && numbers.every(Number.isInteger) && numbers[2] > 0 && numbers[3] > 0) {
    const [x, y, width, height] = numbers;
    return { kind: "rectangle", x, y, width, height };
  }
  if (kind !== "s:" || numbers.length < 6 || numbers.length % 2) return null;
  return { kind: "shape", points: Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]) };
}
