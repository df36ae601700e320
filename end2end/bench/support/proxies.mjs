// What stands between a browser and a backend: our proxy, the Hub's own, nginx, or nothing.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Process, answering, folder, freePort } from "./processes.mjs";

const PATH = "/jupyter/hub/api/x.json";

/** server/jupyter/examples/proxy.rs in one of its parts. */
export function program(name, parameters, more) {
  const path = process.env.DATALAYER_PROXY;
  if (path === undefined) throw new Error("DATALAYER_PROXY names no program; run `cargo xtask bench`");
  return new Process(name, path, parameters, more);
}

async function standing(server, port) {
  await answering(server, `http://127.0.0.1:${port}${PATH}`);
  return { name: server.name, process: server, pid: server.pid, address: `127.0.0.1:${port}${PATH}`, port, stop: () => server.stop() };
}

/** Answers everything with a little JSON, and echoes over WebSockets. */
export async function backend() {
  const port = await freePort();
  return standing(program("the backend", ["backend", `127.0.0.1:${port}`]), port);
}

export async function ours(behind) {
  const port = await freePort();
  return standing(program("our proxy", ["serve", `127.0.0.1:${port}`, `http://127.0.0.1:${behind}`]), port);
}

/** As JupyterHub starts it, with one route. */
export async function configurable(behind) {
  const [port, api] = [await freePort(), await freePort()];
  const command = fileURLToPath(new URL("../peers/node_modules/configurable-http-proxy/bin/configurable-http-proxy", import.meta.url));
  const parameters = ["--ip", "127.0.0.1", "--port", port, "--api-ip", "127.0.0.1", "--api-port", api, "--default-target", `http://127.0.0.1:${behind}`, "--log-level", "error"];
  const env = { CONFIGPROXY_AUTH_TOKEN: "of-this-benchmark" };
  return standing(new Process("configurable-http-proxy", process.execPath, [command, ...parameters.map(String)], { env }), port);
}

/** As people set it before a Hub: connections kept, WebSockets passed, nothing buffered. */
export async function nginx(behind) {
  const port = await freePort();
  const home = folder("nginx");
  const settings = `
    daemon off; master_process on; user root; pid ${home}/pid; error_log ${home}/error crit; worker_processes ${cpus().length};
    worker_rlimit_nofile 8192;
    events { worker_connections 4096; }
    http {
      access_log off; tcp_nodelay on; keepalive_requests 1000000;
      client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/f; uwsgi_temp_path ${home}/u; scgi_temp_path ${home}/s;
      map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
      upstream behind { server 127.0.0.1:${behind}; keepalive 64; keepalive_requests 1000000; }
      server {
        listen 127.0.0.1:${port};
        location /jupyter/ {
          proxy_pass http://behind; proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 600;
          proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
          proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
        }
      }
    }`;
  writeFileSync(join(home, "nginx.conf"), settings);
  return standing(new Process("nginx", "nginx", ["-p", home, "-e", join(home, "error"), "-c", join(home, "nginx.conf")]), port);
}

export function nginxVersion() {
  return /[\d.]+/.exec(execFileSync("sh", ["-c", "nginx -v 2>&1"], { encoding: "utf8" }))[0];
}

/** Requests a second and the slowest of a hundred in ms, as wrk (Debian's package) tells them. */
export async function wrk(address, { connections, seconds }) {
  const run = new Process("wrk", "wrk", ["-t", "1", "-c", String(connections), "-d", `${seconds}s`, "--latency", `http://${address}`]);
  if ((await run.ended) !== 0) throw new Error(`wrk: ${run.failure?.message ?? run.said}; it is Debian's package wrk`);
  if (/Non-2xx|Socket errors/.test(run.said)) throw new Error(`not every request was answered:\n${run.said}`);
  const [, amount, unit] = /99%\s+([\d.]+)(us|ms|s)\b/.exec(run.said);
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(run.said)[1]), p99: amount * { us: 1e-3, ms: 1, s: 1e3 }[unit], requests: Number(/(\d+) requests in/.exec(run.said)[1]) };
}

/** Round trips over a WebSocket in µs. */
export async function echo(address, bytes, count) {
  const run = program("echo", ["echo", address, String(bytes), String(count)]);
  if ((await run.ended) !== 0) throw new Error(`echo ended with ${run.code}: ${run.said}`);
  return JSON.parse(run.said);
}

/** That many WebSockets that say nothing, until `stop`. */
export async function hold(address, count) {
  const run = program("hold", ["hold", address, String(count)], { pipe: true });
  while (!run.said.includes(String(count))) {
    if (run.isOver) throw new Error(`hold ended with ${run.code}: ${run.said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    async stop() {
      run.child.stdin.end();
      await run.ended;
    },
  };
}
