// The explorer's own part: opening models and inputs, and what is being computed.

import { signal } from "@preact/signals";

import { show } from "./address";
import { Served, failure } from "./source";
import * as state from "./state";

interface File {
  file: string;
  sha256: string;
}

/** The most bytes that the explorer takes; it refuses more by itself, this only says so before they are sent. */
const LIMITS = { model: 2 ** 30, input: 64 * 2 ** 20 };

const files = signal<{ model: File | null; inputs: File[] }>({ model: null, inputs: [] });
const jobs = signal<{ id: number; what: string; done: number; all: number }[]>([]);
const served = signal<Served | null>(null);
const opening = signal<AbortController | null>(null);

/** Listens to what is open and what runs; shows the input of the address, or the first one. */
export function connect(): void {
  const events = new EventSource("/api/events");
  const data = <T,>(event: Event) => JSON.parse((event as MessageEvent<string>).data) as T;
  events.addEventListener("jobs", (event) => (jobs.value = data(event)));
  events.addEventListener("files", (event) => {
    const before = files.value.model?.sha256;
    files.value = data(event);
    const { model, inputs } = files.value;
    if (!model || (served.value && before === model.sha256)) return;
    const wanted = served.value?.input ?? new URLSearchParams(location.hash.slice(1)).get("input") ?? "";
    const input = inputs.find(({ sha256 }) => wanted !== "" && sha256.startsWith(wanted)) ?? inputs[0];
    if (input) void look(input.sha256);
  });
  events.addEventListener("error", () => (state.problem.value = "the explorer does not answer; it may have been ended"));
  events.addEventListener("open", () => (state.problem.value = null));
}

async function look(input: string): Promise<void> {
  const { model } = files.value;
  if (!model) return;
  opening.value?.abort();
  state.stop();
  const mine = new AbortController();
  opening.value = mine;
  try {
    const source = new Served(model.sha256, input);
    await show(source, mine.signal);
    served.value = source;
    state.problem.value = null;
  } catch (error) {
    if (!mine.signal.aborted) state.problem.value = error instanceof Error ? error.message : String(error);
  } finally {
    if (opening.value === mine) opening.value = null;
  }
}

async function send(kind: "model" | "input", file: globalThis.File | undefined): Promise<void> {
  if (!file) return;
  if (file.size > LIMITS[kind]) {
    const mib = (bytes: number) => Math.ceil(bytes / 2 ** 20);
    state.problem.value = `${file.name} has ${mib(file.size)} MiB; at most ${mib(LIMITS[kind])} MiB are taken`;
    return;
  }
  opening.value?.abort();
  const mine = new AbortController();
  opening.value = mine;
  try {
    const response = await fetch(`/api/${kind}?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file, signal: mine.signal });
    if (!response.ok) throw await failure(response);
    state.problem.value = null;
    if (kind === "input") await look(await response.text());
  } catch (error) {
    if (!mine.signal.aborted) state.problem.value = error instanceof Error ? error.message : String(error);
  } finally {
    if (opening.value === mine) opening.value = null;
  }
}

function Upload({ kind, label, accept }: { kind: "model" | "input"; label: string; accept: string }) {
  return (
    <label class="upload">
      {label}
      <input
        type="file"
        id={`open-${kind}`}
        accept={accept}
        onChange={(event) => {
          const { files } = event.currentTarget;
          void send(kind, files?.[0]);
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}

export function Open() {
  const { model, inputs } = files.value;
  const busy = opening.value !== null || state.pending.value.length > 0;
  const stop = () => {
    opening.value?.abort();
    state.stop();
  };
  const [job] = jobs.value;
  const classes = state.held.value.map((row) => row.index).join(",");
  return (
    <nav class="open" aria-label="Model and inputs">
      <span>
        <span class="quiet">Model</span> {model?.file ?? "none"} <Upload kind="model" label="Open a model" accept=".onnx" />
      </span>
      <span>
        <label>
          <span class="quiet">Input</span>{" "}
          <select id="input" value={served.value?.input ?? ""} disabled={inputs.length === 0} onChange={(event) => void look(event.currentTarget.value)}>
            {inputs.length === 0 && <option value="">none</option>}
            {inputs.map(({ file, sha256 }) => (
              <option key={sha256} value={sha256}>
                {file}
              </option>
            ))}
          </select>
        </label>{" "}
        <Upload kind="input" label="Open an input" accept=".png,.jpg,.jpeg,.webp,.tif,.tiff,.bmp,.gif,.npy" />
      </span>
      {served.value && state.documentNow.value && (
        <span>
          <span class="quiet">Save</span>{" "}
          {["reconstruction.npz", "reconstructed.onnx"].map((file) => (
            <a key={file} href={`${served.value?.address}/files/${file}?classes=${classes}`} download={file}>
              {file.split(".")[1]}
            </a>
          ))}
        </span>
      )}
      <div class="notices">
        <div class={busy || job ? "job" : "job idle"} role="status">
          {job && (
            <>
              <span>
                {job.what}
                {job.all > 1 && `, ${job.done} of ${job.all}`}
                {jobs.value.length > 1 && `, ${jobs.value.length - 1} waiting`}
              </span>
              <progress max={Math.max(job.all, 1)} value={job.all > 1 ? job.done : undefined} aria-label={job.what} />
            </>
          )}
          {busy && (
            <button type="button" class="plain" id="stop" onClick={stop}>
              Stop
            </button>
          )}
        </div>
        {state.problem.value && (
          <div class="problem" role="alert" id="problem">
            <span>{state.problem.value}</span>{" "}
            <button type="button" class="plain" onClick={() => (state.problem.value = null)}>
              Close
            </button>
          </div>
        )}
      </div>
      {!model && <p class="lead">Open a model (an ONNX file), then a picture or an array that it takes. Nothing leaves this machine.</p>}
    </nav>
  );
}
