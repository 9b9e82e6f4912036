// Asking the server over a network that may be bad. The one rule: an answer is known or it is not, and what is not
// known is never taken for a no. Everything that moves money carries a key of its own, so asking again is harmless.

const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

// One question. Resolves to
//   {known: true, ok, status, body}           the server's answer; body is its JSON
//   {known: true, ok: false, status: 401}     nobody is signed in any more
//   {known: false, why: "no-network" | "late" | "server"}
export async function ask(address, fields, { method = "POST", timeout = 12000, signal } = {}) {
  const given = { method, credentials: "same-origin", redirect: "manual", headers: { Accept: "application/json" } };
  if (method === "POST") {
    given.headers["X-CSRFToken"] = token();
    given.body = new URLSearchParams(fields);
  }
  const ending = new AbortController();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    ending.abort();
  }, timeout);
  const stop = () => ending.abort();
  signal?.addEventListener("abort", stop);
  given.signal = ending.signal;
  const began = performance.now();
  let found;
  try {
    const answer = await fetch(address, given);
    if (answer.type === "opaqueredirect") found = { known: true, ok: false, status: 401, body: {} };
    else if (answer.status >= 500) found = { known: false, why: "server" };
    else found = { known: true, ok: answer.ok, status: answer.status, body: await json(answer) };
    if (found.known && found.body === undefined) found = { known: false, why: "server" };
  } catch {
    found = { known: false, why: late ? "late" : "no-network" };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
  if (!signal?.aborted) network.heard(found, performance.now() - began);
  return found;
}

async function json(answer) {
  if (answer.status === 204) return {};
  if (!answer.headers.get("Content-Type")?.includes("json")) return answer.ok ? undefined : {};
  return answer.json();
}

const PAUSES = [700, 1500, 3000, 5000, 8000, 12000];

// Ask until the answer is known, with the same fields and so the same key. ``waiting(found, next)`` is told after each
// try whose answer is not known. Gives the last answer back, known or not, when ``signal`` says to stop or after ``most`` tries.
export async function settle(address, fields, { most = Infinity, waiting, signal, timeout, method } = {}) {
  for (let tried = 0; ; tried += 1) {
    const found = await ask(address, fields, { signal, timeout, method });
    if (found.known || signal?.aborted || tried + 1 >= most) return found;
    const pause = PAUSES[Math.min(tried, PAUSES.length - 1)];
    waiting?.(found, pause);
    await wait(pause, signal);
    if (signal?.aborted) return found;
  }
}

// A pause that ends early when the network comes back or when somebody wants no more.
export function wait(milliseconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", done);
    signal?.addEventListener("abort", done);
  });
}

// How the network is: "good", "slow" or "none". Told by answers; where none is asked for, by the browser.
class Network extends EventTarget {
  state = navigator.onLine ? "good" : "none";

  constructor() {
    super();
    addEventListener("offline", () => this.is("none"));
    addEventListener("online", () => this.is("good"));
  }

  heard(found, took) {
    if (found.known) this.is(took > 2500 ? "slow" : "good");
    else this.is(found.why === "no-network" ? "none" : "slow");
  }

  is(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

export const network = new Network();

// A key for one intent: made once, kept until its answer is known.
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return [...bytes].map((byte, place) => ([4, 6, 8, 10].includes(place) ? "-" : "") + byte.toString(16).padStart(2, "0")).join("");
}

// What an app remembers on this device. Never a card, a PIN or a name.
export class Kept {
  constructor(name) {
    this.name = `koinon-${name}`;
  }

  get() {
    try {
      return JSON.parse(localStorage.getItem(this.name)) ?? undefined;
    } catch {
      return undefined;
    }
  }

  set(value) {
    try {
      if (value === undefined) localStorage.removeItem(this.name);
      else localStorage.setItem(this.name, JSON.stringify(value));
      return true;
    } catch {
      return false; // A private window, or a full disk.
    }
  }
}
