// The Monaco facade alone: what is typed, what others type, keys, carets, height.
import type { Page } from "@playwright/test";
import { expect, test } from "../../fixtures/site.js";

/** Mount an editor that writes down everything it tells. */
async function mount(page: Page, text: string, keys: string[] = []): Promise<void> {
  await page.evaluate(
    ([text, keys]) => {
      const w = window as never as { module: any; editor: any; told: any[][]; heights: number[] };
      w.told = [];
      w.heights = [];
      w.editor = w.module.mount(
        document.getElementById("host"),
        { text, language: "python", readOnly: false, label: "Cell 1, code", theme: "light", lineNumbers: false },
        {
          change: (flat: any[]) => w.told.push(["change", ...flat]),
          selection: (anchor: number, head: number) => w.told.push(["selection", anchor, head]),
          key: (name: string) => (w.told.push(["key", name]), keys.includes(name)),
          focus: () => w.told.push(["focus"]),
          blur: () => w.told.push(["blur"]),
          composing: (on: boolean) => w.told.push(["composing", on]),
          height: (px: number) => w.heights.push(px),
          complete: async (code: string, cursor: number) => ({
            matches: ["alpha", "alphabet"], cursor_start: code.lastIndexOf("alp", cursor), cursor_end: cursor, status: "ok",
          }),
          inspect: async () => ({ found: true, data: { "text/plain": "\u001b[31mSignature:\u001b[0m alpha()" } }),
        },
      );
      w.editor.focus();
    },
    [text, keys] as const,
  );
}

const changes = (page: Page): Promise<unknown[][]> =>
  page.evaluate(() => (window as any).told.filter(([what]: [string]) => what === "change").map((line: any[]) => line.slice(1)));
const pressed = (page: Page): Promise<string[]> =>
  page.evaluate(() => (window as any).told.filter(([what]: [string]) => what === "key").map((line: any[]) => line[1]));
const text = (page: Page): Promise<string> => page.evaluate(() => (window as any).editor.text());

test.beforeEach(async ({ page, open }) => open(page, { module: "editor.js" }));

test("what a person types is told as changes that rebuild the text", async ({ page }) => {
  await mount(page, "a = 1\nb = 2");
  await page.evaluate(() => (window as any).editor.select(5, 5));
  await page.keyboard.type("0");
  await page.keyboard.press("Enter");
  await page.keyboard.type("print(a)");
  let rebuilt = "a = 1\nb = 2";
  for (const flat of await changes(page)) {
    for (let at = 0; at < flat.length; at += 3) {
      const [offset, deleted, inserted] = flat.slice(at, at + 3) as [number, number, string];
      rebuilt = rebuilt.slice(0, offset) + inserted + rebuilt.slice(offset + deleted);
    }
  }
  expect(rebuilt).toBe(await text(page));
  expect(rebuilt).toBe("a = 10\nprint(a)\nb = 2");
});

test("several carets change the text in one call, from its end to its start", async ({ page }) => {
  await mount(page, "x\nx\nx");
  await page.evaluate(() => (window as any).editor.select(0, 1));
  await page.keyboard.press("ControlOrMeta+D");
  await page.keyboard.press("ControlOrMeta+D");
  await page.keyboard.press("ControlOrMeta+D");
  await page.keyboard.type("y");
  expect(await changes(page)).toEqual([[4, 1, "y", 2, 1, "y", 0, 1, "y"]]);
});

test("pasted line ends are LF, so that offsets count the same for everyone", async ({ page }) => {
  await mount(page, "");
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData("text/plain", "one\r\ntwo\r\n🦉 three");
    document.activeElement?.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await expect.poll(() => text(page)).toBe("one\ntwo\n🦉 three");
  expect(JSON.stringify(await changes(page))).not.toContain("\\r");
});

