// What the screen shows is what the studio has, where an editor is tempted to count differently: a byte order mark, carriage
// returns, and an input method that composes while others write.
import type { CDPSession, Page } from "@playwright/test";
import { cell, code, imported, letIn, open, saved, source, write, type Given } from "../../fixtures/notebook.js";
import { expect, test, type Person } from "../../fixtures/studio.js";

const BOM = "\u{feff}";

/** How the editor draws a text: it makes a byte order mark visible. */
const drawn = (text: string): string => text.replaceAll(BOM, "\u{fffd}");

/** What the editor shows, line by line. */
const shown = (page: Page): Promise<string> =>
  page.locator(".monaco-editor .view-line").evaluateAll((lines) =>
    lines
      .map((line) => ({ top: line.getBoundingClientRect().top, text: (line.textContent ?? "").replaceAll("\u{a0}", " ") }))
      .sort((one, other) => one.top - other.top)
      .map(({ text }) => text)
      .join("\n"),
  );

async function paste(page: Page, text: string): Promise<void> {
  await page.evaluate((text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    document.activeElement?.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  }, text);
}

/** Send a batch as a program would; what the studio answers. */
const submit = (page: Page, given: Given, operations: object[]): Promise<{ hear: string; why?: object }> =>
  page.evaluate(
    ([notebook, operations]) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://${location.host}/live`);
        socket.binaryType = "arraybuffer";
        const client = `program-${Math.random().toString(36).slice(2)}`;
        const say = (what: object): void => socket.send(new TextEncoder().encode(JSON.stringify({ notebook, ...what })));
        socket.onerror = () => reject(new Error("no socket"));
        socket.onopen = () => say({ say: "join", client });
        socket.onmessage = ({ data }) => {
          const heard = JSON.parse(new TextDecoder().decode(data as ArrayBuffer)) as { hear: string; state?: { snapshot: { revision: number } } };
          if (heard.hear === "joined") say({ say: "submit", client, sequence: 1, base: heard.state!.snapshot.revision, operations });
          if (heard.hear !== "ack" && heard.hear !== "refused") return;
          socket.close();
          resolve(heard);
        };
      }),
    [given.id, operations] as const,
  );

test("a text that begins with a byte order mark is written in where the caret stands, also by two", async ({ person }) => {
  test.slow();
  const ada = await person("Ada");
  const grace = await person("Grace");
  const texts = { one: `${BOM}import os\nprint(1)`, two: `${BOM}${BOM}abc`, middle: `a\n${BOM}b = 1` };
  const given = await imported(ada, Object.entries(texts).map(([id, text]) => code(id, text)));
  await letIn(ada, grace, given, "editor");
  await open(ada, given);
  await open(grace, given);
  for (const [id, text] of Object.entries(texts)) {
    await write(ada.page, id);
    await ada.page.keyboard.type("END");
    await expect.poll(() => source(ada, given, id)).toBe(`${text}END`);
    await expect.poll(() => shown(ada.page)).toBe(drawn(`${text}END`));
    await write(grace.page, id);
    await grace.page.keyboard.type("!");
    await expect.poll(() => shown(ada.page)).toBe(drawn(`${text}END!`));
    await ada.page.keyboard.press("Control+a");
    await ada.page.keyboard.press("Delete");
    await expect.poll(() => source(ada, given, id)).toBe("");
    await expect.poll(() => shown(grace.page)).toBe("");
    // Another's change brings one to the beginning of the text one writes in.
    expect(await submit(ada.page, given, [{ op: "edit_source", cell: id, delta: [`${BOM}x`] }])).toMatchObject({ hear: "ack" });
    await expect.poll(() => shown(grace.page)).toBe(drawn(`${BOM}x`));
    await grace.page.keyboard.press("Control+End");
    await grace.page.keyboard.type("?");
    await expect.poll(() => source(ada, given, id)).toBe(`${BOM}x?`);
    await expect.poll(() => shown(ada.page)).toBe(drawn(`${BOM}x?`));
  }
});

test("a byte order mark and carriage returns of what is pasted come into no text", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, [code("first", "")]);
  await open(ada, given);
  await cell(ada.page, "first").locator("pre.code").click();
  await expect(cell(ada.page, "first").locator(".monaco-editor")).toBeVisible();
  await paste(ada.page, `${BOM}import os\r\nx = 1\ry = 2\r\n`);
  await ada.page.keyboard.type("z");
  await expect.poll(() => source(ada, given, "first")).toBe("import os\nx = 1\ny = 2\nz");
});

