// The till: amount, card, payer, paid. What a card is and what its PIN is stay in this page's memory until the answer is
// known, and nowhere else; what waits for an answer is kept as key and amount, and survives a reload.

import { copy, fill, given } from "../app/app.js";
import { ask, Kept, network, newKey, settle } from "../app/net.js";
import { camera, keyboard, prepare } from "../app/scan.js";
import { written } from "./money.js";

const till = given("given");
const payerWords = given("payer");
const at = (id) => document.getElementById(id);
const said = (id) => at(id).content.textContent;
const shown = (minor) => written(minor, till.pattern);

let view = "amount";
let typed = 0; // Minor units on the display.
let sale; // {key, minor, card, pin, language, category, balance, sent}
let scanning;

// --- One view at a time ------------------------------------------------------------------------

function go(name) {
  if (view === "card" && name !== "card") stopCamera();
  view = name;
  for (const section of document.querySelectorAll(".app-view")) section.hidden = section.id !== `view-${name}`;
  document.body.dataset.view = name;
  at("menu").open = false;
  at(`view-${name}`).querySelector("[tabindex='-1']")?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function due() {
  const minor = sale?.minor ?? typed;
  for (const section of ["view-card", "view-unknown"]) fill(at(section), { due: shown(minor) });
  const words = payerWords[sale?.language ?? till.language];
  const paying = sale?.balance ? undefined : written(minor, words.pattern);
  for (const section of ["view-payer", "view-refused"]) fill(at(section), { due: paying });
}

// --- Amount ------------------------------------------------------------------------------------

function display() {
  at("amount").firstElementChild.textContent = shown(typed);
  at("charge").disabled = typed === 0;
  at("amount").dataset.minor = typed;
}

function digit(what) {
  if (what === "back") typed = Math.floor(typed / 10);
  else {
    const next = typed * 10 ** what.length + Number(what);
    if (next <= till.most) typed = next;
  }
  display();
}

at("keys").addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-digit]");
  if (pressed) digit(pressed.dataset.digit);
});

let keyed = []; // When a key was typed, and what stood there before it.

// The keys of a keyboard do what the pad does, as long as nothing else has the focus.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, summary, a")) return;
  const figure = /^[0-9]$/.test(event.key) ? event.key : event.key === "Backspace" ? "back" : undefined;
  if (view === "amount") {
    if (figure) {
      keyed.push([event.timeStamp, typed]);
      keyed = keyed.slice(-60);
      digit(figure);
    } else if (event.key === "Enter" && !event.target.closest("button")) charge();
    else return;
    event.preventDefault();
  } else if (view === "payer" && figure && !at("pin-keys").hidden) {
    pinKey(figure);
    event.preventDefault();
  } else if (view === "card" && figure && figure !== "back") {
    at("number").value += figure; // Beside a working camera its title has the focus, not the field.
    at("number").focus();
    event.preventDefault();
  }
});

function begin(more = {}) {
  sale = { key: newKey(), minor: typed, language: till.language, category: at("category")?.value ?? "", pin: "", ...more };
  due();
}

function charge() {
  if (typed === 0) return;
  begin();
  toCard();
}
at("charge").addEventListener("click", charge);
at("balance-open").addEventListener("click", () => {
  begin({ balance: true, minor: 0 });
  toCard();
});

// --- Card --------------------------------------------------------------------------------------

function toCard() {
  at("view-card").querySelector(".till-due").hidden = Boolean(sale.balance);
  at("number").value = "";
  go("card");
  startCamera();
}

async function startCamera() {
  stopCamera();
  const mine = (scanning = {});
  at("camera-none").hidden = at("camera-refused").hidden = at("torch").hidden = true;
  at("viewfinder").hidden = false;
  try {
    const found = await camera(at("camera"), (text) => (looksRight(text) ? (presented(text), true) : false));
    if (scanning !== mine) return found.stop();
    scanning = found;
    if (found.torch) at("torch").hidden = false;
  } catch (failed) {
    if (scanning !== mine) return;
    at("viewfinder").hidden = true;
    at(failed.message === "camera-refused" ? "camera-refused" : "camera-none").hidden = false;
    at("number").focus();
  }
}

function stopCamera() {
  scanning?.stop?.();
  scanning = undefined;
}

at("torch").addEventListener("click", (event) => {
  const on = event.currentTarget.getAttribute("aria-pressed") !== "true";
  event.currentTarget.setAttribute("aria-pressed", String(on));
  scanning?.torch?.(on);
});

