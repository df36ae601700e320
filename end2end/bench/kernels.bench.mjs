// Kernels: what stands between a person and ipykernel costs, for one `pass` and for long prints.
//
// Four ways to the same kind of kernel, in turn: directly, through the studio (its socket, its run log on disk), through
// Jupyter's server as it is, and through Jupyter's server with TCP_NODELAY and without its limit on outputs.
// The gateway without doors and rooms is measured by server/jupyter/examples/roundtrip.rs, which ends this program.
import { Process, forgetPeak, memory } from "./support/processes.mjs";
import { absent, attempt, figure, median, noteLoad, quantile, quick, report, times } from "./support/report.mjs";
import { jupyter } from "./support/peers.mjs";
import { direct, throughJupyter, throughStudio } from "./support/runners.mjs";
import { Studio } from "./support/studio.mjs";

const ROUNDS = times(5);
const CALLS = quick ? 10 : 60;
const PRINTS = quick ? [2] : [20, 200];
const prints = (megabytes) => `line = 'x' * 999\nfor i in range(${megabytes * 1000}): print(line)`;

await report("kernels", async () => {
  const studio = await Studio.start();
  const ways = new Map([
    ["direct", await direct()],
    ["studio", await throughStudio(studio, ["pass", ...PRINTS.map(prints)])],
  ]);
  for (const tuned of [false, true]) {
    const name = tuned ? "jupyter_server, nodelay, no limit" : "jupyter_server 2.21.1";
    await attempt(name, async () => ways.set(name, await throughJupyter(await jupyter({ tuned }))));
  }
  for (const way of ways.values()) await way.run("pass");
  await roundTrips(ways);
  for (const megabytes of PRINTS) await longPrints(ways, megabytes, studio);
  for (const way of ways.values()) await way.stop();
  await gateway();
});

async function roundTrips(ways) {
  const rounds = Array.from({ length: ROUNDS }, () => new Map([...ways.keys()].map((name) => [name, []])));
  for (const round of rounds) {
    noteLoad();
    for (let call = 0; call < CALLS; call += 1) for (const [name, way] of ways) round.get(name).push((await way.run("pass")).ms);
  }
  for (const [share, name] of [
    [0.5, "p50"],
    [0.99, "p99"],
  ]) {
    const of = (way) => rounds.map((round) => quantile(round.get(way), share));
    const over = (way) => of(way).map((ms, at) => ms - of("direct")[at]);
    for (const peer of ways.keys()) {
      if (peer !== "studio") figure(`round trip of pass, ${name}`, { unit: "ms", ours: of("studio"), peer: of(peer), peerName: peer, digits: 2 });
    }
    for (const peer of ways.keys()) {
      if (!peer.startsWith("jupyter")) continue;
      const target = share === 0.5 ? { atMost: 1 } : undefined;
      figure(`  of it over direct, ${name}`, { unit: "ms", ours: over("studio"), peer: over(peer), peerName: peer, digits: 2, target });
    }
  }
}

async function longPrints(ways, megabytes, studio) {
  const total = megabytes * 1_000_000;
  const told = new Map([...ways.keys()].map((name) => [name, []]));
  const growth = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    noteLoad();
    for (const [name, way] of ways) {
      const before = memory(studio.pid).rss;
      if (name === "studio") forgetPeak(studio.pid);
      try {
        const run = await way.run(prints(megabytes));
        if (name === "studio") {
          growth.push((memory(studio.pid).peak - before) / 1e6);
          // What counts is what can be had afterwards.
          if (run.blob !== undefined) run.bytes = await way.kept(run.blob);
        }
        told.get(name).push({ speed: run.bytes / run.ms / 1000, share: (100 * run.bytes) / total, ms: run.ms });
      } catch (error) {
        if (!name.startsWith("jupyter")) throw error;
        absent(`${name}, ${megabytes} MB`, error);
        ways.delete(name);
      }
    }
  }
  const of = (name, key) => told.get(name).map((run) => run[key]);
  for (const peer of ways.keys()) {
    if (peer === "studio") continue;
    const target = peer === "direct" ? { ratioAtLeast: 0.95 } : undefined;
    figure(`${megabytes} MB of prints`, { unit: "MB/s", ours: of("studio", "speed"), peer: of(peer, "speed"), peerName: peer, target });
  }
  for (const peer of ways.keys()) {
    if (!peer.startsWith("jupyter")) continue;
    figure(`${megabytes} MB of prints, delivered`, { unit: "%", ours: of("studio", "share"), peer: of(peer, "share"), peerName: peer, target: { atLeast: 100 } });
  }
  figure(`${megabytes} MB of prints, memory of the studio at its peak`, { unit: "MB", ours: growth, target: { atMost: 16 } });
  console.log(`  ${megabytes} MB: ${[...told].map(([name, runs]) => `${name} ${median(runs.map((run) => run.ms)).toFixed(0)} ms`).join(", ")}`);
}

/** The gateway by itself, against the bare wire in the same program. */
async function gateway() {
  const { DATALAYER_ROUNDTRIP: program, DATALAYER_SUPERVISOR: supervisor, DATALAYER_PYTHON: python } = process.env;
  if (program === undefined) throw new Error("DATALAYER_ROUNDTRIP names no program; run `cargo xtask bench`");
  const environment = python.replace(/\/bin\/python$/, "");
  const run = new Process("roundtrip", program, [environment, supervisor, String(quick ? 1 : 3)]);
  if ((await run.ended) !== 0) throw new Error(`roundtrip ended with ${run.code}: ${run.said}`);
  console.log(`\nthe gateway alone, against the bare wire:\n${run.said}`);
}