test("a program's carriage returns are refused, and what it may write counts the same for everyone", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, [code("first", "one\ntwo\nthree")]);
  await open(ada, given);
  await write(ada.page, "first");
  for (const operation of [
    { op: "insert_cell", cell: "new", kind: "code", order: "b00", source: "a\r\nb" },
    { op: "edit_source", cell: "first", delta: [3, "\r\nmore"] },
    { op: "edit_source", cell: "first", delta: ["\r"] },
  ]) {
    expect(await submit(ada.page, given, [operation])).toMatchObject({ hear: "refused", why: { code: "op.line_end", detail: operation.cell } });
  }
  expect(await submit(ada.page, given, [{ op: "edit_source", cell: "first", delta: [3, "\nmore\u{2028}\u{85}x"] }])).toMatchObject({ hear: "ack" });
  await ada.page.keyboard.type("END");
  await expect.poll(() => source(ada, given, "first")).toBe("one\nmore\u{2028}\u{85}x\ntwo\nthreeEND");
});

async function together(ada: Person, grace: Person, text: string): Promise<[Given, CDPSession]> {
  const given = await imported(ada, [code("first", text)]);
  await letIn(ada, grace, given, "editor");
  await open(ada, given);
  await open(grace, given);
  await write(ada.page, "first");
  await write(grace.page, "first");
  return [given, await ada.page.context().newCDPSession(ada.page)];
}

const compose = (keys: CDPSession, text: string): Promise<unknown> =>
  keys.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });

test("what others write while an input method composes deletes nothing, and comes when it is done", async ({ person }) => {
  test.slow();
  const ada = await person("Ada");
  const grace = await person("Grace");
  for (const [before, ours, theirs, typed, after] of [
    ["abc def", "Control+End", "Control+Home", ["X", "Y", "Z"], "XYZabc def日本"],
    ["abc def", "Control+Home", "Control+End", ["X", "Y", "Z"], "日本abc defXYZ"],
    ["abc\ndef", "Control+End", "Control+Home", ["X\n", "Y\n", "Z\n"], "X\nY\nZ\nabc\ndef日本"],
    ["abc\ndef", "Control+Home", "Control+End", ["X\n", "Y\n", "Z"], "日本abc\ndefX\nY\nZ"],
  ] as const) {
    const [given, keys] = await together(ada, grace, before);
    await ada.page.keyboard.press(ours);
    await grace.page.keyboard.press(theirs);
    for (const [at, composed] of ["n", "に", "にほ"].entries()) {
      await compose(keys, composed);
      await expect.poll(() => shown(ada.page)).toContain(composed);
      // What others write waits here, and so does what is composed behind it.
      if (at === 0) await expect.poll(() => shown(grace.page)).toContain(composed);
      await grace.page.keyboard.type(typed[at]!);
      await expect.poll(() => source(ada, given, "first")).toContain(typed[at]!);
      await saved(grace.page);
      expect(await shown(ada.page)).not.toContain(typed[at]!.trim());
    }
    await keys.send("Input.insertText", { text: "日本" });
    await expect.poll(() => source(ada, given, "first")).toBe(after);
    await expect.poll(() => shown(ada.page)).toBe(after);
    await expect.poll(() => shown(grace.page)).toBe(after);
    await ada.page.keyboard.type("ok");
    await expect.poll(() => source(ada, given, "first")).toBe(after.replace("日本", "日本ok"));
    await saved(ada.page);
  }
});

test("who composes for very long does not keep others' words waiting", async ({ person }) => {
  test.slow();
  const ada = await person("Ada");
  const grace = await person("Grace");
  const [given, keys] = await together(ada, grace, "abc");
  await grace.page.keyboard.press("Control+Home");
  await compose(keys, "に");
  await grace.page.keyboard.type("X");
  await expect.poll(() => shown(grace.page)).toBe("Xabcに");
  expect(await shown(ada.page)).toBe("abcに");
  await expect.poll(() => shown(ada.page), { timeout: 15_000 }).toBe("Xabcに");
  await expect.poll(() => source(ada, given, "first")).toBe("Xabcに");
  await ada.page.keyboard.type("!");
  await expect.poll(() => source(ada, given, "first")).toBe("Xabcに!");
});
