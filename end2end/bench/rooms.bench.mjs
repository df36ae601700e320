// Rooms: what a keystroke takes to everyone else, what it costs the server, and what an open room weighs.
//
// A hundred writers in one notebook of twenty cells, each typing one character a second, against Hocuspocus without and
// with its storage and against jupyter-collaboration. One generator writes into all of them (server/examples/writers.rs).
// Our side is as people run it: SQLite on disk, every keystroke durable before anyone sees it.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WebSocket } from "./peers/ws.mjs";
import * as yjs from "./peers/yjs.mjs";
import { hocuspocus, jupyter } from "./support/peers.mjs";
import { Process, memory } from "./support/processes.mjs";
import { attempt, figure, noteLoad, quick, report, times, versionOf } from "./support/report.mjs";
import { Studio } from "./support/studio.mjs";

const CELLS = 20;
/** Without the letter that is typed. */
const SOURCE = "value = 1  # something of the length that lines have\n".repeat(2).replaceAll("x", "y");
const WRITERS = quick ? 10 : 100;
const SECONDS = quick ? 2 : 10;
const PAIRS = times(5);
const ROOMS = quick ? 10 : 100;
const FURTHER = 2;

const notebook = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { kernelspec: { name: "python3", display_name: "Python 3", language: "python" }, language_info: { name: "python" } },
  cells: Array.from({ length: CELLS }, (_, at) => ({ cell_type: "code", id: `cell-${at}`, metadata: {}, source: SOURCE, outputs: [], execution_count: null })),
};

await report("rooms", async () => {
  await keystrokes();
  await weights();
});

async function keystrokes() {
  const runs = { datalayer: [], hocuspocus: [], stored: [], jupyter: [] };
  // A B A B: what disturbs the machine disturbs all of them.
  for (let pair = 0; pair < PAIRS; pair += 1) {
    runs.datalayer.push(await write("datalayer", openStudio));
    await attempt("Hocuspocus", async () => runs.hocuspocus.push(await write("Hocuspocus", () => openHocuspocus(false))));
    await attempt("Hocuspocus + SQLite", async () => runs.stored.push(await write("Hocuspocus + SQLite", () => openHocuspocus(true))));
    if (pair < 3) await attempt("jupyter-collaboration", async () => runs.jupyter.push(await write("jupyter-collaboration", openJupyter)));
  }
  const rows = [
    ["hocuspocus", `Hocuspocus ${versionOf("@hocuspocus/server")}`, { p99: { ratioAtMost: 0.5 }, cpuPerDelivery: { ratioAtMost: 0.3 } }],
    ["stored", "Hocuspocus + SQLite", {}],
    ["jupyter", "jupyter-collaboration 5.0.4", { p99: { ratioAtMost: 1 / 200 } }],
  ];
  for (const [key, unit, name, digits] of [
    ["p50", "ms", "keystroke to remote, p50", 2],
    ["p99", "ms", "keystroke to remote, p99", 2],
    ["cpuPerDelivery", "µs", "server CPU per delivered update", 1],
    ["share", "%", "delivered", 2],
  ]) {
    const scale = key === "share" ? 100 : 1;
    for (const [peer, peerName, targets] of rows) {
      if (runs[peer].length === 0) continue;
      const of = (list) => list.map((run) => run[key] * scale);
      figure(name, { unit, ours: of(runs.datalayer), peer: of(runs[peer]), peerName, target: targets[key], digits });
    }
  }
}

