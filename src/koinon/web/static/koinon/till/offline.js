// The till without a network: an amount, the code of a card, the payer's yes. What is accepted is sent when the network is back.

import { copy, fill, given } from "../app/app.js";
import { network } from "../app/net.js";
import { camera, keyboard, prepare } from "../app/scan.js";
import { written } from "./money.js";
import { Safe, accept, asFile, atRisk, cardCode, mayAccept, register, send, termsOf } from "./vouchers.js";

const at = (id) => document.getElementById(id);
const page = given("offline");
const shown = (minor, language) => written(minor, language ? page.payer[language].pattern : page.pattern);
const MOST = 10 ** 9;

let safe;
let view;
let typed = 0;
let code;
let scans = 0;
let watching;
let busy = false;
let language = document.documentElement.lang.split("-")[0];

function go(name) {
  if (view === "card" && name !== "card") stopCamera();
  view = name;
  for (const section of document.querySelectorAll(".app-view")) section.hidden = section.id !== `view-${name}`;
  at(`view-${name}`).querySelector("h2")?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

// --- Amount ------------------------------------------------------------------------------------

function display() {
  at("amount").querySelector("bdi").textContent = shown(typed);
  at("charge").disabled = typed === 0;
}

function digit(what) {
  if (what === "back") typed = Math.floor(typed / 10);
  else if (typed * 10 ** what.length < MOST) typed = typed * 10 ** what.length + Number(what);
  display();
}

at("keys").addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-digit]");
  if (pressed) digit(pressed.dataset.digit);
});
addEventListener("keydown", (event) => {
  if (view !== "amount" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("a, input, summary")) return;
  const figure = event.key.normalize("NFKC").replace(/[\u0660-\u0669]/g, (one) => String(one.charCodeAt(0) - 0x660));
  if (/^[0-9]$/.test(figure)) digit(figure);
  else if (event.key === "Backspace") digit("back");
  else if (event.key === "Enter" && typed && !event.target.closest("button")) charge();
});

function why(names) {
  at("payer-why").hidden = true;
  at("why").replaceChildren(...names.map((name) => copy(`t-${name}`)));
  go("refused");
}

// The same for whoever was about to pay, in their words, beside the shop's.
function whyForPayer(names) {
  why(names);
  const words = page.payer[language];
  at("payer-why-list").replaceChildren(
    ...[...new Set(names.map((name) => words.why[name]))].filter(Boolean).map((text) => {
      const line = document.createElement("li");
      line.textContent = text;
      return line;
    }),
  );
  at("payer-why").hidden = language === document.documentElement.lang.split("-")[0];
  speak();
}

async function charge() {
  const names = await mayAccept(safe, typed);
  if (names.length) return why(names);
  scans += 1;
  fill(document, { due: shown(typed) });
  at("perhaps-paid").hidden = !perhapsPaid();
  go("card");
  startCamera();
}
at("charge").addEventListener("click", charge);

// Whether the till asked for the same amount and has had no answer: then it may be paid already.
function perhapsPaid() {
  const names = Object.keys(localStorage).filter((name) => name.startsWith("koinon-till-"));
  return names.some((name) => {
    try {
      return JSON.parse(localStorage.getItem(name)).some((one) => one.state === "asking" && one.minor === typed);
    } catch {
      return false;
    }
  });
}

// --- Card --------------------------------------------------------------------------------------

async function startCamera() {
  for (const id of ["camera-none", "camera-refused", "not-a-card"]) at(id).hidden = true;
  at("viewfinder").hidden = false;
  try {
    const started = await camera(at("camera"), presented);
    if (view === "card") watching = started;
    else started.stop();
  } catch (failed) {
    if (view !== "card") return;
    at("viewfinder").hidden = true;
    at(failed.message === "camera-refused" ? "camera-refused" : "camera-none").hidden = false;
  }
}

function stopCamera() {
  watching?.stop();
  watching = undefined;
}

function presented(text) {
  const found = cardCode(text);
  at("not-a-card").hidden = Boolean(found);
  if (!found || view !== "card") return false;
  code = found;
  warned();
  return true;
}

// The shop reads first what it would lose by this payment, where it would; it is its own to decide.
async function warned() {
  const [scanned, amount, mine] = [code, typed, ++scans];
  const risk = (await mayAccept(safe, amount, scanned)).length ? undefined : await atRisk(safe, scanned, amount);
  if (mine !== scans || view !== "card") return; // Another card lies there by now, or another amount is asked.
  if (!risk) return payer();
  fill(at("view-risk"), { "risk-kept": shown(risk.kept), "risk-most": shown(risk.most), "risk-lost": shown(risk.lost) });
  go("risk");
}
at("risk-taken").addEventListener("click", payer);
keyboard((text) => view === "card" && presented(text));

