// Without a network: show what this device last saw, where it was asked to remember, and when that was.

import { copy, fill } from "../app/app.js";
import { seen, wanted } from "./seen.js";

const last = wanted.get() ? seen.get() : undefined;
if (last) {
  const place = document.querySelector("[data-remembered]");
  fill(place, { at: last.at, total: last.total });
  place.querySelector("[data-purses]").replaceChildren(...last.purses.map((purse) => copy("purse", purse)));
  place.hidden = false;
  document.querySelector("[data-forgotten]").hidden = true;
}
