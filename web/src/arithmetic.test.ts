import { expect, test } from "vitest";

import { indices } from "./inside";
import { decimalsFor, fixed, percent, significant } from "./number";
import { stretched } from "./paint";
import { type Frame, Numbers, cut, smoothed } from "./plane";
import { fromWord, mask, rectangle, toWord } from "./region";
import { scaleOver, statement } from "./scale";
import type { Channels } from "./wire";

test("numbers read as the program's", () => {
  const cases: [number, number, string][] = [
    [0, 3, "0"],
    [0.031249, 3, "0.0312"],
    [-12.5, 3, "−12.5"],
    [9.99, 2, "10"],
    [3.1e-7, 2, "3.1e-7"],
    [-3.14e-7, 2, "−3.1e-7"],
    [999999, 2, "1.0e6"],
    [NaN, 3, "not a number"],
    [-Infinity, 3, "−∞"],
  ];
  for (const [value, digits, text] of cases) expect(significant(value, digits)).toBe(text);
  expect(fixed(-0.00001, 3)).toBe("0.000");
  expect([decimalsFor([12.3, -1]), decimalsFor([0])]).toEqual([4, 1]);
  expect([percent(0), percent(1), percent(0.572), percent(0.005), percent(4e-5)].join("; ")).toBe("0 %; 100 %; 57.2 %; 0.50 %; 0.004 %");
});

test("the scale is the 99.5 % quantile, and says what it clips", () => {
  const plane = Float64Array.from({ length: 1000 }, (_, i) => (i % 2 ? i + 1 : -(i + 1)));
  expect(scaleOver([plane])).toEqual({ limit: 995, largest: 1000, clipped: 5, total: 1000 });
  expect(statement(scaleOver([plane]), "pixel")).toContain("0.50 % (5 of 1,000)");
  expect(scaleOver([Float64Array.from([0, 0, 3])]).limit).toBe(3);
  expect(scaleOver([Float64Array.from([0, NaN])]).total).toBe(1);
});

test("pixel units give the same logit as model units", () => {
  const units = { factor: [2, 0.5], offset: [-1, 3], channels: ["a", "b"] };
  const document = { grid: { kind: "picture", height: 1, width: 2, channels: 2 }, units, x: Float32Array.from([3, 4, 5, 1]) } as unknown as Frame;
  const row = { name: "", weights: Float32Array.from([1, -2, 0.5, 4]), bias: 0.25, logit: 0, reconstructed: 0, layers: [] };
  const logit = (pixel: boolean) => {
    const numbers = new Numbers(document, pixel);
    return numbers.gives(row, 0) + numbers.gives(row, 1) + numbers.bias(row);
  };
  expect(logit(false)).toBe(1.75);
  expect(logit(true)).toBe(1.75);
  const numbers = new Numbers(document, true);
  expect(numbers.value(1, 1) * numbers.weight(row, 1, 1)).toBe(numbers.contribution(row, 1, 1));
});

test("a part of a frame holds the numbers of its place", () => {
  const x = Float32Array.from({ length: 24 }, (_, i) => i);
  const whole: Frame = { grid: { kind: "picture", height: 3, width: 4, channels: 2 }, units: null, x, left: 0, top: 0 };
  const part = cut(whole, { kind: "picture", height: 2, width: 2, channels: 2 }, 1, 1);
  expect(Array.from(part.x)).toEqual([10, 11, 12, 13, 18, 19, 20, 21]);
  expect([part.left, part.top]).toEqual([1, 1]);
});

test("a map of few cells covers the grid evenly", () => {
  expect(Array.from(stretched([1, 2, 3, 4], [2, 2], [3, 4]))).toEqual([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4]);
});

test("the indices of a unit are those of its element", () => {
  const tensor = { axes: [2, 3, 4, 5], height: 4, width: 5 } as unknown as Channels;
  expect(indices(tensor, 4, 3, 2)).toEqual([1, 1, 3, 2]);
  expect(indices({ ...tensor, axes: [7], height: 1, width: 7 }, 0, 0, 6)).toEqual([6]);
});

test("a region counts pixels whose centre is inside, and survives the address", () => {
  const box = rectangle([1.2, 0.1], [2.9, 1.5], 4, 3);
  expect(box).toEqual({ kind: "rectangle", x: 1, y: 0, width: 2, height: 2 });
  expect(Array.from(mask(box, 4, 3))).toEqual([0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0]);
  expect(fromWord(toWord(box))).toEqual(box);
  const shape = fromWord("s:0,0;4,0;0,3");
  expect(shape && Array.from(mask(shape, 4, 3))).toEqual([1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0]);
  for (const word of ["", "r:1,2", "r:0,0,0,1", "s:1,1;2,2", "x:1"]) expect(fromWord(word)).toBeNull();
});

test("smoothing keeps a constant and spreads a point", () => {
  expect(Array.from(smoothed(new Float64Array(12).fill(2), 4, 1)).every((v) => Math.abs(v - 2) < 1e-12)).toBe(true);
  const point = new Float64Array(49);
  point[24] = 1;
  const spread = smoothed(point, 7, 1);
  expect(spread[24]).toBeGreaterThan(spread[25]);
  expect(spread[25]).toBeCloseTo(spread[17], 12);
});
