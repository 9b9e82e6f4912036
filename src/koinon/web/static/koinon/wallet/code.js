// The code for a till: made as soon as the page is seen, and made anew before it is over, as long as the page is seen.

import { ask } from "../app/net.js";

const part = document.querySelector("[data-shown]");
const form = part.querySelector("form");
const [good, over, unknown] = ["good", "over", "unknown"].map((name) => part.querySelector(`[data-${name}]`));
const left = part.querySelector("[data-left]");
const BEFORE = 12; // Seconds that a code still holds when the next one takes its place.
let ends = 0;
let asking = false;

async function renew() {
  if (asking) return;
  asking = true;
  const began = performance.now();
  const found = await ask(part.dataset.shown, {});
  asking = false;
  if (found.known && !found.ok) {
    location.reload();
    return;
  }
  unknown.hidden = found.known;
  if (!found.known) return;
  const drawn = new DOMParser().parseFromString(found.body.svg, "image/svg+xml").documentElement;
  part.querySelector('[data-slot="svg"]').replaceChildren(document.importNode(drawn, true));
  part.querySelector('[data-slot="number"]').textContent = found.body.number;
  part.querySelector("[data-until]")?.remove();
  ends = began + found.body.seconds * 1000;
  over.hidden = true;
  good.hidden = left.hidden = false;
}

function tick() {
  const seconds = (ends - performance.now()) / 1000;
  if (seconds <= 0) {
    good.hidden = true;
    over.hidden = !ends || !unknown.hidden;
  } else left.value = seconds;
  if (seconds < BEFORE && !document.hidden) renew();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  renew();
});
document.addEventListener("visibilitychange", tick);
setInterval(tick, 1000);
tick();
