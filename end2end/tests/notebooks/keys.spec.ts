// The keys of a notebook, as JupyterLab has them, and what one may do by the palette.
import { cell, cells, choose, code, exported, imported, letIn, open, order, saved, source, text, write } from "../../fixtures/notebook.js";
import { expect, test } from "../../fixtures/studio.js";
import type { Page } from "@playwright/test";

const printed = [{ output_type: "stream", name: "stdout", text: "12 rows\n" }];
const few = [text("one", "# Data"), code("load", "load = 1", printed), text("two", "# Model"), code("fit", "fit = 2"), text("three", "# Residuals"), code("plot", "plot = 3")];

/** A key as a keyboard of another country sends it. */
const send = (page: Page, key: string, code: string): Promise<void> =>
  page.evaluate(([key, code]) => void document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true })), [key, code] as const);

test("single keys add, change, paste and hide cells", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, few);
  await open(ada, given);
  const { page } = ada;
  await choose(page, "fit");
  await page.keyboard.press("a");
  await expect(cells(page)).toHaveCount(7);
  const added = (await order(page))[3] as string;
  await expect(cell(page, added)).toHaveClass(/is-active/);
  await page.keyboard.press("r");
  await expect(cell(page, added).locator(".cell__lang")).toHaveText("Raw");
  await page.keyboard.press("y");
  await expect(cell(page, added).locator(".cell__ix")).toBeVisible();
  for (const level of [1, 2, 3, 4, 5, 6]) {
    await page.keyboard.press(String(level));
    await expect.poll(() => source(ada, given, added)).toBe(`${"#".repeat(level)} `);
  }
  await expect(cell(page, added).locator(".cell__md")).toBeVisible();

  await choose(page, "load");
  await page.keyboard.press("o");
  await expect(cell(page, "load").getByText("Outputs hidden. Show them.")).toBeVisible();
  await page.keyboard.press("o");
  await expect(cell(page, "load").locator(".out-text")).toBeVisible();
  await page.keyboard.press("c");
  await choose(page, "plot");
  await page.keyboard.press("Shift+V");
  await expect(cells(page)).toHaveCount(8);
  const pasted = (await order(page))[6] as string;
  await expect.poll(() => source(ada, given, pasted)).toBe("load = 1");
  await page.keyboard.press("Control+s");
  await expect(page.getByText("Everything is saved.").first()).toBeVisible();
});

test("single keys can be turned off, and stay off", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, few);
  await open(ada, given);
  const { page } = ada;
  await page.keyboard.press("Control+/");
  const help = page.getByRole("dialog", { name: "Shortcuts" });
  for (const keys of ["HomeorCtrlHome", "ZorCtrlZ", "ShiftZorCtrlShiftZ"]) {
    await expect(help.locator("dd").filter({ hasText: new RegExp(`^${keys}$`) })).toHaveCount(1);
  }
  await help.getByLabel(/Turn single-key shortcuts off/).check();
  await page.keyboard.press("Escape");
  for (const again of [false, true]) {
    if (again) {
      await page.reload();
      await saved(page);
    }
    await choose(page, "fit");
    for (const key of ["a", "b", "x", "d", "d", "m", "1", "g", "h", "Shift+J"]) await page.keyboard.press(key);
    await expect(page.locator("section.is-selected")).toHaveCount(1);
    expect(await order(page)).toEqual(["one", "load", "two", "fit", "three", "plot"]);
    expect(new URL(page.url()).pathname).toBe(`/n/${given.id}`);
    await expect(cell(page, "fit").locator(".cell__ix")).toBeVisible();
  }
  await page.keyboard.press("Enter");
  await expect(cell(page, "fit").locator(".monaco-editor")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+/");
  await help.getByLabel(/Turn single-key shortcuts off/).uncheck();
  await page.keyboard.press("Escape");
  await page.keyboard.press("b");
  await expect(cells(page)).toHaveCount(7);
});

