// The numbers of blocks that this device has seen published. Whoever keeps an old one can see that books were
// written anew, so every phone is a witness. They say nothing about anybody: the town shows them to everyone.

import { Kept } from "../app/net.js";

const MOST = 40;

const place = (town) => new Kept(`heads-${town}`);

export function kept(town) {
  return place(town).get() ?? {};
}

// One a day is enough; the oldest are the most telling, so of too many it is the middle that goes.
export function keep(town, number, hash, day) {
  const all = kept(town);
  if (all[number] || Object.values(all).some((one) => one.day === day)) return;
  all[number] = { hash, day };
  const numbers = Object.keys(all).map(Number).sort((a, b) => a - b);
  if (numbers.length > MOST) delete all[numbers[Math.floor(numbers.length / 2)]];
  place(town).set(all);
}
