import { expect, test } from "vitest";

import { Cutter } from "./events";
import { parted } from "./token";

test("events are cut alike, however the text comes in pieces", () => {
  const text = 'event: files\ndata: {"model":null}\n\n:\n\nevent: jobs\ndata: [1,\ndata: "a: b"]\n\ndata: plain\n\nevent: half\n';
  const wanted = [
    ["files", '{"model":null}'],
    ["jobs", '[1,\n"a: b"]'],
    ["message", "plain"],
  ];
  for (const length of [1, 2, 7, 1000]) {
    const got: string[][] = [];
    const cutter = new Cutter((event, data) => got.push([event, data]));
    for (let i = 0; i < text.length; i += length) cutter.take(text.slice(i, i + length));
    expect(got).toEqual(wanted);
  }
});

test("an address is parted from its token", () => {
  expect(parted("#token=abc")).toEqual({ token: "abc", rest: "" });
  expect(parted("#class=1&token=abc&region=r:1,2,3,4")).toEqual({ token: "abc", rest: "class=1&region=r%3A1%2C2%2C3%2C4" });
  expect(parted("#class=1")).toEqual({ token: null, rest: "class=1" });
  expect(parted("")).toEqual({ token: null, rest: "" });
});