async function write(name, open) {
  const server = await open();
  const order = { processes: server.pids, rate: 1, seconds: SECONDS, writers: server.writers };
  noteLoad();
  const generator = new Process("the load generator", process.env.DATALAYER_WRITERS, [], { input: JSON.stringify(order) });
  const code = await generator.ended;
  if (code !== 0) throw new Error(`the load generator ended with ${code ?? generator.failure}: ${generator.said}\n${server.process.said}`);
  const told = JSON.parse(generator.said);
  const typed = await server.typed();
  await server.stop();
  console.log(
    `  ${name.padEnd(22)} p50 ${told.p50?.toFixed(2)} p99 ${told.p99?.toFixed(2)} worst ${told.worst?.toFixed(1)} ms, ` +
      `${told.cpuPerDelivery?.toFixed(1)} µs a delivery in ${told.frames} frames, ${(100 * told.share).toFixed(2)} % delivered, ${typed} of ${told.sent} in the document; ` +
      `generator ${told.generatorCpu.toFixed(2)} s CPU, late p99 ${told.generatorLateP99.toFixed(2)} ms`,
  );
  // Who does not converge was not measured; who did not get it to everyone in time is shown with the share that came.
  if (told.share > 0.999 && typed !== told.sent) throw new Error(`${name} has ${typed} of ${told.sent} keystrokes in its document`);
  return told;
}

async function openStudio() {
  const studio = await Studio.start(["--kernels", "off"]);
  const people = [];
  for (let number = 0; number < 10; number += 1) people.push(await studio.person(`person${number}`));
  const space = await people[0].space("Load");
  for (const { username } of people.slice(1)) await people[0].ask("PUT", `/api/v1/spaces/${space}/members/${username}`, { role: "editor" });
  const id = await people[0].bring(space, "load.ipynb", notebook);
  const cells = cellsOf(await people[0].snapshot(id));
  const writers = Array.from({ length: WRITERS }, (_, number) => ({
    url: `${studio.address.replace("http", "ws")}/live`,
    headers: people[number % people.length].headers,
    wire: "datalayer",
    notebook: id,
    client: `writer-${number}`,
    cell: cells[number % CELLS].id,
  }));
  const typed = async () => cellsOf(await people[0].snapshot(id)).reduce((sum, { source }) => sum + source.split("x").length - 1, 0);
  return { process: studio.process, pids: [studio.pid], writers, typed, stop: () => studio.stop(), people, space, studio };
}

async function openHocuspocus(storage) {
  const server = await hocuspocus({ storage });
  const filler = await yjs.fill(server.url, "load", Array(CELLS).fill(SOURCE));
  return { ...(await yjsServer(server, server.url, "load")), stop: () => (filler.terminate(), server.stop()) };
}

async function openJupyter() {
  const server = await jupyter({ collaboration: true });
  writeFileSync(join(server.root, "load.ipynb"), JSON.stringify(notebook));
  return yjsServer(server, await roomOf(server, "load.ipynb"), undefined);
}

