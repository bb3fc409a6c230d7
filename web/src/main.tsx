// The page of a report and of the explorer.

import "./style.css";

import { render } from "preact";

import { show } from "./address";
import { BiasMap } from "./biasmap";
import { Certificate, Verdict } from "./certificate";
import { Classes } from "./classes";
import { Controls } from "./controls";
import { Keys } from "./keys";
import { Layers } from "./layers";
import { Logits } from "./logits";
import { Open, connect } from "./open";
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
        <BiasMap />
        <Layers />
        <Certificate />
      </main>
    </>
  );
}

function root(): HTMLElement {
  const element = document.createElement("div");
  element.id = "page";
  const standing = document.getElementById("static");
  if (standing) standing.replaceWith(element);
  else document.body.append(element);
  return element;
}

async function start(): Promise<void> {
  const embedded = Embedded.find();
  if (embedded) {
    await show(embedded);
    render(<Reading any={false} />, root());
  } else {
    connect();
    render(
      <>
        <Open />
        <Reading any />
      </>,
      root(),
    );
  }
}

void start();
