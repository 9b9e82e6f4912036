// Whoever signs out leaves nothing behind on the device.

import { forget } from "./seen.js";

for (const form of document.querySelectorAll("form[data-leaves]")) form.addEventListener("submit", forget);
