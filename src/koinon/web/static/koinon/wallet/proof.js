// Is a receipt in the sealed books? Computed from bytes alone; docs/algorithms/sealing.md gives the format.

const SEQ_AND_ROOT = 56; // Bytes of a link of the chain: seq_to, rows, sealed_at, root.

const hash = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
export const unbase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

export function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    all.set(part, place);
    place += part.length;
  }
  return all;
}

// What the canonical bytes of a row say (format 2); undefined for bytes that are none.
export function row(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 2 || view.getUint16(0) !== 15) return undefined;
  const columns = [];
  let place = 2;
  while (place + 4 <= bytes.length) {
    const length = view.getInt32(place);
    place += 4;
    if (length < -1 || place + Math.max(length, 0) > bytes.length) return undefined;
    columns.push(length < 0 ? undefined : bytes.subarray(place, place + length));
    place += Math.max(length, 0);
  }
  if (columns.length !== 15 || place !== bytes.length) return undefined;
  const whole = (column) => column.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const [town, seq, id, , , , minor, , , , effectiveAt] = columns;
  if ([town, seq, id, minor, effectiveAt].some((column) => column === undefined)) return undefined;
  return {
    town: Number(whole(town)),
    seq: whole(seq),
    id: hex(id),
    minor: whole(minor),
    effectiveAt: BigInt.asIntN(64, whole(effectiveAt)),
  };
}

// The root that a leaf and its neighbours on each level lead to.
export async function climb(leaf, path) {
  let running = leaf;
  for (const step of path) {
    running = await hash(joined(Uint8Array.of(1), ...step.before.map(unhex), running, ...step.after.map(unhex)));
  }
  return running;
}

// The chain from one block on: ``add`` takes its links, ``hashes`` has the number of each block that was added.
export class Chain {
  hashes = new Map();
  rows = [];
  roots = [];

  constructor(town, number, seqFrom, previous) {
    Object.assign(this, { town, first: number, number: number - 1, seqFrom: BigInt(seqFrom), seqTo: BigInt(seqFrom), head: previous });
  }

  async add(links, until) {
    const view = new DataView(links.buffer, links.byteOffset, links.length);
    for (let place = 0; place + SEQ_AND_ROOT <= links.length && this.number < until; place += SEQ_AND_ROOT) {
      const header = new DataView(new ArrayBuffer(45));
      const seqTo = view.getBigInt64(place);
      header.setUint8(0, 2);
      header.setInt32(1, this.town);
      header.setBigInt64(5, BigInt(this.number + 1));
      header.setBigInt64(13, this.seqTo);
      header.setBigInt64(21, seqTo);
      header.setBigInt64(29, view.getBigInt64(place + 8));
      header.setBigInt64(37, view.getBigInt64(place + 16));
      const root = links.subarray(place + 24, place + SEQ_AND_ROOT);
      this.head = await hash(joined(new Uint8Array(header.buffer), root, this.head));
      this.number += 1;
      this.seqTo = seqTo;
      this.hashes.set(this.number, hex(this.head));
      if (this.number === this.first) Object.assign(this, { root, firstTo: seqTo, count: Number(view.getBigInt64(place + 8)) });
    }
  }
}

// Whether these rows say what the receipt says and are in the first block of the chain: "" or what does not fit.
export async function inBlock(proofs, said, chain) {
  const wanted = new Map();
  for (const line of said.lines) wanted.set(line.transfer, BigInt(line.minor));
  for (const proof of proofs) {
    const canonical = unhex(proof.canonical);
    const found = row(canonical);
    if (!found || found.town !== said.townNumber || wanted.get(found.id) !== found.minor) return "line";
    if (found.effectiveAt !== BigInt(said.effectiveAt)) return "line";
    wanted.delete(found.id);
    if (found.seq < chain.seqFrom || found.seq >= chain.firstTo) return "root";
    if (hex(await climb(await hash(canonical), proof.path)) !== hex(chain.root)) return "root";
  }
  return wanted.size ? "line" : "";
}
