// Where keys and presses go while somebody writes: the text stays where it is, and no letter becomes a command.
import { cell, cells, choose, code, imported, letIn, open, order, source, text, write } from "../../fixtures/notebook.js";
import { expect, test } from "../../fixtures/studio.js";

const few = [text("title", "# Peak"), code("first", "import math"), code("second", "6 * 7"), text("last", "See [the guide](https://example.org/guide).")];

test("a press scrolls nothing, and the caret goes where it was pressed", async ({ person }) => {
  const ada = await person("Ada");
  const lines = Array.from({ length: 40 }, (_, line) => `line_${line}`);
  const given = await imported(ada, [code("short", lines.slice(0, 15).join("\n")), code("long", lines.join("\n")), code("after", "1")]);
  await open(ada, given);
  const { page } = ada;
  const scrolled = (): Promise<number> => page.locator(".nb__doc").evaluate((doc) => doc.scrollTop);
  await choose(page, "short");
  const before = await scrolled();
  const box = (await cell(page, "long").locator("pre.code").boundingBox())!;
  expect(box.y + box.height, "the cell reaches below the window").toBeGreaterThan(800);
  await page.keyboard.down("Shift");
  await page.mouse.click(box.x - 20, box.y + 200);
  await page.keyboard.up("Shift");
  await expect(page.locator("section.is-selected")).toHaveCount(2);
  await expect(cell(page, "long")).toBeFocused();
  expect(await scrolled()).toBe(before);
  await choose(page, "short");
  // The sixth line, at its beginning.
  await page.mouse.move(box.x + 15, box.y + 9 + 5 * 20 + 10);
  await page.mouse.down();
  await expect(cell(page, "long")).toHaveClass(/is-active/);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  expect(await scrolled()).toBe(before);
  await page.mouse.up();
  await expect(cell(page, "long").locator(".monaco-editor")).toBeVisible();
  await page.keyboard.type("#");
  await expect.poll(async () => (await source(ada, given, "long")).split("\n")[5]).toBe("#line_5");
});

test("a field of a cell that is not active keeps the focus it was given by a press", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, [code("asks", "name = input('Who? ')\nprint('hello', name)"), code("other", "1")]);
  await open(ada, given);
  const { page } = ada;
  await choose(page, "asks");
  await page.keyboard.press("Control+Enter");
  const field = cell(page, "asks").getByLabel("Who?");
  await expect(field).toBeVisible({ timeout: 40_000 });
  await choose(page, "other");
  await field.click();
  await expect(cell(page, "asks")).toHaveClass(/is-active/);
  await expect(field).toBeFocused();
  await page.keyboard.type("Bob, dd and x");
  await page.keyboard.press("Enter");
  await expect(cell(page, "asks").locator(".out-text")).toContainText("hello Bob, dd and x");
  await expect(cells(page)).toHaveCount(2);
});

test("letters typed before the editor has come lead nowhere", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, few);
  const { page } = ada;
  await page.route(/\/pkg\/editor\./, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await route.continue();
  });
  await open(ada, given);
  await cell(page, "second").locator("pre.code").click({ position: { x: 500, y: 20 } });
  await expect(cell(page, "second")).toHaveClass(/is-editing/);
  await page.keyboard.type(" # weights go home");
  await expect(page.locator(".monaco-editor")).toBeVisible();
  await expect.poll(() => source(ada, given, "second")).toBe("6 * 7 # weights go home");
  expect(new URL(page.url()).pathname).toBe(`/n/${given.id}`);
});

test("Shift and a press select text of the cell being written", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, few);
  await open(ada, given);
  const { page } = ada;
  await write(page, "second");
  await expect(cell(page, "second").locator(".view-line").first()).toContainText("6");
  const line = (await cell(page, "second").locator(".view-line").first().boundingBox())!;
  await page.mouse.click(line.x + 1, line.y + 10);
  await page.keyboard.down("Shift");
  await page.mouse.click(line.x + 300, line.y + 10);
  await page.keyboard.up("Shift");
  await expect(cell(page, "second")).toHaveClass(/is-editing/);
  await page.keyboard.type("42");
  await expect.poll(() => source(ada, given, "second")).toBe("42");
});

