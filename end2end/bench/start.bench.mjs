// Starting: from exec to the first 200, on an empty data folder and on one with a notebook in it, and what a studio weighs
// when nobody is there; against Jupyter's server with nothing but itself, and with JupyterLab.
import { jupyter } from "./support/peers.mjs";
import { memory, ticks } from "./support/processes.mjs";
import { attempt, figure, noteLoad, quick, report, times } from "./support/report.mjs";
import { Studio } from "./support/studio.mjs";

const STARTS = 3 * times(5);
const IDLE = quick ? 500 : 10_000;
const MB = 1e6;

await report("start", async () => {
  const [fresh, again] = [[], []];
  const peers = { server: [], lab: [] };
  for (let pair = 0; pair < STARTS; pair += 1) {
    noteLoad();
    const studio = new Studio();
    fresh.push(await timed(studio));
    const ada = await studio.person("ada");
    const space = await ada.space("Start");
    await ada.ask("POST", `/api/v1/spaces/${space}/notebooks`, { title: "First" });
    await studio.stop();
    again.push(await timed(studio));
    await studio.stop();
    // Jupyter's start takes seconds: a third as many tell as much.
    if (pair % 3 !== 0) continue;
    for (const app of ["server", "lab"]) {
      await attempt(`Jupyter (${app})`, async () => {
        const server = await jupyter({ app });
        peers[app].push({ ms: server.startup, cpu: ticks(server.pid) });
        await server.stop();
      });
    }
  }
  const names = { server: "jupyter_server 2.21.1", lab: "JupyterLab 4.6.6" };
  for (const [app, runs] of Object.entries(peers)) {
    const peer = { unit: "ms", peer: runs.map(({ ms }) => ms), peerName: names[app] };
    figure("start to first 200, empty data folder", { ...peer, ours: fresh.map(({ ms }) => ms), target: { atMost: 60 } });
    figure("start to first 200, existing data folder", { ...peer, ours: again.map(({ ms }) => ms), target: { atMost: 60 } });
    const cpu = { unit: "ms", peer: runs.map(({ cpu }) => cpu * 1000), peerName: names[app] };
    figure("  CPU of it", { ...cpu, ours: again.map(({ cpu }) => cpu * 1000), digits: 0 });
  }
  await idle(names);
});

async function timed(studio) {
  const ms = await studio.start();
  return { ms, cpu: ticks(studio.pid) };
}

async function idle(names) {
  const ours = [];
  for (let time = 0; time < times(3); time += 1) {
    const studio = await Studio.start();
    await resting();
    ours.push(memory(studio.pid));
    await studio.stop();
  }
  for (const app of ["server", "lab"]) {
    await attempt(`Jupyter (${app})`, async () => {
      const server = await jupyter({ app });
      await resting();
      const peer = memory(server.pid);
      await server.stop();
      for (const [key, name, target] of [
        ["rss", "idle memory, resident", { atMost: 18 }],
        ["pss", "idle memory, proportional", undefined],
        ["anonymous", "  of it its own, not mapped from files", undefined],
      ]) {
        figure(name, { unit: "MB", ours: ours.map((one) => one[key] / MB), peer: [peer[key] / MB], peerName: names[app], target });
      }
    });
  }
}

function resting() {
  noteLoad();
  return new Promise((resolve) => setTimeout(resolve, IDLE));
}
