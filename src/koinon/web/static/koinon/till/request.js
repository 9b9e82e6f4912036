// The customer pays by phone: the amount that was typed goes on to the page that shows its code, once for each sale.

import { newKey } from "../app/net.js";

const form = document.getElementById("by-phone");

form.addEventListener("submit", (event) => {
  const minor = Number(document.getElementById("amount").dataset.minor ?? 0);
  if (minor > 0) {
    form.elements.minor.value = minor;
    form.elements.form_id.value = newKey();
  } else {
    event.preventDefault();
    location.assign(form.action); // Nothing was typed: the page asks for the amount.
  }
});
