// What this device was asked to remember of the wallet: what the page said, word for word, and when. Nothing is kept
// unless the person asked for it here; signing out, asking no more, or somebody else at this device removes it.

import { Kept } from "../app/net.js";

export const wanted = new Kept("wallet-remember");
export const seen = new Kept("wallet-seen");

export function forget() {
  seen.set(undefined);
}
