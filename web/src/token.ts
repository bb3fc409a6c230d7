// The token that the explorer asks for: from the address into this tab's memory, and out of sight.
//
// Not in a cookie: browsers send those to every server of a machine, whatever its port. What a tab remembers is its
// origin's alone, port and all, and goes when the tab is closed.

import { signal } from "@preact/signals";

const KEY = "netfold-token";
/** How long other tabs have to answer, in milliseconds. */
const PATIENCE = 300;

/** Whether the explorer knows this page: not asked yet, it does, there is no token, or the token is another one's. */
export const standing = signal<"unknown" | "known" | "missing" | "wrong">("unknown");

let held: string | null = null;

function hold(token: string): void {
  held = token;
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // Without storage the token lasts until the page is loaded again.
  }
}

function remembered(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** An address's fragment without its token, and the token. */
export function parted(fragment: string): { token: string | null; rest: string } {
  const words = new URLSearchParams(fragment.replace(/^#/, ""));
  const token = words.get("token");
  words.delete("token");
  return { token, rest: words.toString() };
}

/** Takes the token out of the address, which then says what it said `before` if nothing else; says whether there was one. */
function take(before = ""): boolean {
  const { token, rest } = parted(location.hash);
  if (token === null) return false;
  hold(token);
  history.replaceState(null, "", rest ? `#${rest}` : before || location.pathname);
  return true;
}

/** Finds the token in the address, in this tab's memory, or in another tab, and again whenever one comes; then tells. */
export function watch(found: () => void): void {
  const tabs = new BroadcastChannel(KEY);
  const begin = () => {
    standing.value = "unknown";
    found();
  };
  tabs.onmessage = ({ data }: MessageEvent<{ token?: string }>) => {
    if (data.token === undefined) {
      if (standing.value === "known" && held) tabs.postMessage({ token: held });
    } else if (standing.value !== "known" && data.token !== held) {
      hold(data.token);
      begin();
    }
  };
  addEventListener("hashchange", ({ oldURL }) => {
    if (take(new URL(oldURL).hash)) begin();
  });
  // One that opens the printed address helps those that have none or an old one; one that has none asks for help.
  standing.subscribe((now) => {
    if (now === "known" && held) tabs.postMessage({ token: held });
    if (now === "missing" || now === "wrong") tabs.postMessage({});
  });
  if (!take()) held = remembered();
  if (held) return begin();
  tabs.postMessage({});
  setTimeout(() => {
    if (!held) standing.value = "missing";
  }, PATIENCE);
}

/** As `fetch`, with the token. */
export async function asked(address: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(address, { ...init, headers: { Authorization: `Bearer ${held ?? ""}` } });
  if (response.status === 401) standing.value = "wrong";
  else if (standing.value === "unknown") standing.value = "known";
  return response;
}