// Any other code that happens to be in the picture is passed over; the server decides about the rest.
const looksRight = (text) => /^\s*K[0-9][A-Z2-7 -]{32,60}\s*$/i.test(text) || /^[0-9\s-]{10,20}$/.test(text);

at("type-card").addEventListener("submit", (event) => {
  event.preventDefault();
  presented(at("number").value);
});

keyboard((text, began) => {
  // The figures of a scanned code came as keys, too: the amount is what it was before them.
  const before = keyed.find(([when]) => when >= began);
  if (view === "amount" && before) {
    typed = before[1];
    display();
  }
  if (view === "amount" && typed > 0) begin();
  if (view === "amount" ? typed > 0 : view === "card") presented(text);
});

async function presented(text) {
  sale.card = text.trim();
  at("number").value = ""; // A scanner's keys came here, too.
  stopCamera();
  payer({ busy: true });
  if (sale.balance) {
    sale.needsPin = true;
    payer();
    return;
  }
  const mine = sale;
  const found = await settle("/till/card/", { key: mine.key, card: mine.card, amount: mine.minor, language: mine.language }, { most: 3, timeout: 6000 });
  if (sale !== mine || view !== "payer") return;
  if (!found.known) return refused([said("t-not-asked")]);
  if (found.status === 401) return signedOut();
  if (!found.ok) return refused(found.body.sentences ?? []);
  if (found.body.language && !mine.chosen) mine.language = found.body.language;
  mine.needsPin = found.body.pin;
  payer();
}

// --- Payer -------------------------------------------------------------------------------------

for (const code of till.languages) {
  const button = document.createElement("button");
  button.type = "button";
  button.lang = code;
  button.textContent = payerWords[code].name;
  button.dataset.code = code;
  at("payer-languages").append(button);
}
at("payer-languages").addEventListener("click", (event) => {
  const code = event.target.closest("[data-code]")?.dataset.code;
  if (!code) return;
  sale.language = code;
  sale.chosen = true;
  speak();
});

// Everything the payer reads, in their language and its direction.
function speak() {
  const words = payerWords[sale.language];
  for (const sheet of document.querySelectorAll(".payer-sheet, .receipt")) {
    sheet.lang = sale.language;
    sheet.dir = words.dir;
    for (const element of sheet.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  }
  for (const button of at("payer-languages").children) {
    button.setAttribute("aria-pressed", String(button.dataset.code === sale.language));
  }
  if (sale.balance) {
    at("payer-what").textContent = words.balance;
    at("payer-accepts").textContent = words.balance_why;
    at("confirm-word").textContent = words.show;
  }
  at("view-payer").querySelector(".payer-to").hidden = Boolean(sale.balance);
  if (at("payer-busy").textContent) at("payer-busy").textContent = words.one_moment;
  due();
}

function payer({ busy = false, why } = {}) {
  sale.pin = "";
  at("pin").value = "";
  const pin = Boolean(sale.needsPin);
  at("payer-pin").hidden = !pin;
  at("payer-no-pin").hidden = pin || busy;
  for (const key of at("pin-keys").children) key.hidden = !pin && key.dataset.digit !== "cancel";
  at("payer-said").hidden = !why;
  if (why) at("payer-said").replaceChildren(...why.map(paragraph));
  at("payer-busy").textContent = busy ? payerWords[sale.language].one_moment : "";
  speak();
  ready();
  if (view !== "payer") go("payer");
  if (!busy && pin) at("pin").focus({ preventScroll: true });
  else if (!busy) at("confirm-pay").focus({ preventScroll: true });
}

function paragraph(text) {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}

function ready() {
  const busy = Boolean(at("payer-busy").textContent);
  at("confirm-pay").disabled = busy || (sale.needsPin && sale.pin.length !== 6);
}

function pinKey(what) {
  if (what === "cancel") return cancel();
  if (what === "back") sale.pin = sale.pin.slice(0, -1);
  else if (sale.pin.length < 6) sale.pin += what;
  at("pin").value = sale.pin;
  ready();
}

at("pin-keys").addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-digit]");
  if (pressed) pinKey(pressed.dataset.digit);
});
at("pin").addEventListener("input", () => {
  sale.pin = at("pin").value.normalize("NFKC").replace(/[\u0660-\u0669]/g, (one) => one.charCodeAt(0) - 0x660).replace(/\D/g, "").slice(0, 6);
  at("pin").value = sale.pin;
  ready();
});
at("confirm").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!at("confirm-pay").disabled) confirm();
});

