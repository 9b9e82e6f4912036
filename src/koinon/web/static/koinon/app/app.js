// What every app does: keep its shell, and show how the network is.

import { network } from "./net.js";

const worker = document.documentElement.dataset.worker;
if (worker && "serviceWorker" in navigator) {
  addEventListener("load", () => navigator.serviceWorker.register(worker).catch(() => undefined));
}

// Elements with data-network="good slow none" are shown in these states only; one with role=status tells a reader.
function show() {
  document.documentElement.dataset.state = network.state;
  for (const element of document.querySelectorAll("[data-network]")) {
    element.hidden = !element.dataset.network.split(" ").includes(network.state);
  }
}
network.addEventListener("change", show);
show();

// A copy of the template ``id``, with the texts of ``slots`` in the elements that carry data-slot.
export function copy(id, slots = {}) {
  const made = document.getElementById(id).content.cloneNode(true);
  fill(made, slots);
  return made;
}

export function fill(root, slots) {
  for (const [name, value] of Object.entries(slots)) {
    for (const element of root.querySelectorAll(`[data-slot="${name}"]`)) {
      if (value === undefined || value === null) element.hidden = true;
      else if (value instanceof Node) element.replaceChildren(value);
      else {
        element.textContent = value;
        element.hidden = false;
      }
    }
  }
}

// The data that the server put into the page by json_script.
export const given = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");