test("keys mean the same with Caps Lock and on keyboards of other countries; a key held down counts once", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, few);
  await open(ada, given);
  const { page } = ada;
  await choose(page, "fit");
  await send(page, "B", "KeyB");
  await expect(cells(page)).toHaveCount(7);
  await send(page, "я", "KeyZ");
  await expect(cells(page)).toHaveCount(6);
  await choose(page, "fit");
  await send(page, "é", "Digit2");
  await expect.poll(() => source(ada, given, "fit")).toBe("## fit = 2");
  for (let time = 0; time < 4; time += 1) await page.keyboard.down("d");
  await page.keyboard.up("d");
  await page.keyboard.press("Escape");
  expect((await order(page)).length).toBe(6);
  await page.keyboard.press("d");
  await page.keyboard.press("d");
  await expect(cells(page)).toHaveCount(5);
});

test("a run goes on below the last selected cell, and Ctrl Enter leaves the cell", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, few);
  await open(ada, given);
  const { page } = ada;
  await choose(page, "fit");
  await page.keyboard.press("Shift+K");
  await page.keyboard.press("Shift+K");
  await expect(cell(page, "load")).toHaveClass(/is-active/);
  await expect(page.locator("section.is-selected")).toHaveCount(3);
  await page.keyboard.press("Shift+Enter");
  await expect(cell(page, "three")).toHaveClass(/is-active/);
  await expect(cells(page)).toHaveCount(6);
  await expect(cell(page, "fit").locator(".cell__ix")).toHaveText(/\[\d+\]/, { timeout: 40_000 });

  await choose(page, "fit");
  await page.keyboard.press("Shift+K");
  await page.keyboard.press("Shift+K");
  await page.keyboard.press("Alt+Enter");
  await expect(cells(page)).toHaveCount(7);
  const added = (await order(page))[4] as string;
  expect(await order(page)).toEqual(["one", "load", "two", "fit", added, "three", "plot"]);
  await expect(cell(page, added).locator(".monaco-editor.focused")).toBeVisible();
  await page.keyboard.type("7 * 6");
  await page.keyboard.press("Control+Enter");
  await expect(cell(page, added)).not.toHaveClass(/is-editing/);
  await expect(cell(page, added)).toHaveClass(/is-active/);
  await expect(cell(page, added).locator(".cell__outputs")).toContainText("42", { timeout: 40_000 });
  await page.keyboard.press("b");
  await expect(cells(page)).toHaveCount(8);
});

test("a paste and a move of several cells are one step to undo; merged texts keep their pictures", async ({ person }) => {
  const ada = await person("Ada");
  const picture = (png: string): object => ({ "dot.png": { "image/png": png } });
  const black = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC";
  const white = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4//8/AAX+Av4N70a4AAAAAElFTkSuQmCC";
  const given = await imported(ada, [...few, text("dark", "![](attachment:dot.png)", picture(black)), text("light", "and ![](attachment:dot.png)", picture(white))]);
  const names = [...few.map(({ id }) => id), "dark", "light"];
  await open(ada, given);
  const { page } = ada;
  await choose(page, "load");
  await page.keyboard.press("Shift+J");
  await page.keyboard.press("Shift+J");
  await page.keyboard.press("c");
  await page.keyboard.press("v");
  await expect(cells(page)).toHaveCount(11);
  await page.keyboard.press("z");
  await expect.poll(() => order(page)).toEqual(names);
  await choose(page, "fit");
  await page.keyboard.press("Shift+J");
  await page.keyboard.press("Control+Shift+Home");
  await expect.poll(async () => (await order(page)).slice(0, 2)).toEqual(["fit", "three"]);
  await page.keyboard.press("z");
  await expect.poll(() => order(page)).toEqual(names);

  await choose(page, "dark");
  await page.keyboard.press("Shift+M");
  await expect(cells(page)).toHaveCount(7);
  await saved(page);
  const merged = await exported(ada, given, "dark");
  expect(Object.keys(merged?.attachments ?? {}).sort()).toEqual(["2-dot.png", "dot.png"]);
  expect(await source(ada, given, "dark")).toBe("![](attachment:dot.png)\n\nand ![](attachment:2-dot.png)");
  await page.keyboard.press("z");
  await expect(cells(page)).toHaveCount(8);
});

test("waiting cells show their place; a run is interrupted by I I", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, [code("long", "import time\ntime.sleep(60)"), code("next", "1"), code("then", "2")]);
  await open(ada, given);
  const { page } = ada;
  await page.getByRole("button", { name: "Run all", exact: true }).click();
  await expect(cell(page, "long")).toHaveClass(/is-running/, { timeout: 40_000 });
  await expect(cell(page, "next").locator(".num")).toHaveText("1st");
  await expect(cell(page, "then").locator(".num")).toHaveText("2nd");
  await expect(page.getByRole("group", { name: "Code cell 3, queued, 2nd in the queue" })).toBeVisible();
  await choose(page, "next");
  await page.keyboard.press("i");
  await page.keyboard.press("i");
  await expect(cell(page, "long")).not.toHaveClass(/is-running/, { timeout: 20_000 });
});

