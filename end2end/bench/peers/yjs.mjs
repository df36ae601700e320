// Yjs' sync protocol as far as the benchmarks speak it: greetings, one whole document, and the ends of its cells' texts.
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { WebSocket } from "ws";
import * as Y from "yjs";

const SYNC = 0;
const AUTH = 2;

/** What stands before every message of a document: its name for Hocuspocus, nothing for Jupyter. */
export function prefixOf(document) {
  return document === undefined ? [] : [...frame((to) => encoding.writeVarString(to, document))];
}

/** The frames a client says first: who it is (Hocuspocus), what it has (nothing), what the server lacks (nothing). */
export function greeting(document) {
  const prefix = prefixOf(document);
  const frames = [
    frame((to) => {
      encoding.writeVarUint(to, SYNC);
      encoding.writeVarUint(to, 0);
      encoding.writeVarUint8Array(to, Y.encodeStateVector(new Y.Doc()));
    }),
    frame((to) => {
      encoding.writeVarUint(to, SYNC);
      encoding.writeVarUint(to, 1);
      encoding.writeVarUint8Array(to, Y.encodeStateAsUpdate(new Y.Doc()));
    }),
  ];
  if (document !== undefined) {
    frames.unshift(
      frame((to) => {
        encoding.writeVarUint(to, AUTH);
        encoding.writeVarUint(to, 0);
        encoding.writeVarString(to, "token");
      }),
    );
  }
  return frames.map((one) => [...prefix, ...one]);
}

/** Resolves with an open socket once the server has told its whole document; `doc` takes it up. */
export function enter(url, document, doc) {
  const prefix = prefixOf(document);
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    socket.binaryType = "nodebuffer";
    socket.once("error", reject);
    socket.once("close", (code) => reject(new Error(`${url} was closed with ${code}`)));
    socket.once("open", () => greeting(document).forEach((one) => socket.send(Uint8Array.from(one))));
    socket.on("message", (data, binary) => {
      if (!binary) return;
      const decoder = decoding.createDecoder(new Uint8Array(data.subarray(prefix.length)));
      if (decoding.readVarUint(decoder) !== SYNC) return;
      const kind = decoding.readVarUint(decoder);
      if (kind === 0) return;
      if (doc !== undefined) Y.applyUpdate(doc, decoding.readVarUint8Array(decoder), "server");
      if (kind === 1) resolve(socket);
    });
  });
}

/** The whole document as it is now. */
export async function read(url, document) {
  const doc = new Y.Doc();
  const socket = await enter(url, document, doc);
  socket.removeAllListeners("close");
  socket.close();
  return doc;
}

/** Makes the cells of a notebook of Jupyter's schema in an empty document. */
export async function fill(url, document, sources) {
  const doc = new Y.Doc();
  const socket = await enter(url, document, doc);
  const before = Y.encodeStateVector(doc);
  doc.transact(() => {
    doc.getMap("meta").set("nbformat", 4);
    const cells = sources.map((source, at) => {
      const cell = new Y.Map();
      cell.set("id", `cell-${at}`);
      cell.set("cell_type", "code");
      cell.set("source", new Y.Text(source));
      cell.set("metadata", new Y.Map());
      cell.set("outputs", new Y.Array());
      cell.set("execution_count", null);
      return cell;
    });
    doc.getArray("cells").push(cells);
  });
  const update = frame((to) => {
    encoding.writeVarUint(to, SYNC);
    encoding.writeVarUint(to, 2);
    encoding.writeVarUint8Array(to, Y.encodeStateAsUpdate(doc, before));
  });
  socket.send(Uint8Array.from([...prefixOf(document), ...update]));
  for (;;) {
    const seen = await read(url, document);
    if (seen.getArray("cells").length === sources.length) break;
  }
  return socket;
}

/** Each cell's last character, as client and clock: whoever types there writes behind it. */
export function ends(doc) {
  return doc
    .getArray("cells")
    .toArray()
    .map((cell) => {
      let last;
      for (let item = cell.get("source")._start; item !== null; item = item.right) last = item;
      const { client, clock } = last.lastId;
      return [client, clock];
    });
}

/** How often a letter stands in the cells. */
export function count(doc, letter) {
  return doc
    .getArray("cells")
    .toArray()
    .reduce((sum, cell) => sum + cell.get("source").toString().split(letter).length - 1, 0);
}

function frame(write) {
  const encoder = encoding.createEncoder();
  write(encoder);
  return encoding.toUint8Array(encoder);
}
