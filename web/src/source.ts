// Where a reconstruction comes from: out of the page itself, or from the explorer.

import { asked } from "./token";
import { type BiasMap, type Channels, type Document, type Row, type Unit, unpackDocument, unpackMaps, unpackRow } from "./wire";

export interface Source {
  document(signal?: AbortSignal): Promise<Document>;
  row(index: number, signal: AbortSignal): Promise<Row>;
  /** What only a source that can compute has. */
  inside?: Inside;
}

export interface Inside {
  biasMap(index: number, stage: number, signal: AbortSignal): Promise<BiasMap>;
  channels(tensor: string, first: number, signal: AbortSignal): Promise<Channels>;
  unit(tensor: string, unit: string, signal: AbortSignal): Promise<Unit>;
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

/** A message of the explorer, with its causes and what helps. */
export async function failure(response: Response): Promise<Error> {
  try {
    const { lines, hint } = (await response.json()) as { lines: string[]; hint: string | null };
    return new Error([lines.join(": "), hint].filter(Boolean).join("\n"));
  } catch {
    return new Error(`the explorer answered ${response.status} ${response.statusText}`);
  }
}

/** The explorer: it computes what is asked for; a request that is dropped is a job that stops. */
export class Served implements Source, Inside {
  readonly inside = this;

  constructor(
    readonly model: string,
    readonly input: string,
  ) {}

  get address(): string {
    return `/api/models/${this.model}/inputs/${this.input}`;
  }

  private async bytes(address: string, signal?: AbortSignal): Promise<ArrayBuffer> {
    const response = await asked(address, { signal });
    if (!response.ok) throw await failure(response);
    return response.arrayBuffer();
  }

  async file(name: string, classes: number[], signal: AbortSignal): Promise<Blob> {
    return new Blob([await this.bytes(`${this.address}/files/${name}?classes=${classes.join(",")}`, signal)]);
  }

  async document(signal?: AbortSignal): Promise<Document> {
    return unpackDocument(await this.bytes(this.address, signal));
  }

  async row(index: number, signal: AbortSignal): Promise<Row> {
    return unpackRow(await this.bytes(`${this.address}/rows/${index}`, signal));
  }

  async biasMap(index: number, stage: number, signal: AbortSignal): Promise<BiasMap> {
    return unpackMaps(await this.bytes(`${this.address}/rows/${index}/bias/${stage}`, signal));
  }

  async channels(tensor: string, first: number, signal: AbortSignal): Promise<Channels> {
    return unpackMaps(await this.bytes(`${this.address}/tensors/${encodeURIComponent(tensor)}/channels/${first}`, signal));
  }

  async unit(tensor: string, unit: string, signal: AbortSignal): Promise<Unit> {
    return unpackRow(await this.bytes(`${this.address}/tensors/${encodeURIComponent(tensor)}/units/${unit}`, signal));
  }
}
