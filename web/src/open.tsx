// The explorer's own part: opening models and inputs, and what is being computed.

import { signal } from "@preact/signals";

import { show } from "./address";
import { listen } from "./events";
import { Locked } from "./locked";
import { save } from "./png";
import { Served, failure } from "./source";
import * as state from "./state";
import { asked, standing, watch } from "./token";

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

/** Listens, once there is a token, to what is open and what runs; shows the input of the address, or the first one. */
export function connect(): void {
  const to = {
    event(name: string, data: string) {
      if (name === "jobs") jobs.value = JSON.parse(data);
      if (name === "files") opened(JSON.parse(data));
    },
    open: () => (state.problem.value = null),
    lost: () => (state.problem.value = "the explorer does not answer; it may have been ended"),
  };
  watch(() => void listen("/api/events", to));
}

function opened(now: typeof files.value): void {
  const before = files.value.model?.sha256;
  files.value = now;
  const { model, inputs } = now;
  if (!model || (served.value && before === model.sha256)) return;
  const wanted = served.value?.input ?? new URLSearchParams(location.hash.slice(1)).get("input") ?? "";
  const input = inputs.find(({ sha256 }) => wanted !== "" && sha256.startsWith(wanted)) ?? inputs[0];
  if (input) void look(input.sha256);
}

/** Does what the page waits for: it gives up what it waited for before, and can be stopped. */
async function awaiting(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  opening.value?.abort();
  const mine = new AbortController();
  opening.value = mine;
  try {
    await work(mine.signal);
    state.problem.value = null;
  } catch (error) {
    if (!mine.signal.aborted) state.problem.value = error instanceof Error ? error.message : String(error);
  } finally {
    if (opening.value === mine) opening.value = null;
  }
}

async function look(input: string): Promise<void> {
  const { model } = files.value;
  if (!model) return;
  state.stop();
  await awaiting(async (signal) => {
    const source = new Served(model.sha256, input);
    await show(source, signal);
    served.value = source;
  });
}

async function send(kind: "model" | "input", file: globalThis.File | undefined): Promise<void> {
  if (!file) return;
  if (file.size > LIMITS[kind]) {
    const mib = (bytes: number) => Math.ceil(bytes / 2 ** 20);
    state.problem.value = `${file.name} has ${mib(file.size)} MiB; at most ${mib(LIMITS[kind])} MiB are taken`;
    return;
  }
  let input: string | null = null;
  await awaiting(async (signal) => {
    const response = await asked(`/api/${kind}?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file, signal });
    if (!response.ok) throw await failure(response);
    if (kind === "input") input = await response.text();
  });
  if (input) await look(input);
}

async function download(file: string): Promise<void> {
  const [from, classes] = [served.value, state.held.value.map((row) => row.index)];
  if (from) await awaiting(async (signal) => save(await from.file(file, classes, signal), file));
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
  if (standing.value === "missing" || standing.value === "wrong") return <Locked wrong={standing.value === "wrong"} />;
  const { model, inputs } = files.value;
  const busy = opening.value !== null || state.pending.value.length > 0;
  const stop = () => {
    opening.value?.abort();
    state.stop();
  };
  const [job] = jobs.value;
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
            <button key={file} type="button" class="plain save" title={file} onClick={() => void download(file)}>
              {file.split(".")[1]}
            </button>
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
