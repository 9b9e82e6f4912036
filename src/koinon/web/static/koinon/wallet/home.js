// The wallet's first page: keeps what it shows where this device was asked to, keeps the seal, offers the home screen.

import { given } from "../app/app.js";
import { keep } from "./heads.js";
import { forget, seen, wanted } from "./seen.js";

const now = given("seen");
const text = (element, selector) => element?.querySelector(selector)?.textContent.trim() ?? "";

if (wanted.get() === now.whose) {
  seen.set({
    at: now.at,
    total: text(document, "[data-total]"),
    purses: [...document.querySelectorAll("[data-purse]")].map((purse) => ({
      name: text(purse, "[data-name]"),
      amount: text(purse, "[data-amount]"),
      until: text(purse, "[data-until]"),
    })),
  });
} else {
  forget();
}
if (now.head) keep(now.town, now.head.block, now.head.hash, now.day);

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  const offer = document.querySelector("[data-install]");
  offer.hidden = false;
  offer.querySelector("[data-install-now]").addEventListener("click", () => {
    offer.hidden = true;
    event.prompt();
  });
});
