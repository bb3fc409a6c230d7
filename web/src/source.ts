// Where a reconstruction comes from: out of the page itself, or from the explorer.

import { type Document, type Row, unpackDocument, unpackRow } from "./wire";

export interface Source {
  document(): Promise<Document>;
  row(index: number, signal: AbortSignal): Promise<Row>;
}

function decoded(element: Element): ArrayBuffer {
  const text = atob(element.textContent ?? "");
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}

/** The report: everything is in script elements that are data, as base64. */
export class Embedded implements Source {
  static find(): Embedded | null {
    const element = document.getElementById("netfold-document");
    return element ? new Embedded(element) : null;
  }

  private constructor(private readonly element: Element) {}

  async document(): Promise<Document> {
    return unpackDocument(decoded(this.element));
  }

  async row(index: number): Promise<Row> {
    const element = document.getElementById(`netfold-row-${index}`);
    if (!element) throw new Error(`this report does not hold the weights of class ${index}`);
    return unpackRow(decoded(element));
  }
}
