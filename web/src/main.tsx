// The page of a report and of the explorer.

import "./style.css";

import { render } from "preact";

import { Certificate, Verdict } from "./certificate";
import { Classes } from "./classes";
import { Controls } from "./controls";
import { Keys } from "./keys";
import { Layers } from "./layers";
import { Logits } from "./logits";
import { Panels } from "./panels";
import { Readout } from "./readout";
import { Embedded } from "./source";
import * as state from "./state";
import { Waterfall } from "./waterfall";

function Reading({ any }: { any: boolean }) {
  const document = state.documentNow.value;
  if (!document) return null;
  return (
    <>
      <header class="head">
        <div class="title">
          <h1>{document.title}</h1>
          <Keys />
        </div>
        <Verdict />
      </header>
      <main>
        <Classes />
        <Controls />
        <Panels />
        <Readout />
        <div class="pair">
          <Logits any={any} />
          <Waterfall />
        </div>
        <Layers />
        <Certificate />
      </main>
    </>
  );
}

async function start(): Promise<void> {
  const embedded = Embedded.find();
  if (!embedded) return;
  await state.show(embedded);
  const root = document.createElement("div");
  root.id = "page";
  document.getElementById("static")?.replaceWith(root);
  render(<Reading any={false} />, root);
}

void start();
