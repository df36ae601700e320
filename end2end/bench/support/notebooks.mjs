// Notebooks to load: a large one as analyses grow them, and a small one.
import { crc32, deflateSync } from "node:zlib";

/** Stands in the first cell. */
export const MARK = "first_cell_of_all";

/** Code, text, plots and long prints, as analyses have them: about 51 KB a cell. */
export function largeNotebook(count) {
  const dice = random(51);
  const cells = [code(`${MARK} = 1`, [stream("ready\n")])];
  for (let at = 1; at < count; at += 1) {
    if (at % 10 === 0) cells.push({ cell_type: "markdown", id: `cell-${at}`, metadata: {}, source: `## Part ${at / 10}\n\nWhat *follows* looks at station ${at}.` });
    else if (at % 2 === 0) cells.push(code(`plot(load[${at}])`, [picture(dice)], at));
    else cells.push(code(`print(load[${at}].to_string())`, [stream(lines(dice, 720))], at));
  }
  return wrap(cells);
}

export function smallNotebook() {
  const dice = random(20);
  const cells = [code(`${MARK} = 1`, [])];
  for (let at = 1; at < 20; at += 1) cells.push(code(`value_${at} = ${at}\nprint(value_${at})`, [stream(lines(dice, 3))], at));
  return wrap(cells);
}

function wrap(cells) {
  const metadata = { kernelspec: { name: "python3", display_name: "Python 3", language: "python" }, language_info: { name: "python" } };
  return { nbformat: 4, nbformat_minor: 5, metadata, cells };
}

function code(source, outputs, at = 0) {
  return { cell_type: "code", id: `cell-${at}`, metadata: {}, source, outputs, execution_count: at };
}

function stream(text) {
  return { output_type: "stream", name: "stdout", text };
}

/** Rows of a table of numbers, 80 characters each. */
function lines(dice, count) {
  return Array.from({ length: count }, (_, at) => `${String(at).padStart(6)}  ${Array.from({ length: 6 }, () => (dice() * 1e4).toFixed(3).padStart(11)).join(" ")}`)
    .map((line) => `${line.padEnd(79)}\n`)
    .join("");
}

/** A PNG that does not compress, like a scatter plot: about 51 KB in base64. */
function picture(dice) {
  const [width, height] = [112, 112];
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let at = 0; at < rows.length; at += 1) rows[at] = at % (1 + width * 3) === 0 ? 0 : dice() * 256;
  const head = Buffer.from([0, 0, 0, width, 0, 0, 0, height, 8, 2, 0, 0, 0]);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const png = Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
  return { output_type: "display_data", metadata: {}, data: { "image/png": png.toString("base64"), "text/plain": "<Figure size 640x480 with 1 Axes>" } };
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** The same dice every time. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}
