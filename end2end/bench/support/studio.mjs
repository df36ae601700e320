// The studio that is measured: the optimised binary on a data folder, its people, and its REST doors.
import { spawnSync } from "node:child_process";
import { Process, answering, folder, freePort } from "./processes.mjs";

const PASSWORD = "eleven grey herons at dusk";

export class Studio {
  constructor() {
    this.data = folder("studio");
  }

  static async start(more = []) {
    const studio = new Studio();
    await studio.start(more);
    return studio;
  }

  /** Resolves with the milliseconds from exec to the first 200. */
  async start(more = []) {
    this.port ??= await freePort();
    this.address = `http://127.0.0.1:${this.port}`;
    const serve = ["serve", "--data", this.data, "--listen", `127.0.0.1:${this.port}`, "--requests-per-second", "0", "--log", "warn"];
    const began = performance.now();
    this.process = new Process("the studio", binary(), [...serve, ...more]);
    return await answering(this.process, `${this.address}/healthz`, { began });
  }

  get pid() {
    return this.process.pid;
  }

  stop() {
    return this.process.stop();
  }

  /** Somebody with an account and a session. */
  async person(username) {
    const words = ["admin", "create-user", username, "--password-stdin", "--administrator", "--data", this.data];
    const done = spawnSync(binary(), words, { input: `${PASSWORD}\n`, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`${username} cannot be created: ${done.stderr}`);
    const person = new Person(this.address, username);
    const answer = await person.ask("POST", "/api/v1/session", { username, password: PASSWORD });
    person.cookie = answer.headers.getSetCookie()[0].split(";")[0];
    return person;
  }
}

export class Person {
  constructor(address, username) {
    this.address = address;
    this.username = username;
    this.cookie = "";
  }

  get headers() {
    return { origin: this.address, cookie: this.cookie };
  }

  async ask(method, path, body) {
    const headers = { ...this.headers };
    if (body !== undefined) headers["content-type"] = "application/json";
    const answer = await fetch(this.address + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  async json(method, path, body) {
    return (await this.ask(method, path, body)).json();
  }

  /** A space's id. */
  async space(name) {
    return (await this.json("POST", "/api/v1/spaces", { name })).id;
  }

  /** Import a notebook of the format; its id. */
  async bring(space, name, notebook) {
    return (await this.json("POST", `/api/v1/spaces/${space}/import?name=${name}`, notebook)).notebook.id;
  }

  async snapshot(notebook) {
    return (await this.json("GET", `/api/v1/notebooks/${notebook}/view`)).snapshot;
  }
}

function binary() {
  const path = process.env.DATALAYER_BINARY;
  if (path === undefined) throw new Error("DATALAYER_BINARY names no built server; run `cargo xtask bench`");
  return path;
}
