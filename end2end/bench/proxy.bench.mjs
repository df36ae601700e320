// The way through to a JupyterHub: what our proxy costs beside the Hub's own, nginx and no proxy at all.
//
// Everything on loopback in front of one small backend (server/jupyter/examples/proxy.rs, which is our proxy too, mounted
// as the studio mounts it). Each figure is taken from all of them in turn, in the same run.
import { memory, tree } from "./support/processes.mjs";
import { backend, configurable, echo, hold, nginx, nginxVersion, ours, wrk } from "./support/proxies.mjs";
import { attempt, figure, noteLoad, quick, report, times, versionOf } from "./support/report.mjs";

const CONNECTIONS = 50;
const SECONDS = quick ? 1 : 5;
const PAIRS = times(5);
const MESSAGES = quick ? 100 : 5_000;
const SOCKETS = quick ? 50 : 1_000;
const KB = 1024;

await report("proxy", async () => {
  const behind = await backend();
  const ways = new Map([
    ["direct", behind],
    ["ours", await ours(behind.port)],
  ]);
  await attempt("configurable-http-proxy", async () => ways.set("chp", await configurable(behind.port)));
  await attempt("nginx", async () => ways.set("nginx", await nginx(behind.port)));
  const names = new Map([
    ["direct", "no proxy"],
    ["chp", `configurable-http-proxy ${versionOf("configurable-http-proxy")}`],
    ["nginx", ways.has("nginx") ? `nginx ${nginxVersion()}` : "nginx"],
  ]);
  await requests(ways, names);
  await roundTrips(ways, names);
  for (const way of ways.values()) if (way !== behind) await way.stop();
  await weights(behind, names);
});

async function inTurn(ways, measure) {
  const runs = new Map([...ways.keys()].map((key) => [key, []]));
  for (let pair = 0; pair < PAIRS; pair += 1) {
    noteLoad();
    for (const [key, way] of ways) runs.get(key).push(await measure(way));
  }
  return runs;
}

async function requests(ways, names) {
  const runs = await inTurn(ways, async (way) => {
    const before = way.process.cpu(tree(way.pid));
    const told = await wrk(way.address, { connections: CONNECTIONS, seconds: SECONDS });
    return { ...told, cpu: ((way.process.cpu(tree(way.pid)) - before) / told.requests) * 1e6 };
  });
  const rows = [
    ["rate", "req/s", "requests, 50 connections", 0, { chp: { ratioAtLeast: 5 }, nginx: { ratioAtLeast: 0.6 } }],
    ["p99", "ms", "  of them, p99", 2, {}],
    ["cpu", "µs", "  of them, CPU of the proxy each", 1, {}],
  ];
  for (const [key, unit, name, digits, targets] of rows) {
    for (const [peer, peerName] of names) {
      if (!runs.has(peer) || (peer === "direct" && key === "cpu")) continue;
      const of = (way) => runs.get(way).map((run) => run[key]);
      figure(name, { unit, digits, ours: of("ours"), peer: of(peer), peerName, target: targets[peer] });
    }
  }
}

async function roundTrips(ways, names) {
  for (const [bytes, count, title] of [
    [200, MESSAGES, "200 B"],
    [256 * KB, MESSAGES / 20, "256 KB"],
  ]) {
    const runs = await inTurn(ways, (way) => echo(way.address, bytes, count));
    for (const share of ["p50", "p99"]) {
      const over = (way) => runs.get(way).map((run, at) => run[share] - runs.get("direct")[at][share]);
      for (const [peer, peerName] of names) {
        if (!runs.has(peer)) continue;
        const of = (way) => runs.get(way).map((run) => run[share]);
        figure(`WebSocket echo of ${title}, ${share}`, { unit: "µs", digits: 0, ours: of("ours"), peer: of(peer), peerName });
        if (peer === "direct") continue;
        const target = peer === "chp" && share === "p50" && bytes === 200 ? { ratioAtMost: 0.25 } : undefined;
        figure(`  of it over direct, ${share}`, { unit: "µs", digits: 0, ours: over("ours"), peer: over(peer), peerName, target });
      }
    }
  }
}

/** A proxy of its own each time, so that what one run left is not reused by the next. */
async function weights(behind, names) {
  const grown = async (open) => {
    noteLoad();
    const way = await open(behind.port);
    // What the first of everything costs is no socket's.
    await wrk(way.address, { connections: CONNECTIONS, seconds: 1 });
    await (await hold(way.address, 20)).stop();
    const total = () => tree(way.pid).reduce((sum, pid) => sum + memory(pid).pss, 0);
    const before = total();
    const held = await hold(way.address, SOCKETS);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const each = (total() - before) / SOCKETS / KB;
    await held.stop();
    await way.stop();
    return each;
  };
  const runs = { ours: [], chp: [], nginx: [] };
  for (let pair = 0; pair < times(3); pair += 1) {
    runs.ours.push(await grown(ours));
    await attempt("configurable-http-proxy", async () => runs.chp.push(await grown(configurable)));
    await attempt("nginx", async () => runs.nginx.push(await grown(nginx)));
  }
  for (const peer of ["chp", "nginx"]) {
    if (runs[peer].length === 0) continue;
    figure("memory of an idle WebSocket", { unit: "KB", ours: runs.ours, peer: runs[peer], peerName: names.get(peer), target: peer === "chp" ? { atMost: 12 } : undefined });
  }
}