function cancel() {
  sale = undefined;
  go("amount");
}

// --- Paying ------------------------------------------------------------------------------------

async function confirm() {
  const mine = sale;
  performance.mark("koinon-confirmed");
  at("payer-busy").textContent = payerWords[mine.language].one_moment;
  at("confirm-pay").disabled = true;
  const pin = mine.needsPin ? mine.pin : "";
  if (mine.balance) return balance(mine, pin);
  const fields = { key: mine.key, card: mine.card, amount: mine.minor, pin, language: mine.language, category: mine.category };
  mine.stopped = new AbortController();
  mine.unsure = mine.unsure ?? false;
  pending.add(mine);
  const found = await settle("/till/pay/", fields, {
    signal: mine.stopped.signal,
    timeout: 10000,
    waiting: () => {
      mine.unsure = true;
      pending.draw();
      if (sale === mine) unknown();
    },
  });
  if (!found.known) return; // Somebody stopped it, and takes care of its answer.
  if (found.ok) {
    pending.end(mine.key, true, sale === mine);
    if (sale === mine) paid(found.body);
    return;
  }
  if (found.status === 401) {
    if (sale === mine) signedOut();
    return;
  }
  // A no to a question that was asked before may be the answer to the second one only: make sure.
  if (mine.unsure) {
    mine.why = found.body.sentences;
    return resolve(mine);
  }
  pending.end(mine.key, false, true);
  if (sale !== mine) return;
  if (found.body.code === "instruments.pin-needed") {
    mine.needsPin = true;
    payer();
  } else if (found.body.code === "instruments.pin-wrong") payer({ why: found.body.sentences });
  else refused(found.body.sentences ?? []);
}

function unknown() {
  at("unknown-tries").textContent = said(network.state === "none" ? "t-no-network" : "t-asking-again");
  due();
  if (view !== "unknown") go("unknown");
}

// For certain: paid, or given up for good.
async function resolve(mine) {
  const found = await settle("/till/give-up/", { key: mine.key, amount: mine.minor, language: mine.language }, {
    timeout: 8000,
    waiting: () => sale === mine && unknown(),
  });
  if (found.status === 401) return signedOut();
  const wasPaid = found.ok && found.body.paid;
  if (found.ok) pending.end(mine.key, wasPaid, sale === mine);
  if (sale !== mine) return;
  if (wasPaid) paid(found.body);
  else {
    sale.key = newKey(); // The old one can never pay any more.
    sale.unsure = false;
    refused(mine.why ?? []);
  }
}

at("unknown-stop").addEventListener("click", () => {
  at("unknown-tries").textContent = said("t-asking-again");
  sale.stopped?.abort();
  resolve(sale);
});
at("unknown-next").addEventListener("click", () => {
  sale = undefined;
  typed = 0;
  display();
  go("amount");
});

function signedOut() {
  refused([said("t-signed-out")]);
}

function paid(answer) {
  performance.mark("koinon-paid");
  sale.pin = sale.card = "";
  sale.payment = answer.payment;
  speak();
  fill(at("view-done"), { amount: answer.amount, line: answer.line, when: answer.when, number: answer.number });
  at("receipt-lines").replaceChildren(
    ...answer.lines.map(([name, much]) => {
      const line = document.createElement("li");
      const [what, amount] = [document.createElement("span"), document.createElement("bdi")];
      what.textContent = name;
      amount.textContent = much;
      line.append(what, amount);
      return line;
    }),
  );
  at("receipt").hidden = true;
  at("receipt-show").setAttribute("aria-expanded", "false");
  at("receipt-said").textContent = "";
  at("receipt-send").disabled = false;
  typed = 0;
  display();
  go("done");
  state();
}

at("next").addEventListener("click", () => {
  sale = undefined;
  go("amount");
});
at("receipt-show").addEventListener("click", (event) => {
  at("receipt").hidden = !at("receipt").hidden;
  event.currentTarget.setAttribute("aria-expanded", String(!at("receipt").hidden));
});
at("receipt-print").addEventListener("click", () => print());
at("receipt-send").addEventListener("click", async () => {
  at("receipt-send").disabled = true;
  const found = await settle("/till/receipt/", { payment: sale.payment }, { most: 3 });
  at("receipt-said").textContent = said(found.ok ? "t-receipt-left" : "t-receipt-failed");
  at("receipt-send").disabled = Boolean(found.ok);
});

