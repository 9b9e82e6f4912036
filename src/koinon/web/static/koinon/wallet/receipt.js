// Proves on the device that the receipt on this page is in the public books.

import { copy, given } from "../app/app.js";
import { ask } from "../app/net.js";
import { keep, kept } from "./heads.js";
import { Chain, hex, inBlock, unbase64, unhex } from "./proof.js";

const said = given("sealed");
const check = document.querySelector("[data-check]");
const working = document.querySelector("[data-working]");
const result = document.querySelector("[data-result]");
const print = document.querySelector("[data-print]");

for (const element of document.querySelectorAll(".no-script")) element.hidden = true;
check.hidden = print.hidden = false;
print.addEventListener("click", () => window.print());
check.addEventListener("click", async () => {
  check.disabled = true;
  working.hidden = false;
  result.replaceChildren();
  const bar = working.querySelector("progress");
  bar.removeAttribute("value");
  const shown = await prove((done, all) => Object.assign(bar, { max: all, value: done })).catch(() => copy("unknown"));
  working.hidden = true;
  check.disabled = false;
  result.replaceChildren(shown);
  result.focus();
});

async function asked(address) {
  const answer = await ask(address, undefined, { method: "GET", timeout: 30000 });
  if (!answer.known || !answer.ok) throw new Error("not known");
  return answer.body;
}

// The number that anybody is shown: asked for as nobody in particular.
async function published() {
  const answer = await fetch(said.head, { credentials: "omit", cache: "no-store" });
  if (!answer.ok) throw new Error("not known");
  return answer.json();
}

async function prove(progress) {
  const begun = await asked(said.proof);
  if (!begun.sealed) return copy("not-yet");
  const head = await published();
  const chain = new Chain(said.townNumber, begun.number, begun.seqFrom, unhex(begun.previous));
  for (let piece = begun; ; piece = await asked(`${said.proof}?after=${chain.number}`)) {
    await chain.add(unbase64(piece.links), head.block);
    progress(chain.number - chain.first + 1, Math.max(1, head.block - chain.first + 1));
    if (!piece.more || chain.number >= head.block) break;
  }
  const wrong = (await inBlock(begun.proofs, said, chain)) || compare(chain, head);
  if (wrong) return copy("not-found", { why: copy(`why-${wrong}`) });
  const today = new Date().toISOString().slice(0, 10);
  const older = Object.entries(kept(said.town))
    .filter(([number, one]) => one.day < today && chain.hashes.has(Number(number)))
    .map(([number]) => Number(number));
  const shown = copy("proved", {
    block: chain.first,
    others: chain.count - begun.proofs.length,
    newest: chain.number,
    links: chain.number - chain.first + 1,
    head: head.hash,
    kept: older.length ? copy("kept-some", { oldest: Math.min(...older) }) : copy("kept-none"),
  });
  keep(said.town, head.block, head.hash, today);
  return shown;
}

function compare(chain, head) {
  if (chain.number !== head.block || hex(chain.head) !== head.hash || head.town !== said.town) return "head";
  for (const [number, one] of Object.entries(kept(said.town))) {
    const here = chain.hashes.get(Number(number));
    if (here && here !== one.hash) return "kept";
    if (Number(number) > head.block) return "kept"; // It was cut off since.
  }
  return "";
}