// --- Payer -------------------------------------------------------------------------------------

for (const [name, words] of Object.entries(page.payer)) {
  const button = document.createElement("button");
  button.type = "button";
  button.lang = name;
  button.textContent = words.name;
  button.dataset.code = name;
  at("payer-languages").append(button);
}
at("payer-languages").addEventListener("click", (event) => {
  language = event.target.closest("[data-code]")?.dataset.code ?? language;
  speak();
});

function speak() {
  const words = page.payer[language];
  for (const sheet of document.querySelectorAll(".payer-sheet")) {
    sheet.lang = language;
    sheet.dir = words.dir;
    for (const element of sheet.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  }
  for (const button of at("payer-languages").children) {
    button.setAttribute("aria-pressed", String(button.dataset.code === language));
  }
  fill(at("payer-sheet"), { due: shown(typed, language) });
}

function payer() {
  speak();
  go("payer");
  at("agree").focus({ preventScroll: true });
}

at("agree").addEventListener("click", async () => {
  if (busy) return;
  busy = true;
  try {
    const found = await accept(safe, code, typed);
    if (found.why) return whyForPayer(found.why);
    fill(at("view-done"), { amount: shown(typed, language), number: found.voucher.name });
    typed = 0;
    code = undefined;
    display();
    go("done");
    await count();
    sendNow();
  } catch {
    why(["not-kept"]); // The disk is full, or the browser keeps nothing.
  } finally {
    busy = false;
  }
});

function stop() {
  code = undefined;
  go("amount");
}
for (const button of document.querySelectorAll("[data-stop]")) button.addEventListener("click", stop);

const sentence = (said) => (/[.!?؟]$/u.test(said) ? said : `${said}.`);

// --- What is kept ------------------------------------------------------------------------------

async function count() {
  const told = await safe.fact("told");
  const unsent = await safe.unsent();
  const sum = unsent.reduce((whole, one) => whole + one.amount, 0);
  at("kept-open").hidden = !told?.device;
  fill(document, { kept: String(unsent.length), "kept-sum": shown(sum) });
  at("send").disabled = unsent.length === 0;
  at("save").hidden = unsent.length === 0;
  const terms = told && termsOf(told);
  fill(document, {
    "may-payment": terms ? shown(terms.voucher) : "", "may-card": terms ? shown(terms.card) : "",
    "may-till": terms ? shown(terms.till) : "", "may-days": terms ? String(terms.days) : "",
  });
  at("kept-list").replaceChildren(
    ...(await safe.vouchers()).reverse().map((one) => {
      const said = one.outcome ? [one.outcome.said, ...one.outcome.why].filter(Boolean).map(sentence).join(" ") : undefined;
      const kind = !one.outcome ? "t-kept" : one.outcome.taken ? "t-sent" : "t-not-taken";
      return copy(kind, { name: one.name, amount: shown(one.amount), said: said ?? null });
    }),
  );
}

at("kept-open").addEventListener("click", async () => {
  await count();
  go("kept");
});
at("save").addEventListener("click", async () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([await asFile(safe)], { type: "application/json" }));
  link.download = "koinon-vouchers.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});

let sending = false;
async function sendNow(spoken = false) {
  if (sending || network.state === "none") return spoken && say("t-no-network");
  sending = true;
  try {
    const found = await send(safe, page.sync);
    if (found?.status === 401) say("t-signed-out");
    else if (found?.ok) say((await safe.unsent()).length ? "t-still-kept" : "t-all-sent");
    else if (spoken) say("t-no-network");
  } finally {
    sending = false;
    await count();
  }
}
function say(id) {
  at("send-said").replaceChildren(copy(id));
}
at("send").addEventListener("click", () => sendNow(true));
network.addEventListener("change", () => network.state !== "none" && sendNow());
addEventListener("online", () => sendNow());
setInterval(async () => (await safe.unsent()).length && sendNow(), 60000);

// --- Registering -------------------------------------------------------------------------------

at("register").addEventListener("submit", async (event) => {
  event.preventDefault();
  await sendNow();
  const found = await register(safe, page.register, at("label").value);
  if (found.ok) {
    localStorage.setItem("koinon-offline", JSON.stringify({ party: page.party, sync: new URL(page.sync, location).pathname }));
    await begin();
  } else {
    at("register-said").hidden = false;
    at("register-said").textContent = found.body?.said ?? copy(found.why === "unsent" ? "t-still-kept" : "t-no-network").textContent;
  }
});

async function begin() {
  const told = await safe.fact("told");
  go(told?.device && !told.device.withdrawn ? "amount" : "setup");
  await count();
}

display();
safe = await Safe.open(page.party);
await begin();
sendNow();
prepare();
document.documentElement.dataset.till = "ready";