test("a kernel that holds variables is restarted after a question; Enter says yes, Esc no", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, [code("set", "kept = 1"), code("look", "print('kept' in globals())")]);
  await open(ada, given);
  const { page } = ada;
  const question = page.getByRole("dialog", { name: "The kernel forgets its variables" });
  const look = async (answer: string): Promise<void> => {
    await choose(page, "look");
    await page.keyboard.press("Control+Enter");
    await expect(cell(page, "look").locator(".out-text")).toHaveText(`${answer}\n`, { timeout: 40_000 });
  };
  await choose(page, "set");
  await page.keyboard.press("Control+Enter");
  await expect(cell(page, "set").locator(".cell__ix")).toHaveText(/\[\d+\]/, { timeout: 40_000 });
  await page.keyboard.press("0");
  await page.keyboard.press("0");
  await expect(question).toBeVisible();
  await expect(question.getByRole("button", { name: "Restart" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(question).toBeHidden();
  await look("True");
  await page.keyboard.press("0");
  await page.keyboard.press("0");
  await expect(question.getByRole("button", { name: "Restart" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(question).toBeHidden();
  await look("False");
});

test("the palette offers what one may do now, not what one might when the page was opened", async ({ person }) => {
  const ada = await person("Ada");
  const eve = await person("Eve");
  const given = await imported(ada, few);
  await letIn(ada, eve, given, "viewer");
  await open(eve, given);
  const { page } = eve;
  const found = async (role: string, count: number): Promise<void> => {
    await expect(page.getByRole("button", { name: "Run", exact: true })).toBeEnabled({ enabled: role !== "viewer" });
    await page.keyboard.press("Control+k");
    await expect(page.getByRole("combobox", { name: "Search or run a command" })).toBeFocused();
    await page.keyboard.type("> add a code cell");
    await expect(page.getByRole("option", { name: /Add a code cell/ })).toHaveCount(count);
    await page.keyboard.press("Escape");
  };
  await found("viewer", 0);
  await letIn(ada, eve, given, "editor");
  await found("editor", 2);
  await letIn(ada, eve, given, "viewer");
  await found("viewer", 0);
});

test("lines have numbers in every text and while writing, and the browser remembers it", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, [code("fit", "first = 1\nsecond = 2\nthird = 3"), code("plot", "plot = 3")]);
  await open(ada, given);
  const { page } = ada;
  await choose(page, "fit");
  await page.keyboard.press("Shift+L");
  await expect(cell(page, "fit").locator(".code__numbers")).toHaveText(/^1\s2\s3\s*$/);
  // Where the first letter of an element's text stands.
  const first = (element: Element): { x: number; y: number } => {
    const letter = document.createTreeWalker(element, NodeFilter.SHOW_TEXT).nextNode() as Text;
    const range = document.createRange();
    range.setStart(letter, 0);
    range.setEnd(letter, 1);
    const { x, y } = range.getBoundingClientRect();
    return { x, y };
  };
  const still = await cell(page, "fit").locator("pre.code").evaluate(first);
  await write(page, "fit");
  await expect(cell(page, "fit").locator(".line-numbers")).toHaveText(["1", "2", "3"]);
  await expect(cell(page, "fit").locator(".code__numbers")).toBeHidden();
  // The text does not jump when one begins to write in it.
  const written = await cell(page, "fit").locator(".view-line").first().evaluate(first);
  expect(Math.abs(written.x - still.x), `${written.x} is not ${still.x}`).toBeLessThan(2);
  expect(Math.abs(written.y - still.y), `${written.y} is not ${still.y}`).toBeLessThan(3);
  await page.reload();
  await expect(cell(page, "plot").locator(".code__numbers")).toBeVisible();
  await open(ada, given);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("line numbers");
  await page.keyboard.press("Enter");
  await expect(page.locator(".code__numbers")).toHaveCount(0);
  await write(page, "fit");
  await expect(page.locator(".line-numbers")).toHaveCount(0);
});
