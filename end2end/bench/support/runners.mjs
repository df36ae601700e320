// Whoever runs code in a kernel: directly, through the studio's socket, or through Jupyter's.
import { createInterface } from "node:readline";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { WebSocket } from "../peers/ws.mjs";
import { environment } from "./peers.mjs";
import { Process } from "./processes.mjs";

/** No server: a Python program that holds the kernel's sockets. `run` resolves with `{ ms, bytes }`. */
export async function direct() {
  const script = fileURLToPath(new URL("../peers/direct.py", import.meta.url));
  const program = new Process("the direct client", join(environment("jupyter"), "bin/python"), [script], { pipe: true });
  const lines = createInterface({ input: program.child.stdout })[Symbol.asyncIterator]();
  const told = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the direct client ended:\n${program.said}`);
    return JSON.parse(value);
  };
  await told();
  const run = (code) => {
    program.child.stdin.write(`${JSON.stringify({ code })}\n`);
    return told();
  };
  return { run, stop: () => program.stop() };
}

/** The studio: a cell for each code, run over the socket of a tab. What was kept of the output is counted, not what was shown. */
export async function throughStudio(studio, codes) {
  const person = await studio.person("ada");
  const space = await person.space("Kernels");
  const cells = codes.map((source, at) => ({ cell_type: "code", id: `cell-${at}`, metadata: {}, source, outputs: [], execution_count: null }));
  const id = await person.bring(space, "kernels.ipynb", { nbformat: 4, nbformat_minor: 5, metadata: {}, cells });
  const socket = new WebSocket(`${studio.address.replace("http", "ws")}/live`, { headers: person.headers, perMessageDeflate: false });
  let hear = () => {};
  socket.on("message", (data) => hear(JSON.parse(data)));
  await new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("open", () => socket.send(Buffer.from(JSON.stringify({ notebook: id, say: "join", client: "bench" }))));
    hear = (message) => message.hear === "joined" && resolve();
  });
  const run = (code) =>
    new Promise((resolve, reject) => {
      const cell = `cell-${codes.indexOf(code)}`;
      const began = performance.now();
      let inline = 0;
      let beyond;
      hear = (message) => {
        if (message.hear === "sorry") reject(new Error(message.message));
        const what = message.event?.what;
        if (message.hear !== "run" || message.event.cell !== cell) return;
        if (what.is === "stream") inline += Buffer.byteLength(what.text);
        if (what.is === "output" && what.output.output_type === "stream") inline += Buffer.byteLength(what.output.text);
        if (what.is === "truncated") beyond = what;
        if (what.is === "ended") {
          if (what.state !== "done") reject(new Error(`the run ended as ${what.state}: ${what.why}`));
          resolve({ ms: performance.now() - began, bytes: inline + (beyond?.bytes ?? 0), blob: beyond?.blob });
        }
      };
      socket.send(Buffer.from(JSON.stringify({ notebook: id, say: "run", cells: [cell] })));
    });
  /** How many bytes of a long output the studio hands out. */
  const kept = async (blob) => {
    const answer = await person.ask("GET", `/api/v1/notebooks/${id}/blobs/${blob}`);
    let bytes = 0;
    for await (const chunk of answer.body) bytes += chunk.length;
    return bytes;
  };
  const stop = async () => {
    const gone = new Promise((resolve) => {
      hear = (message) => message.hear === "kernel" && message.kernel.state.state === "off" && resolve();
    });
    socket.send(Buffer.from(JSON.stringify({ notebook: id, say: "shutdown" })));
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 10_000))]);
    socket.terminate();
    await studio.stop();
  };
  return { run, kept, stop };
}

/** Jupyter's server, spoken to as JupyterLab does: its binary protocol. */
export async function throughJupyter(server) {
  const made = await fetch(`${server.address}/api/kernels`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name: "python3" }) });
  if (!made.ok) throw new Error(`Jupyter starts no kernel: ${made.status} ${await made.text()}`);
  const { id } = await made.json();
  const session = randomUUID();
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/api/kernels/${id}/channels?session_id=${session}`, "v1.kernel.websocket.jupyter.org", {
    perMessageDeflate: false,
    maxPayload: 1 << 30,
  });
  let hear = () => {};
  socket.on("message", (data) => hear(unpack(data)));
  await new Promise((resolve, reject) => (socket.once("error", reject), socket.once("open", resolve)));
  if (socket.protocol === "") throw new Error("Jupyter does not speak its binary protocol");
  const run = (code, patience = 60_000) =>
    new Promise((resolve, reject) => {
      const header = { msg_id: randomUUID(), session, username: "bench", date: new Date().toISOString(), msg_type: "execute_request", version: "5.3" };
      const content = { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false, stop_on_error: true };
      let [replied, idle, bytes] = [false, false, 0];
      const late = setTimeout(() => reject(new Error(`no answer within ${patience / 1000} s`)), patience);
      const began = performance.now();
      hear = ([channel, head, parent, , body]) => {
        if (!parent.includes(header.msg_id)) return;
        const type = JSON.parse(head).msg_type;
        if (channel.toString() === "shell" && type === "execute_reply") replied = true;
        if (type === "stream") {
          const { name, text } = JSON.parse(body);
          // On stderr the server itself tells that it has thrown output away.
          if (name === "stdout") bytes += Buffer.byteLength(text);
        }
        if (type === "status" && JSON.parse(body).execution_state === "idle") idle = true;
        if (!(replied && idle)) return;
        clearTimeout(late);
        resolve({ ms: performance.now() - began, bytes });
      };
      socket.send(pack("shell", [header, {}, {}, content]));
    });
  const stop = async () => {
    socket.terminate();
    await fetch(`${server.address}/api/kernels/${id}`, { method: "DELETE" });
    await server.stop();
  };
  return { run, stop };
}

/** A count, the offsets of all parts and of the end, each as eight bytes, then the parts. */
function pack(channel, parts) {
  const bodies = [Buffer.from(channel), ...parts.map((part) => Buffer.from(JSON.stringify(part)))];
  const head = Buffer.alloc(8 * (bodies.length + 2));
  head.writeBigUInt64LE(BigInt(bodies.length + 1), 0);
  let at = head.length;
  [...bodies, Buffer.alloc(0)].forEach((body, index) => {
    head.writeBigUInt64LE(BigInt(at), 8 * (index + 1));
    at += body.length;
  });
  return Buffer.concat([head, ...bodies]);
}

function unpack(data) {
  const count = Number(data.readBigUInt64LE(0));
  const offsets = Array.from({ length: count }, (_, at) => Number(data.readBigUInt64LE(8 * (at + 1))));
  return offsets.slice(0, -1).map((from, at) => data.subarray(from, offsets[at + 1]));
}
