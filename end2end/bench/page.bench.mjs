// The page: how soon a large notebook can be read and written in a browser, and how much a small one has to fetch.
//
// Chromium without a window, every load with an empty cache and its own profile, the server on the same machine. A time
// runs from the navigation's start until the words stand on the screen; both sides are clicked and typed at in the same
// way, from the moment the first cell can be read.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inBrowser } from "./support/browser.mjs";
import { MARK, largeNotebook, smallNotebook } from "./support/notebooks.mjs";
import { jupyter } from "./support/peers.mjs";
import { folder, forgetPeak, memory } from "./support/processes.mjs";
import { attempt, figure, noteLoad, quick, report, times } from "./support/report.mjs";
import { Studio } from "./support/studio.mjs";

const LOADS = times(5);
const CELLS = quick ? 100 : 1_000;
/** How long a person waits before trying again. */
const IMPATIENCE = 400;
const PATIENCE = 120_000;

await report("page", async () => {
  const large = largeNotebook(CELLS);
  const small = smallNotebook();
  const bytes = Buffer.byteLength(JSON.stringify(large));
  console.log(`  the large notebook: ${CELLS} cells, ${(bytes / 1e6).toFixed(1)} MB`);
  const studio = await Studio.start();
  const ada = await studio.person("ada");
  const space = await ada.space("Pages");
  const cookies = [{ name: ada.cookie.split("=")[0], value: ada.cookie.slice(ada.cookie.indexOf("=") + 1), url: studio.address }];
  const address = async (notebook, name) => `${studio.address}/n/${await ada.bring(space, name, notebook)}`;
  // What was written in one load would be read by the next.
  const ours = { fresh: () => address(large, "large.ipynb"), small: await address(small, "small.ipynb"), cookies, cell: ".cell" };

  const root = folder("pages");
  writeFileSync(join(root, "large.ipynb"), JSON.stringify(large));
  writeFileSync(join(root, "small.ipynb"), JSON.stringify(small));
  const peers = {};
  await attempt("Notebook 7", async () => {
    const server = await jupyter({ app: "notebook", root });
    peers.notebook = { server, large: `${server.address}/notebooks/large.ipynb`, small: `${server.address}/notebooks/small.ipynb`, cookies: [], cell: ".jp-Notebook-cell" };
  });
  await attempt("JupyterLab", async () => {
    const server = await jupyter({ app: "lab", root });
    peers.lab = { server, small: `${server.address}/doc/tree/small.ipynb`, cookies: [], cell: ".jp-Notebook-cell" };
  });
  await loads(ours, peers.notebook, studio);
  await transfers(ours, peers);
});

async function loads(ours, peer, studio) {
  const runs = { ours: [], peer: [] };
  for (let load = 0; load < LOADS; load += 1) {
    noteLoad();
    forgetPeak(studio.pid);
    runs.ours.push({ ...(await opened(ours, await ours.fresh())), peak: memory(studio.pid).peak / 1e6 });
    // Half a minute each: three tell enough.
    if (peer !== undefined && load < 3) await attempt("Notebook 7", async () => runs.peer.push(await opened(peer, peer.large)));
    console.log(`  ours ${tell(runs.ours.at(-1))}${runs.peer[load] === undefined ? "" : `; Notebook 7 ${tell(runs.peer[load])}`}`);
  }
  for (const [key, name, limit] of [
    ["readable", "first cell readable", 1 / 25],
    ["editable", "first edit possible", 1 / 12],
  ]) {
    const of = (list) => list.map((run) => run[key]);
    figure(`${CELLS} cells, ${name}`, { unit: "ms", ours: of(runs.ours), peer: of(runs.peer), peerName: "Notebook 7.6.5", target: { ratioAtMost: limit }, digits: 0 });
  }
  figure(`${CELLS} cells, transferred until the edit`, { unit: "KB", ours: runs.ours.map(({ bytes }) => bytes / 1000), peer: runs.peer.map(({ bytes }) => bytes / 1000), peerName: "Notebook 7.6.5", digits: 0 });
  figure(`${CELLS} cells, memory of the studio at its peak`, { unit: "MB", ours: runs.ours.map(({ peak }) => peak), digits: 0 });
}

function tell({ readable, editable, tries }) {
  return `readable ${readable.toFixed(0)} ms, editable ${editable.toFixed(0)} ms (${tries} tries)`;
}