test("who changes the kind of the cell, moves it or presses beside its text goes on writing", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, few);
  await open(ada, given);
  const { page } = ada;
  await write(page, "second");
  await page.locator("#cell-kind-button").click();
  await page.getByRole("menuitem", { name: "Text", exact: true }).click();
  await expect(cell(page, "second").locator(".cell__ix")).toHaveCount(0);
  await expect(cell(page, "second").locator(".monaco-editor")).toBeVisible();
  await page.keyboard.type(" a");
  await expect.poll(() => source(ada, given, "second")).toBe("6 * 7 a");
  await cell(page, "second").getByRole("button", { name: "Move up" }).click();
  await expect.poll(() => order(page)).toEqual(["title", "second", "first", "last"]);
  await page.keyboard.type("b");
  await expect.poll(() => source(ada, given, "second")).toBe("6 * 7 ab");
  await cell(page, "second").locator(".cell__gutter").click({ position: { x: 20, y: 20 } });
  await page.keyboard.type("cd");
  await expect.poll(() => source(ada, given, "second")).toBe("6 * 7 abcd");
  await expect(cells(page)).toHaveCount(4);
});

test("a colleague who changes the kind of a cell or moves it stops nobody writing in it", async ({ person }) => {
  const ada = await person("Ada");
  const grace = await person("Grace");
  const given = await imported(ada, few);
  await letIn(ada, grace, given, "editor");
  await open(ada, given);
  await open(grace, given);
  await write(ada.page, "second");
  await ada.page.keyboard.type("a");
  await choose(grace.page, "second");
  await grace.page.keyboard.press("m");
  await expect(cell(ada.page, "second").locator(".cell__ix")).toHaveCount(0);
  await ada.page.keyboard.type("b");
  await grace.page.keyboard.press("Control+Shift+ArrowUp");
  await expect.poll(() => order(ada.page)).toEqual(["title", "second", "first", "last"]);
  await ada.page.keyboard.type("c");
  await expect.poll(() => source(ada, given, "second")).toBe("6 * 7abc");
  await expect(cells(ada.page)).toHaveCount(4);
});

test("letters meant for a cell that a colleague has just deleted are no commands", async ({ person }) => {
  const ada = await person("Ada");
  const grace = await person("Grace");
  const given = await imported(ada, few);
  await letIn(ada, grace, given, "editor");
  await open(ada, given);
  await open(grace, given);
  await write(ada.page, "second");
  await ada.page.keyboard.type(" # here");
  await expect.poll(() => source(ada, given, "second")).toBe("6 * 7 # here");
  await choose(grace.page, "second");
  await cell(grace.page, "second").getByRole("button", { name: "Delete the cell" }).click();
  await expect(cells(ada.page)).toHaveCount(3);
  await ada.page.keyboard.type("xaddb ghm", { delay: 20 });
  await ada.page.keyboard.press("Enter");
  await expect(ada.page.getByText("Somebody deleted the cell you were typing in.")).toBeVisible();
  expect(await order(ada.page)).toEqual(["title", "first", "last"]);
  expect(new URL(ada.page.url()).pathname).toBe(`/n/${given.id}`);
  // Answered, the keys are commands again.
  await ada.page.getByRole("button", { name: "Leave it" }).click();
  await ada.page.keyboard.press("b");
  await expect(cells(ada.page)).toHaveCount(4);
});

test("commands go to the cell that has the focus, and the focus scrolls nothing", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, few);
  await open(ada, given);
  const { page } = ada;
  await choose(page, "title");
  await cell(page, "last").getByRole("link", { name: "the guide" }).focus();
  await expect(cell(page, "last")).toHaveClass(/is-active/);
  await page.keyboard.press("x");
  await expect.poll(() => order(page)).toEqual(["title", "first", "second"]);
  // What was chosen in the palette is not undone by the focus that comes back when it closes.
  await choose(page, "title");
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Search or run a command" })).toBeFocused();
  await page.keyboard.type("go to the last cell");
  await page.keyboard.press("Enter");
  await expect(cell(page, "second")).toHaveClass(/is-active/);
  await expect(cell(page, "second")).toBeFocused();
});
