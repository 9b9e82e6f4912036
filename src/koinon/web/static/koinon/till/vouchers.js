// What a till keeps of payments that it accepts without a network, and how it signs them. Nothing here can be read off a
// stolen till: its key cannot leave the browser, and the codes of cards are sealed for the town.
// docs/algorithms/offline-vouchers.md describes the bytes; the same stands in koinon/offline/vouchers.py.

import { ask } from "../app/net.js";

const bytes = (text) => new TextEncoder().encode(text);
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const base64 = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const unbase64 = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));

const DAY = 86400000;
const AT_ONCE = 50;
const CARD = /^K1[A-Z2-7]{32}$/;

// The code of a printed card as it was scanned, or undefined for anything else.
export function cardCode(text) {
  const bare = text.replace(/[\s\u00a0\u200e\u200f.-]+/g, "").toUpperCase();
  return CARD.test(bare) ? bare : undefined;
}

// --- Keys and bytes ----------------------------------------------------------------------------

// A pair of its own for this till, Ed25519 where the browser has it. The private half can be used here and read nowhere.
export async function newPair() {
  try {
    return { algorithm: "ed25519", ...(await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) };
  } catch {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    return { algorithm: "p256", ...pair };
  }
}

export function sign(pair, body) {
  const how = pair.algorithm === "ed25519" ? { name: "Ed25519" } : { name: "ECDSA", hash: "SHA-256" };
  return crypto.subtle.sign(how, pair.privateKey, body);
}

// A card's code, sealed for the town with a key used once, and bound to its place in the till's count.
export async function sealed(code, town, device, counter) {
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const once = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
  const theirs = await crypto.subtle.importKey("raw", town, curve, false, []);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", once.publicKey));
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, once.privateKey, 256);
  const salt = new Uint8Array([...point, ...town]);
  const base = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt, info: bytes("koinon-offline-box-1") };
  const both = new Uint8Array(await crypto.subtle.deriveBits(how, base, 352));
  const key = await crypto.subtle.importKey("raw", both.slice(0, 32), "AES-GCM", false, ["encrypt"]);
  const place = { name: "AES-GCM", iv: both.slice(32), additionalData: bytes(`${device}|${counter}`) };
  return new Uint8Array([...point, ...new Uint8Array(await crypto.subtle.encrypt(place, key, bytes(code)))]);
}

export function written({ town, device, counter, amount, unit, accepted, card }) {
  const at = new Date(accepted).toISOString().replace(/\.\d+Z$/, "Z");
  return bytes(
    `koinon-voucher-1\ntown:${town}\ndevice:${device}\ncounter:${counter}\namount:${amount}\nunit:${unit}\naccepted:${at}\ncard:${card}\n`,
  );
}

// --- What is kept ------------------------------------------------------------------------------

