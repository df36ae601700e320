// Write FILE.br and FILE.gz beside each file named: compress.mjs quick|hard LEDGER FOLDER FILE…
// The ledger remembers what was compressed hard, so that a release compresses again what a quick build left.
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import zlib from "node:zlib";

const [level, ledger, folder, ...names] = process.argv.slice(1);
const hard = level === "hard";
const brotli = promisify(zlib.brotliCompress);
const gzip = promisify(zlib.gzip);
const { BROTLI_PARAM_QUALITY: QUALITY, BROTLI_PARAM_SIZE_HINT: SIZE, BROTLI_PARAM_LGWIN: WINDOW } = zlib.constants;
const dense = /\.(woff2|png|jpe?g|webp)$/;
const dealt = new Set(existsSync(ledger) ? JSON.parse(readFileSync(ledger, "utf8")) : []);
let written = 0;

async function squeeze(name) {
  const file = join(folder, name);
  if (dense.test(name) || statSync(file).size < 512) return;
  if (existsSync(`${file}.br`) && existsSync(`${file}.gz`) && (!hard || dealt.has(name))) return;
  const bytes = readFileSync(file);
  const params = { [QUALITY]: hard ? 11 : 5, [SIZE]: bytes.length, [WINDOW]: 22 };
  const [br, gz] = await Promise.all([brotli(bytes, { params }), gzip(bytes, { level: hard ? 9 : 6 })]);
  writeFileSync(`${file}.br`, br);
  writeFileSync(`${file}.gz`, gz);
  if (hard) dealt.add(name);
  else dealt.delete(name);
  written += 1;
}

await Promise.all(names.map(squeeze));
writeFileSync(ledger, JSON.stringify([...dealt].filter((name) => names.includes(name))));
if (written) console.log(`${written} files compressed (brotli ${hard ? 11 : 5})`);
