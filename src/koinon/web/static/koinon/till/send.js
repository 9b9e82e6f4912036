// Sends what this till accepted without a network, from whatever page of the till is open; and shows the way there.

import { network } from "../app/net.js";

async function sendKept() {
  let kept;
  try {
    kept = JSON.parse(localStorage.getItem("koinon-offline"));
  } catch {
    return;
  }
  if (!kept) return;
  document.getElementById("without-network")?.removeAttribute("hidden");
  if (network.state === "none") return;
  const { Safe, send } = await import("./vouchers.js");
  const safe = await Safe.open(kept.party);
  await send(safe, kept.sync);
}

sendKept();
addEventListener("online", sendKept);
setInterval(sendKept, 300000);
