// Whether this device remembers what was last seen. The choice is the device's own: the town is not told.

import { forget, wanted } from "./seen.js";

const box = document.querySelector("[data-remember]");
const phone = document.querySelector("[data-phone]");
phone.hidden = false;
box.checked = wanted.get() === phone.dataset.phone;
box.addEventListener("change", () => {
  const kept = wanted.set(box.checked ? phone.dataset.phone : undefined);
  if (!box.checked) forget();
  document.querySelector("[data-kept]").hidden = !(kept && box.checked);
});
