// Events that the explorer sends, over a request that brings the token (an EventSource cannot).

import { asked, standing } from "./token";

/** How long to wait before asking again, in milliseconds. */
const PAUSE = 3000;

/** Cuts a stream of events (text/event-stream) into them, however the text comes in pieces. */
export class Cutter {
  private rest = "";

  constructor(private readonly each: (event: string, data: string) => void) {}

  take(text: string): void {
    const blocks = (this.rest + text).split("\n\n");
    this.rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = block.split("\n").map((line) => line.split(/: ?(.*)/s, 2) as [string, string?]);
      const all = (name: string) => fields.filter(([field]) => field === name).map(([, value = ""]) => value);
      const data = all("data");
      if (data.length > 0) this.each(all("event").at(-1) ?? "message", data.join("\n"));
    }
  }
}

export interface Listener {
  event(name: string, data: string): void;
  open(): void;
  lost(): void;
}

let listening = 0;

/** Listens until the token turns out wrong, or this is called again; asks again where the explorer does not answer. */
export async function listen(address: string, to: Listener): Promise<void> {
  const mine = ++listening;
  while (mine === listening) {
    try {
      const response = await asked(address);
      if (response.status === 401) return;
      const text = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      if (response.ok && text) {
        to.open();
        const cutter = new Cutter((name, data) => mine === listening && to.event(name, data));
        for (let piece = await text.read(); !piece.done && mine === listening; piece = await text.read()) cutter.take(piece.value);
        if (mine !== listening) await text.cancel();
      }
    } catch {
      // It does not answer; it is asked again.
    }
    if (mine !== listening || standing.value === "wrong") return;
    to.lost();
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}
