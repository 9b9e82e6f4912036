// Scanning what is to be paid: the code goes on in the body of the page's own form.

import { camera, prepare } from "../app/scan.js";

const part = document.querySelector("[data-scan]");
const form = document.querySelector("[data-code]");
const [start, stop] = [part.querySelector("[data-start]"), part.querySelector("[data-stop]")];
const PAYABLE = /(?:^|#)(?:R1\.[\w-]{100,}|S1[A-Z2-7]{26})$/;
let running;

function say(what) {
  for (const element of part.querySelectorAll("[data-says]")) element.hidden = element.dataset.says !== what;
}

function show(scanning) {
  part.toggleAttribute("data-scanning", scanning);
  start.hidden = scanning;
  stop.hidden = !scanning;
}

function found(text) {
  if (!PAYABLE.test(text.trim())) {
    say("no-code");
    return false;
  }
  say("");
  show(false);
  form.querySelector("input[name=code]").value = text.trim();
  form.requestSubmit();
  return true;
}

start.addEventListener("click", async () => {
  say("");
  show(true);
  stop.focus();
  try {
    running = await camera(part.querySelector("video"), found);
  } catch (failed) {
    show(false);
    if (failed.message !== "camera-stopped") {
      say(failed.message === "camera-refused" ? "camera-refused" : "camera-missing");
      form.querySelector("input[name=code]").focus();
    }
  }
});

stop.addEventListener("click", () => {
  running?.stop();
  show(false);
  start.focus();
});

part.hidden = false;
prepare();