test("a byte order mark at the beginning counts like any other character, however it got there", async ({ page }) => {
  await mount(page, "\u{feff}ab");
  expect(await text(page)).toBe("\u{feff}ab");
  await page.evaluate(() => (window as any).editor.select(2, 2));
  await page.keyboard.type("-");
  await page.evaluate(() => {
    const { editor } = window as any;
    editor.apply([0, 1, ""]);
    editor.apply([0, 0, "\u{feff}\u{feff}"]);
    editor.show("", "\u{feff}\u{feff}xa-b", "python", false, "Cell 1, code");
    editor.show("other", "\u{feff}", "python", false, "Cell 2, code");
    editor.show("", "\u{feff}xa-b", "python", false, "Cell 1, code");
    editor.select(2, 2);
  });
  await page.keyboard.type("+");
  expect(await text(page)).toBe("\u{feff}x+a-b");
  expect(await changes(page)).toEqual([[2, 0, "-"], [2, 0, "+"]]);
});

test("a byte order mark is no part of what is pasted", async ({ page }) => {
  await mount(page, "x");
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData("text/plain", "\u{feff}one\r\n");
    document.activeElement?.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await expect.poll(() => text(page)).toBe("one\nx");
});

test("another person's edits arrive without being told back, and the caret stays at its place", async ({ page }) => {
  await mount(page, "one two three");
  await page.evaluate(() => {
    const { editor } = window as any;
    editor.select(4, 7);
    editor.apply([0, 3, "first", 8, 5, "🦉 last"]);
  });
  expect(await text(page)).toBe("first two 🦉 last");
  expect(await changes(page)).toEqual([]);
  await page.keyboard.type("2");
  expect(await text(page)).toBe("first 2 🦉 last");
  expect(await changes(page)).toEqual([[6, 3, "2"]]);
});

test("an input method is told of from its first key to its last, and can be ended with what it has in hand", async ({ page }) => {
  await mount(page, "ab");
  await page.evaluate(() => (window as any).editor.select(1, 1));
  const keys = await page.context().newCDPSession(page);
  const compose = (text: string): Promise<unknown> => keys.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
  const told = (): Promise<unknown[][]> => page.evaluate(() => (window as any).told.filter(([what]: [string]) => ["change", "composing"].includes(what)));
  await compose("n");
  await compose("に");
  await expect.poll(async () => (await told()).at(-1)).toEqual(["change", 1, 1, "に"]);
  expect((await told())[0], "before the first change").toEqual(["composing", true]);
  await keys.send("Input.insertText", { text: "日" });
  await expect.poll(async () => (await told()).at(-1)).toEqual(["composing", false]);
  expect((await told()).filter(([what]) => what === "composing")).toHaveLength(2);
  expect(await text(page)).toBe("a日b");
  await compose("ほ");
  await expect.poll(() => text(page)).toBe("a日ほb");
  await page.evaluate(() => (window as any).editor.endComposition());
  await expect.poll(async () => (await told()).at(-1)).toEqual(["composing", false]);
  await page.evaluate(() => (window as any).editor.apply([0, 0, "X"]));
  await page.keyboard.type("!");
  expect(await text(page)).toBe("Xa日ほ!b");
});

test("notebook keys go to the notebook, undo among them", async ({ page }) => {
  await mount(page, "a\nb", ["escape", "run-next", "run", "run-below", "save", "undo", "redo", "up", "down", "split"]);
  await page.evaluate(() => (window as any).editor.select(0, 0));
  for (const key of ["Shift+Enter", "Control+Enter", "Alt+Enter", "Control+S", "Control+Z", "Control+Shift+Z", "Control+Y", "ArrowUp", "Control+Shift+-", "Escape"]) {
    await page.keyboard.press(key);
  }
  expect(await pressed(page)).toEqual(["run-next", "run", "run-below", "save", "undo", "redo", "redo", "up", "split", "escape"]);
  await page.evaluate(() => (window as any).editor.select(3, 3));
  await page.keyboard.press("ArrowDown");
  expect((await pressed(page)).at(-1)).toBe("down");
  expect(await text(page)).toBe("a\nb");
});