/** The address of a notebook's room. */
async function roomOf(server, path) {
  const answer = await fetch(`${server.address}/api/collaboration/session/${path}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ format: "json", type: "notebook" }),
  });
  if (!answer.ok) throw new Error(`jupyter-collaboration answers ${answer.status}: ${await answer.text()}`);
  const { format, type, fileId, sessionId } = await answer.json();
  return `ws://127.0.0.1:${server.port}/api/collaboration/room/${format}:${type}:${fileId}?sessionId=${sessionId}`;
}

async function yjsServer(server, url, document) {
  const ends = yjs.ends(await yjs.read(url, document));
  if (ends.length !== CELLS) throw new Error(`${server.name} shows ${ends.length} cells`);
  const writers = Array.from({ length: WRITERS }, (_, number) => ({
    url,
    wire: "yjs",
    prefix: yjs.prefixOf(document),
    greeting: yjs.greeting(document),
    client: 1_000_000 + number,
    behind: ends[number % CELLS],
  }));
  const typed = async () => yjs.count(await yjs.read(url, document), "x");
  return { process: server.process, pids: [server.pid], writers, typed, stop: () => server.stop() };
}

async function weights() {
  const runs = { datalayer: [], hocuspocus: [], jupyter: [] };
  const weighings = times(3);
  for (let time = 0; time < weighings; time += 1) {
    runs.datalayer.push(await weigh("datalayer", weighStudio));
    await attempt("Hocuspocus", async () => runs.hocuspocus.push(await weigh("Hocuspocus", weighHocuspocus)));
    if (time === 0) await attempt("jupyter-collaboration", async () => runs.jupyter.push(await weigh("jupyter-collaboration", weighJupyter)));
  }
  for (const [key, name, limit] of [
    ["room", "memory of an open room with one client", 36],
    ["client", "memory of each further client", 15],
  ]) {
    for (const [peer, peerName] of [
      ["hocuspocus", "Hocuspocus"],
      ["jupyter", "jupyter-collaboration"],
    ]) {
      if (runs[peer].length === 0) continue;
      const of = (list) => list.map((run) => run[key]);
      figure(name, { unit: "KB", ours: of(runs.datalayer), peer: of(runs[peer]), peerName, target: peer === "hocuspocus" ? { atMost: limit } : undefined });
    }
  }
}

/** Growth of resident memory, in KB: a room with its first client, and each further client. */
async function weigh(name, open) {
  const { pid, seat, stop } = await open();
  noteLoad();
  const held = [];
  // The first room pays for what all share.
  for (let more = 0; more <= FURTHER; more += 1) held.push(await seat(ROOMS));
  const empty = await settled(pid);
  for (let room = 0; room < ROOMS; room += 1) held.push(await seat(room));
  const one = await settled(pid);
  for (let room = 0; room < ROOMS; room += 1) for (let more = 0; more < FURTHER; more += 1) held.push(await seat(room));
  const all = await settled(pid);
  for (const socket of held) socket.terminate();
  await stop();
  const told = { room: (one - empty) / ROOMS / 1000, client: (all - one) / (ROOMS * FURTHER) / 1000 };
  console.log(`  ${name.padEnd(22)} ${told.room.toFixed(1)} KB a room with one client, ${told.client.toFixed(1)} KB a further client`);
  return told;
}

/** Resident memory once what joining needed for a moment is given back. */
async function settled(pid) {
  await new Promise((resolve) => setTimeout(resolve, quick ? 200 : 2_000));
  return memory(pid).rss;
}

async function weighStudio() {
  const { studio, people, space, stop } = await openStudio();
  const ids = [];
  for (let room = 0; room <= ROOMS; room += 1) ids.push(await people[0].bring(space, `room-${room}.ipynb`, notebook));
  let seats = 0;
  const seat = (room) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`${studio.address.replace("http", "ws")}/live`, { headers: people[seats % 10].headers, perMessageDeflate: false });
      seats += 1;
      const join = { notebook: ids[room], say: "join", client: `seat-${seats}` };
      socket.once("error", reject);
      socket.once("open", () => socket.send(Buffer.from(JSON.stringify(join))));
      socket.on("message", (data) => JSON.parse(data).hear === "joined" && resolve(socket));
    });
  return { pid: studio.pid, seat, stop };
}

async function weighHocuspocus() {
  const server = await hocuspocus();
  const fillers = [];
  for (let room = 0; room <= ROOMS; room += 1) {
    if (room === ROOMS) fillers.push(await yjs.fill(server.url, `room-${room}`, Array(CELLS).fill(SOURCE)));
  }
  // Without storage a room is made by its first client, who brings its cells.
  const filled = new Set([ROOMS]);
  const seat = async (room) => {
    if (filled.has(room)) return yjs.enter(server.url, `room-${room}`);
    filled.add(room);
    return yjs.fill(server.url, `room-${room}`, Array(CELLS).fill(SOURCE));
  };
  return { pid: server.pid, seat, stop: () => (fillers.forEach((one) => one.terminate()), server.stop()) };
}

async function weighJupyter() {
  const server = await jupyter({ collaboration: true });
  mkdirSync(server.root, { recursive: true });
  for (let room = 0; room <= ROOMS; room += 1) writeFileSync(join(server.root, `room-${room}.ipynb`), JSON.stringify(notebook));
  const seat = async (room) => yjs.enter(await roomOf(server, `room-${room}.ipynb`), undefined);
  return { pid: server.pid, seat, stop: () => server.stop() };
}

/** Cells in their order. */
function cellsOf(snapshot) {
  const { cells } = snapshot.document;
  return Array.isArray(cells) ? cells : Object.entries(cells).map(([id, cell]) => ({ id, ...cell }));
}
