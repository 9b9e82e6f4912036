// A page that shows the code of a request: asks whether it is paid, and shows itself anew when it is no longer open.

import { ask, wait } from "./net.js";

const watched = document.querySelector("[data-watch]");
if (watched) watch(watched.dataset.watch);

async function watch(address) {
  for (;;) {
    await wait(document.hidden ? 5000 : 1500);
    const found = await ask(address, {}, { method: "GET" });
    if (found.known && (found.status === 401 || (found.ok && found.body.state !== "open"))) {
      location.reload();
      return;
    }
  }
}

const copying = document.querySelector("[data-copy]");
if (copying && navigator.clipboard) {
  const field = document.getElementById("link");
  copying.hidden = false;
  copying.querySelector("button").addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    copying.querySelector("[data-copied]").hidden = false;
  });
}