function waited(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// One shop's till on this device: ``till`` (its keys and number), ``told`` (what the town said last), and the vouchers.
export class Safe {
  static async open(party) {
    const opening = indexedDB.open(`koinon-offline-${party}`, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("facts");
      opening.result.createObjectStore("vouchers", { keyPath: "counter" });
    };
    const safe = new Safe();
    safe.party = party;
    safe.db = await waited(opening);
    return safe;
  }

  fact(name) {
    return waited(this.db.transaction("facts").objectStore("facts").get(name));
  }

  async keep(facts, vouchers = []) {
    const writing = this.db.transaction(["facts", "vouchers"], "readwrite", { durability: "strict" });
    for (const [name, value] of Object.entries(facts)) writing.objectStore("facts").put(value, name);
    for (const voucher of vouchers) writing.objectStore("vouchers").put(voucher);
    await new Promise((resolve, reject) => {
      writing.oncomplete = resolve;
      writing.onerror = writing.onabort = () => reject(writing.error);
    });
  }

  async forget(counters) {
    const writing = this.db.transaction("vouchers", "readwrite");
    for (const counter of counters) writing.objectStore("vouchers").delete(counter);
  }

  // All of them, the oldest first.
  vouchers() {
    return waited(this.db.transaction("vouchers").objectStore("vouchers").getAll());
  }

  async unsent() {
    return (await this.vouchers()).filter((one) => !one.outcome);
  }
}

// One at a time, whatever pages of the till are open. Whoever sends keeps nobody from accepting.
const last = { accept: Promise.resolve(), send: Promise.resolve() };
function alone(what, work) {
  if (navigator.locks) return navigator.locks.request(`koinon-offline-${what}`, work);
  const next = last[what].then(work, work);
  last[what] = next.catch(() => undefined);
  return next;
}

// --- Time and terms ----------------------------------------------------------------------------

const now = (told) => Date.now() + told.ahead;

function dayOf(at, zone) {
  const parts = new Intl.DateTimeFormat("en", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).formatToParts(at);
  const part = (name) => parts.find((one) => one.type === name).value;
  return `${part("year")}-${part("month")}-${part("day")}`;
}

// The terms of the day, by what the till heard last.
export function termsOf(told) {
  const day = dayOf(now(told), told.zone);
  return told.terms.filter((one) => one.from <= day).at(-1);
}

// --- Registering, accepting, sending -----------------------------------------------------------

// What the town says now, kept for when it cannot be asked. Its clock counts, not this device's.
async function hear(safe, told, asked) {
  const ahead = Math.round(told.now - (asked + Date.now()) / 2);
  await safe.keep({ told: { ...told, outcomes: undefined, ahead, heard: told.now } });
}

// Registers this till, which makes its keys. Gives the answer of ``ask``.
export function register(safe, address, label) {
  return alone("accept", async () => {
    let till = await safe.fact("till");
    if (!till || (await safe.fact("told"))?.device?.withdrawn) {
      if ((await safe.unsent()).length) return { known: false, why: "unsent" }; // The key that signed it must send it.
      const tags = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
      till = { id: crypto.randomUUID(), pair: await newPair(), tags };
      await safe.keep({ till, counter: 0 });
    }
    const key = base64(await crypto.subtle.exportKey("raw", till.pair.publicKey));
    const asked = Date.now();
    const found = await ask(address, { device: till.id, algorithm: till.pair.algorithm, key, label });
    if (found.ok) {
      await hear(safe, found.body, asked);
      navigator.storage?.persist?.();
    }
    return found;
  });
}

// Every ground against accepting this now, by the names of the page's templates; empty where it may be accepted.
async function whyNot(safe, amount, tag) {
  const [till, told] = [await safe.fact("till"), await safe.fact("told")];
  if (!till || !told?.device) return ["not-registered"];
  if (told.device.withdrawn) return ["withdrawn"];
  const terms = termsOf(told);
  if (!told.on || !terms) return ["off"];
  const [unsent, at, found] = [await safe.unsent(), now(told), []];
  if (at - told.heard > terms.days * DAY || at < told.heard - 300000) found.push("stale");
  if (unsent.length && at - unsent[0].accepted > 0.8 * terms.days * DAY) found.push("send-first");
  if (amount > terms.voucher) found.push("over-payment");
  const sum = (some) => some.reduce((whole, one) => whole + one.amount, 0);
  const day = dayOf(at, told.zone);
  if (tag && sum((await safe.vouchers()).filter((one) => one.tag === tag && one.day === day)) + amount > terms.card) found.push("over-card");
  if (sum(unsent) + amount > terms.till) found.push("over-till");
  return found;
}

export async function mayAccept(safe, amount, code) {
  const till = code && (await safe.fact("till"));
  return whyNot(safe, amount, till && (await tagged(till, code)));
}

const tagged = async (till, code) => hex(await crypto.subtle.sign("HMAC", till.tags, bytes(code)));

// What is kept here of this card arrives together, and pays together at most its cap of that day: what this payment would
// lose the shop, {kept, most, lost} in minor units, where it would.
export async function atRisk(safe, code, amount) {
  const [till, told] = [await safe.fact("till"), await safe.fact("told")];
  const terms = told && termsOf(told);
  if (!till || !terms) return undefined;
  const tag = await tagged(till, code);
  const kept = (await safe.unsent()).filter((one) => one.tag === tag).reduce((whole, one) => whole + one.amount, 0);
  const lost = Math.min(amount, kept + amount - terms.card);
  return lost > 0 ? { kept, most: terms.card, lost } : undefined;
}

// Accepts a payment, or says every ground why not: {voucher} or {why}. Whatever is accepted is on the disk before this ends.
export function accept(safe, code, amount) {
  return alone("accept", async () => {
    const till = await safe.fact("till");
    const tag = till && (await tagged(till, code));
    const why = await whyNot(safe, amount, tag);
    if (why.length) return { why };
    const told = await safe.fact("told");
    const counter = Math.max((await safe.fact("counter")) ?? 0, told.device.highest) + 1;
    const accepted = Math.floor(now(told) / 1000) * 1000;
    const box = await sealed(code, unbase64(told.key), till.id, counter);
    const card = hex(await crypto.subtle.digest("SHA-256", box));
    const body = written({ town: told.town, device: till.id, counter, amount, unit: told.unit, accepted, card });
    const voucher = {
      counter, amount, accepted, tag, day: dayOf(accepted, told.zone), name: `${told.device.number}-${counter}`,
      body: base64(body), signature: base64(await sign(till.pair, body)), box: base64(box),
    };
    await safe.keep({ counter }, [voucher]);
    return { voucher };
  });
}

const asSent = ({ body, signature, box }) => ({ body, signature, box });

// What a till that never gets a network back hands over as a file.
export async function asFile(safe) {
  const till = await safe.fact("till");
  return JSON.stringify({ format: "koinon-vouchers-1", device: till.id, vouchers: (await safe.unsent()).map(asSent) });
}

// Sends what is kept, and hears what holds now; the last answer of ``ask``. What the town has taken stays kept without its
// card for a week, so that the shop sees what became of it.
export function send(safe, address) {
  return alone("send", async () => {
    const till = await safe.fact("till");
    if (!(await safe.fact("told"))?.device) return undefined;
    for (;;) {
      const part = (await safe.unsent()).slice(0, AT_ONCE);
      const asked = Date.now();
      const fields = { device: till.id, vouchers: JSON.stringify(part.map(asSent)) };
      const found = await ask(address, fields, { timeout: 30000 });
      if (!found.ok) return found;
      await hear(safe, found.body, asked);
      const done = part.map((one, place) => ({
        counter: one.counter, amount: one.amount, accepted: one.accepted, tag: one.tag, day: one.day, name: one.name,
        outcome: found.body.outcomes[place],
      }));
      await safe.keep({}, done);
      const old = (await safe.vouchers()).filter((one) => one.outcome && Date.now() - one.accepted > 7 * DAY);
      await safe.forget(old.map((one) => one.counter));
      if (part.length < AT_ONCE) return found;
    }
  });
}
