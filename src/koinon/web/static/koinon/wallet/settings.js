// Whether this device remembers what was last seen. The choice is the device's own: the town is not told.

import { forget, wanted } from "./seen.js";

const box = document.querySelector("[data-remember]");
document.querySelector("[data-phone]").hidden = false;
box.checked = wanted.get() === true;
box.addEventListener("change", () => {
  const kept = wanted.set(box.checked || undefined);
  if (!box.checked) forget();
  document.querySelector("[data-kept]").hidden = !(kept && box.checked);
});