test("inside the text the arrows move the caret, and a key nobody wants is Monaco's again", async ({ page }) => {
  await mount(page, "a\nb\nc", []);
  await page.evaluate(() => (window as any).editor.select(0, 0));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  expect(await pressed(page)).toEqual([]);
  await page.keyboard.type("-");
  expect(await text(page)).toBe("a\nb\n-c");
});

test("the kernel's completions can be chosen, and Escape closes the list before it leaves the cell", async ({ page }) => {
  await mount(page, "x = ", ["escape"]);
  await page.evaluate(() => (window as any).editor.select(4, 4));
  await page.keyboard.type("alp");
  await page.keyboard.press("Control+Space");
  await expect(page.getByRole("option", { name: /alphabet/ })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("option", { name: /alphabet/ })).toBeHidden();
  expect(await pressed(page)).toEqual([]);
  await page.keyboard.press("Control+Space");
  await expect(page.getByRole("option", { name: /alphabet/ })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  expect(await text(page)).toBe("x = alphabet");
});

test("another person's caret carries their name and moves with the text", async ({ page }) => {
  await mount(page, "one two");
  await page.evaluate(() => (window as any).editor.carets([{ seat: 7, name: "Grace", color: 3, anchor: 4, head: 7 }]));
  const caret = page.locator(".peer-caret.peer-3");
  await expect(caret).toHaveText("Grace");
  await expect(page.locator(".peer-sel-3")).toHaveCount(1);
  const before = await caret.boundingBox();
  // Where the seventh letter of the text is, not somewhere on the page.
  const text = await page.locator(".view-line").first().locator("span > span").first().boundingBox();
  expect(Math.abs((before?.y ?? 0) - (text?.y ?? 0))).toBeLessThan(6);
  expect(before?.x ?? 0).toBeGreaterThan(text?.x ?? 0);
  await page.evaluate(() => (window as any).editor.apply([0, 0, "zero "]));
  await expect.poll(async () => (await caret.boundingBox())?.x).toBeGreaterThan((before?.x ?? 0) + 20);
  await page.evaluate(() => (window as any).editor.carets([]));
  await expect(caret).toHaveCount(0);
});

test("an editor moves between texts and finds each as it left it", async ({ page }) => {
  await mount(page, "");
  await page.evaluate(() => {
    const { editor } = window as any;
    editor.show("a", "first\ntext", "python", false, "Cell 1, code");
    editor.select(6, 6);
    editor.show("b", "# second", "markdown", true, "Cell 2, text");
  });
  await page.evaluate(() => (window as any).editor.focus());
  await page.keyboard.type("x");
  expect(await text(page)).toBe("# second");
  await page.evaluate(() => {
    const { editor } = window as any;
    editor.show("a", "first\nlonger text", "python", false, "Cell 1, code");
    editor.focus();
  });
  await page.keyboard.type("*");
  expect(await text(page)).toMatch(/^first\n(\*longer text|longer \*text)$/);
  await expect(page.getByRole("textbox", { name: "Cell 1, code" })).toBeAttached();
});

test("the cell is as high as its text, and the wheel scrolls the page", async ({ page }) => {
  await mount(page, "1\n2\n3");
  const host = page.locator("#host");
  const height = async (): Promise<number> => (await host.boundingBox())?.height ?? 0;
  expect(await height()).toBe(3 * 20 + 19);
  await page.evaluate(() => (window as any).editor.apply([0, 0, "0\n".repeat(60)]));
  await expect.poll(height).toBe(63 * 20 + 19);
  await host.hover({ position: { x: 100, y: 100 } });
  await page.mouse.wheel(0, 300);
  await expect.poll(() => page.evaluate(() => document.documentElement.scrollTop)).toBeGreaterThan(200);
});

test("nothing is left behind when an editor is disposed", async ({ page }) => {
  await mount(page, "x");
  await page.evaluate(() => (window as any).editor.dispose());
  await expect(page.locator("#host .monaco-editor")).toHaveCount(0);
});