/** One load in a new browser: the two times in milliseconds, and the bytes that came until then. */
async function opened(side, url) {
  return inBrowser(side.cookies, async (page, counter) => {
    await page.addInitScript(
      ({ cell, mark }) => {
        window.bench = {};
        const shown = (words) => {
          const first = document.querySelector(cell);
          if (first === null || !first.textContent.includes(words)) return undefined;
          const box = first.getBoundingClientRect();
          return box.width > 0 && box.top < innerHeight && box.bottom > 0 ? box : undefined;
        };
        const look = () => {
          const now = performance.now();
          if (window.bench.readable === undefined && shown(mark) !== undefined) window.bench.readable = now;
          for (const word of window.bench.words ?? []) if (window.bench.editable === undefined && shown(word) !== undefined) window.bench.editable = now;
          if (window.bench.editable === undefined) requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
        window.benchWords = (words) => (window.bench.words = words);
      },
      { cell: side.cell, mark: MARK },
    );
    await page.goto(url, { waitUntil: "commit", timeout: PATIENCE });
    await page.waitForFunction(() => window.bench.readable !== undefined, undefined, { timeout: PATIENCE });
    const words = [];
    const until = Date.now() + PATIENCE;
    let edited;
    do {
      words.push(`typed${words.length}word`);
      const place = await page.evaluate(
        ({ cell, mark, all }) => {
          window.benchWords(all);
          const walker = document.createTreeWalker(document.querySelector(cell), NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            if (!walker.currentNode.textContent.includes(mark)) continue;
            const range = document.createRange();
            range.selectNodeContents(walker.currentNode);
            const box = range.getBoundingClientRect();
            return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
          }
          return null;
        },
        { cell: side.cell, mark: MARK, all: words },
      );
      if (place !== null) {
        await page.mouse.click(place.x, place.y);
        await page.keyboard.type(words.at(-1));
      }
      edited = await page
        .waitForFunction(() => window.bench.editable, undefined, { timeout: IMPATIENCE })
        .then((handle) => handle.jsonValue())
        .catch(() => undefined);
    } while (edited === undefined && Date.now() < until);
    if (edited === undefined) throw new Error(`${url} could not be written in within ${PATIENCE / 1000} s`);
    return { readable: await page.evaluate(() => window.bench.readable), editable: edited, tries: words.length, bytes: counter.bytes };
  });
}

async function transfers(ours, peers) {
  const sides = { ours, ...peers };
  const told = {};
  for (const [name, side] of Object.entries(sides)) {
    await attempt(name, async () => {
      noteLoad();
      told[name] = await fetched(side);
      const { before, after } = told[name];
      console.log(`  ${name}: ${(before.bytes / 1000).toFixed(0)} KB in ${before.requests} requests; after a click into a cell ${(after.bytes / 1000).toFixed(0)} KB in ${after.requests}`);
      for (const [url, bytes] of before.largest) console.log(`      ${(bytes / 1000).toFixed(1).padStart(8)} KB ${url}`);
    });
  }
  const names = { lab: "JupyterLab 4.6.6", notebook: "Notebook 7.6.5" };
  for (const [key, peerName] of Object.entries(names)) {
    if (told[key] === undefined) continue;
    const first = key === "lab";
    const row = (name, of, unit, target) =>
      figure(name, { unit, ours: [of(told.ours)], peer: [of(told[key])], peerName, target: first ? target : undefined, digits: 0 });
    row("transferred before an editor is needed", ({ before }) => before.bytes / 1000, "KB", { atMost: 450 });
    row("transferred with an editor", ({ after }) => after.bytes / 1000, "KB", { atMost: 1_300 });
    row("requests before an editor is needed", ({ before }) => before.requests, "", undefined);
  }
}

/** What a page fetches by itself, and what it has fetched once somebody writes. */
async function fetched(side) {
  return inBrowser(side.cookies, async (page, counter) => {
    await page.goto(side.small, { timeout: PATIENCE });
    await page.locator(side.cell).first().waitFor({ timeout: PATIENCE });
    await counter.quiet();
    const before = counter.now();
    await page.locator(side.cell).first().getByText(MARK).first().click();
    await page.keyboard.type("typed");
    await counter.quiet();
    return { before, after: counter.now() };
  });
}
