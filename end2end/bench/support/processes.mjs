// Processes of a benchmark: started on loopback, waited for, measured through /proc, and ended by their id.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const running = new Set();
const folders = new Set();

/** A folder of its own, gone at the end. */
export function folder(name) {
  const path = mkdtempSync(join(tmpdir(), `bench-${name}-`));
  folders.add(path);
  return path;
}

/** A port nobody listens on. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A child that keeps what it said for the message of a failure. */
export class Process {
  constructor(name, command, parameters, { env = {}, cwd, input, pipe = false } = {}) {
    this.name = name;
    this.said = "";
    this.child = spawn(command, parameters, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [pipe || input !== undefined ? "pipe" : "ignore", "pipe", "pipe"],
    });
    running.add(this);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on("data", (chunk) => (this.said = (this.said + chunk).slice(-20_000)));
    }
    this.ended = new Promise((resolve) => {
      this.child.once("error", (error) => {
        this.failure = error;
        running.delete(this);
        resolve(undefined);
      });
      this.child.once("exit", (code, signal) => {
        this.code = code ?? signal;
        running.delete(this);
        resolve(this.code);
      });
    });
    if (input !== undefined) this.child.stdin.end(input);
  }

  get pid() {
    return this.child.pid;
  }

  get isOver() {
    return this.code !== undefined || this.failure !== undefined;
  }

  /** Milliseconds since it was asked to end until it had. */
  async stop(signal = "SIGTERM") {
    if (this.isOver) return;
    const descendants = tree(this.pid).slice(1);
    this.child.kill(signal);
    const late = setTimeout(() => this.child.kill("SIGKILL"), 8_000);
    await this.ended;
    clearTimeout(late);
    // A kernel whose server is gone.
    for (const pid of descendants) end(pid);
  }

  /** Utime and stime of these processes so far, in seconds. */
  cpu(pids = [this.pid]) {
    return pids.reduce((sum, pid) => sum + ticks(pid), 0);
  }
}

/** Poll an address from the start of a process until it answers 200; milliseconds since `began`. */
export async function answering(server, url, { began = performance.now(), pause = 2, patience = 90_000 } = {}) {
  for (;;) {
    if (server.failure !== undefined) throw new Error(`${server.name} cannot be started: ${server.failure.message}`);
    if (server.isOver) throw new Error(`${server.name} ended with ${server.code} before it answered:\n${server.said}`);
    if (await isGood(url)) return performance.now() - began;
    if (performance.now() - began > patience) throw new Error(`${server.name} does not answer at ${url}:\n${server.said}`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

function isGood(url) {
  return new Promise((resolve) => {
    const asking = request(url, { agent: false, timeout: 5_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asking.on("error", () => resolve(false));
    asking.on("timeout", () => asking.destroy());
    asking.end();
  });
}

/** Resident and proportional memory in bytes; `peak` since the process began or `forgetPeak`. */
export function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const of = (text, name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? NaN) * 1024;
  return { rss: of(status, "VmRSS"), peak: of(status, "VmHWM"), pss: of(rollup, "Pss"), anonymous: of(rollup, "Pss_Anon") };
}

/** From now on the peak of resident memory is counted anew. */
export function forgetPeak(pid) {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** A process and all below it. */
export function tree(pid) {
  const children = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = Number(fields(name)[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended meanwhile.
    }
  }
  const found = [pid];
  for (const one of found) found.push(...(children.get(one) ?? []));
  return found;
}

/** Behind the name, which stands in brackets: state, parent, … */
function fields(pid) {
  return readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
}

export function ticks(pid) {
  const stat = fields(pid);
  return (Number(stat[11]) + Number(stat[12])) / 100;
}

function end(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It had ended by itself.
  }
}

/** Whatever still runs, and every folder. */
export async function cleanUp() {
  await Promise.all([...running].map((one) => one.stop()));
  for (const path of folders) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    for (const one of running) for (const pid of tree(one.pid)) end(pid);
    process.exit(130);
  });
}
