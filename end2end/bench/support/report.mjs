// What a benchmark says: one table, one line of JSON kept beside it, and an exit code that tells of a missing peer.
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cleanUp } from "./processes.mjs";

/** A few seconds, to see that the program works. */
export const quick = process.argv.includes("--quick");

/** How often something is measured: `usual` times, fewer where BENCH_RUNS says so, once in a quick run. */
export function times(usual) {
  return quick ? 1 : Math.min(usual, Number(process.env.BENCH_RUNS ?? usual));
}

const rows = [];
const missing = [];
const began = new Date();
const loads = [];

/** The load of the machine beside a figure: others may work on it. */
export function noteLoad() {
  loads.push(loadavg()[0]);
}

/**
 * A figure. `ours` and `peer` are lists of what single runs gave, paired by their place; `target` is a limit for ours
 * (`atMost`, `atLeast`) or for ours ÷ peer (`ratioAtMost`, `ratioAtLeast`); without one the row only informs.
 */
export function figure(name, { unit, ours, peer, peerName = "", target, digits = 1 }) {
  const value = median(ours);
  const other = peer === undefined || peer.length === 0 ? undefined : median(peer);
  const pairs = other === undefined ? [] : ours.slice(0, peer.length).map((one, at) => one / peer[at]);
  const ratio = pairs.length === 0 ? undefined : median(pairs);
  const row = { name, unit, ours: value, runs: ours, peerName, peer: other, peerRuns: peer, ratio, digits, load: round(loads.at(-1) ?? loadavg()[0], 1) };
  row.spread = pairs.length < 2 ? undefined : [Math.min(...pairs), Math.max(...pairs)];
  if (target !== undefined) {
    const [kind, limit] = Object.entries(target)[0];
    const measured = kind.startsWith("ratio") ? ratio : value;
    row.target = `${kind.startsWith("ratio") ? "ratio " : ""}${kind.endsWith("tLeast") ? "≥" : "≤"} ${plain(limit)}`;
    // A growth that is none was drowned by something else that was given back meanwhile.
    row.verdict = measured === undefined ? "no peer" : ours.some((one) => one < 0) ? "unclear" : (kind.endsWith("tLeast") ? measured >= limit : measured <= limit) ? "reached" : "MISSED";
  }
  rows.push(row);
  return row;
}

/** A peer that could not be measured. It is no win of ours: the program fails at the end. */
export function absent(peer, error) {
  missing.push({ peer, why: error.message });
  console.error(`\nMISSING: ${peer}: ${error.message}\n`);
}

/** What needs a peer: without it everything else is still measured. */
export async function attempt(peer, body) {
  try {
    await body();
  } catch (error) {
    absent(peer, error);
  }
}

/** Runs a benchmark to its table. */
export async function report(title, body) {
  console.log(`${title}${quick ? " (quick: the figures mean nothing)" : ""}`);
  let failure;
  try {
    await body();
  } catch (error) {
    failure = error;
  }
  await cleanUp();
  table();
  for (const { peer, why } of missing) console.log(`missing: ${peer}: ${why.split("\n")[0]}`);
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, kernel: release(), node: process.version };
  console.log(`${machine.cpus} × ${machine.model}, load ${round(Math.min(...loads), 1)} to ${round(Math.max(...loads), 1)}, ${began.toISOString()}`);
  if (failure !== undefined) throw failure;
  const line = { title, at: began.toISOString(), quick, machine, loads: loads.map((load) => round(load, 2)), missing, rows };
  const results = join(dirname(fileURLToPath(import.meta.url)), "../results");
  mkdirSync(results, { recursive: true });
  appendFileSync(join(results, `${title.split(" ")[0]}.jsonl`), `${JSON.stringify(line)}\n`);
  process.exit(missing.length === 0 ? 0 : 1);
}

/** The version of an installed npm package of the peers. */
export function versionOf(name) {
  const path = new URL(`../peers/node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(path, "utf8")).version;
}

export function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value below which `share` of the list lies. */
export function quantile(list, share) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)];
}

function table() {
  const lines = [["figure", "unit", "ours", "peer", "ours ÷ peer (min to max)", "target", "", "load"]];
  for (const { name, unit, ours, peer, peerName, ratio, spread, target, verdict, digits, load } of rows) {
    const pair = ratio === undefined ? "" : `${plain(ratio)}${spread === undefined ? "" : ` (${plain(spread[0])} to ${plain(spread[1])})`}`;
    const other = peer === undefined ? peerName : `${peer.toFixed(digits)} ${peerName}`;
    lines.push([name, unit, ours.toFixed(digits), other, pair, target ?? "", verdict ?? "", String(load)]);
  }
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  console.log();
  for (const line of lines) console.log(line.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
  console.log();
}

function plain(number) {
  return String(Number(number.toPrecision(3)));
}

function round(number, digits) {
  return Number(number.toFixed(digits));
}