function refused(why) {
  sale.pin = "";
  speak();
  at("refused-why").replaceChildren(
    ...why.map((text) => {
      const line = document.createElement("li");
      line.textContent = text;
      return line;
    }),
  );
  go("refused");
}
at("refused-again").addEventListener("click", toCard);
at("refused-amount").addEventListener("click", cancel);
for (const button of document.querySelectorAll("[data-go]")) {
  button.addEventListener("click", () => {
    if (button.dataset.go === "amount" && view === "refused") {
      typed = 0;
      display();
    }
    sale = undefined;
    go(button.dataset.go);
  });
}

// --- Balance -----------------------------------------------------------------------------------

async function balance(mine, pin) {
  const found = await ask("/till/balance/", { card: mine.card, pin, language: mine.language });
  if (sale !== mine) return;
  if (!found.known) return refused([said("t-not-asked")]);
  if (found.status === 401) return signedOut();
  if (found.body.code === "instruments.pin-wrong") return payer({ why: found.body.sentences });
  if (!found.ok) return refused(found.body.sentences ?? []);
  mine.pin = mine.card = "";
  const lines = found.body.lines.length ? found.body.lines : [[payerWords[mine.language].nothing, ""]];
  at("balance-lines").replaceChildren(
    ...lines.map(([name, much]) => {
      const line = document.createElement("li");
      const [what, amount] = [document.createElement("span"), document.createElement("bdi")];
      what.className = "what";
      amount.className = "much";
      what.textContent = name;
      amount.textContent = much;
      line.append(what, amount);
      return line;
    }),
  );
  go("balance");
}

// --- What waits for an answer ------------------------------------------------------------------

const pending = {
  kept: new Kept(`till-${till.shop}`),
  list: [],

  add({ key, minor }) {
    if (!this.list.some((one) => one.key === key)) this.list.push({ key, minor, at: Date.now(), state: "asking", fresh: true });
    this.keep();
  },
  // An answer that the sale's own screen shows needs no line here.
  end(key, wasPaid, seen) {
    const one = this.list.find((each) => each.key === key);
    if (!one) return;
    if (seen) this.list = this.list.filter((each) => each !== one);
    else one.state = wasPaid ? "was-paid" : "was-not-paid";
    this.keep();
  },
  keep() {
    this.kept.set(this.list.length ? this.list : undefined);
    this.draw();
  },
  draw() {
    const old = this.list.filter((one) => one.key !== sale?.key);
    at("pending-open").hidden = old.length === 0;
    fill(at("pending-open"), { pending: String(old.length) });
    at("pending-list").replaceChildren(
      ...this.list.map((one) => {
        const made = copy(`t-${one.state}`, { when: new Date(one.at).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" }), amount: shown(one.minor) });
        made.querySelector("[data-forget]")?.addEventListener("click", () => {
          this.list = this.list.filter((each) => each !== one);
          this.keep();
        });
        return made;
      }),
    );
  },
  // After a reload nobody remembers card or PIN: what was not paid by now is given up for certain.
  async start() {
    this.list = this.kept.get() ?? [];
    this.draw();
    for (const one of this.list.filter((each) => each.state === "asking")) {
      const found = await settle("/till/give-up/", { key: one.key, amount: one.minor, language: till.language }, { timeout: 8000 });
      if (found.ok) this.end(one.key, found.body.paid, false);
      if (found.status === 401) return;
    }
  },
};

at("pending-open").addEventListener("click", () => {
  pending.draw();
  go("pending");
});
network.addEventListener("change", () => view === "unknown" && unknown());

// --- Who is here -------------------------------------------------------------------------------

async function state() {
  const found = await ask("/till/state/", {}, { method: "GET" });
  if (found.status === 401) location.assign("/till/who/");
  if (found.ok) fill(document.querySelector(".app-bar"), { cashier: found.body.cashier });
}

// A page may be left while it waits for an answer; the browser asks first.
addEventListener("beforeunload", (event) => {
  if (pending.list.some((one) => one.state === "asking")) event.preventDefault();
});

display();
go("amount");
pending.start();
state();
if ("requestIdleCallback" in window) requestIdleCallback(() => prepare());
document.documentElement.dataset.till = "ready";
