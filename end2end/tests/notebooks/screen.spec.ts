// The notebook screen: reading, writing together, running, and what happens when the plug is pulled.
import { expect, hydrated, test, type Person } from "../../fixtures/studio.js";
import { expectAccessible } from "../../fixtures/accessible.js";
import type { Locator, Page } from "@playwright/test";

interface Given {
  id: string;
  space: string;
}

const sample = {
  cells: [
    { cell_type: "markdown", id: "title", metadata: {}, source: "# Winter peak\n\nHow far does $x^2$ go? <script>window.__pwned = 1</script>" },
    {
      cell_type: "code",
      execution_count: 3,
      id: "first",
      metadata: {},
      outputs: [
        { name: "stdout", output_type: "stream", text: "fold 1 of 5\n" },
        { data: { "text/html": "<table><tr><td>north</td></tr></table>", "text/plain": "north" }, execution_count: 3, metadata: {}, output_type: "execute_result" },
      ],
      source: "import math\nprint('fold 1 of 5')",
    },
    { cell_type: "markdown", id: "section", metadata: {}, source: "## Features" },
    { cell_type: "code", execution_count: null, id: "second", metadata: {}, outputs: [], source: "6 * 7" },
  ],
  metadata: { kernelspec: { display_name: "Python 3", language: "python", name: "python3" } },
  nbformat: 4,
  nbformat_minor: 5,
};

/** What a browser says with every request of a page, so that the studio believes it is one. */
const fromPage = (person: Person): { origin: string } => ({ origin: new URL(person.page.url()).origin });

async function createSpace(owner: Person): Promise<string> {
  const answer = await owner.page.request.post("/api/v1/spaces", { data: { name: "Grid demand" }, headers: fromPage(owner) });
  expect(answer.status()).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}

async function importSample(owner: Person, notebook: object = sample): Promise<Given> {
  const space = await createSpace(owner);
  const answer = await owner.page.request.post(`/api/v1/spaces/${space}/import?name=peak.ipynb`, {
    data: JSON.stringify(notebook),
    headers: { ...fromPage(owner), "content-type": "application/x-ipynb+json" },
  });
  expect(answer.status(), await answer.text()).toBe(201);
  return { id: ((await answer.json()) as { notebook: { id: string } }).notebook.id, space };
}

async function letIn(owner: Person, guest: Person, given: Given, role: string): Promise<void> {
  const answer = await owner.page.request.put(`/api/v1/spaces/${given.space}/members/${guest.username}`, { data: { role }, headers: fromPage(owner) });
  expect(answer.ok(), await answer.text()).toBe(true);
}

async function open(person: Person, given: Given): Promise<void> {
  await person.page.goto(`/n/${given.id}`);
  await hydrated(person.page);
  await saved(person.page);
}

const cell = (page: Page, id: string): Locator => page.locator(`#cell-${id}`);
const state = (page: Page): Locator => page.locator(".saved");
const saved = (page: Page): Promise<void> => expect(state(page)).toHaveAttribute("data-state", "saved");

/** A still text without the names on others' carets. */
const words = (text: Locator): Promise<string> =>
  text.evaluate((element) => {
    const copy = element.cloneNode(true) as Element;
    copy.querySelectorAll(".caret").forEach((caret) => caret.remove());
    return copy.textContent ?? "";
  });

/** The document as the studio exports it. */
async function exported(person: Person, given: Given): Promise<typeof sample> {
  const answer = await person.page.request.get(`/api/v1/notebooks/${given.id}/export?format=ipynb`);
  expect(answer.ok()).toBe(true);
  return (await answer.json()) as typeof sample;
}

const source = (notebook: typeof sample, id: string): string => ([] as string[]).concat(notebook.cells.find((one) => one.id === id)?.source ?? "").join("");

test("a notebook is readable without script", async ({ person, picture }) => {
  const reader = await person("Ada", { javaScriptEnabled: false });
  const given = await importSample(reader);
  await reader.page.goto(`/n/${given.id}`);
  await expect(reader.page.getByRole("heading", { name: "Winter peak", exact: true }).first()).toBeVisible();
  await expect(reader.page.locator("math")).toHaveCount(1);
  await expect(cell(reader.page, "first").locator("pre.code .k").first()).toHaveText("import");
  await expect(cell(reader.page, "first").locator(".out-text")).toContainText("fold 1 of 5");
  await expect(cell(reader.page, "first").locator("td")).toHaveText("north");
  await picture(reader.page, "notebook-without-script");
});

test("what one types is saved, runs, and is in the exported file", async ({ person, picture }) => {
  const ada = await person("Ada");
  const given = await importSample(ada);
  await open(ada, given);
  const { page } = ada;
  await cell(page, "second").locator("pre.code").click();
  await expect(page.locator(".monaco-editor")).toBeVisible();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("print(6 * 7)");
  await saved(page);
  expect(source(await exported(ada, given), "second")).toBe("print(6 * 7)");
  await page.keyboard.press("Control+Enter");
  await expect(cell(page, "second").locator(".out-text")).toHaveText("42\n", { timeout: 40_000 });
  await expect(cell(page, "second").locator(".cell__ix")).toHaveText(/\[\d+\]/);
  await picture(page, "notebook");
  expect(await page.evaluate(() => "__pwned" in window)).toBe(false);
});

test("what is typed before the editor has come is not lost", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importSample(ada);
  await ada.page.route(/\/pkg\/editor\./, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await route.continue();
  });
  await open(ada, given);
  await cell(ada.page, "second").locator("pre.code").click({ position: { x: 500, y: 20 } });
  await expect(cell(ada.page, "second")).toHaveClass(/is-editing/);
  await ada.page.keyboard.type(" # early");
  await expect(ada.page.locator(".monaco-editor")).toBeVisible();
  await ada.page.keyboard.type(" late");
  await expect.poll(async () => source(await exported(ada, given), "second")).toBe("6 * 7 # early late");
});

test("two people write in one cell and see each other", async ({ person, picture }) => {
  const ada = await person("Ada");
  const grace = await person("Grace");
  const given = await importSample(ada);
  await letIn(ada, grace, given, "editor");
  await open(ada, given);
  await open(grace, given);
  await cell(ada.page, "second").locator("pre.code").click();
  await cell(grace.page, "second").locator("pre.code").click();
  await expect(ada.page.locator(".monaco-editor")).toBeVisible();
  await expect(grace.page.locator(".monaco-editor")).toBeVisible();
  await ada.page.keyboard.press("Control+Home");
  await grace.page.keyboard.press("Control+End");
  await Promise.all([ada.page.keyboard.type("aaaaaaaaaa ", { delay: 15 }), grace.page.keyboard.type(" gggggggggg", { delay: 15 })]);
  await saved(ada.page);
  await saved(grace.page);
  await expect.poll(async () => source(await exported(ada, given), "second")).toBe("aaaaaaaaaa 6 * 7 gggggggggg");
  await expect(ada.page.locator(".view-lines")).toContainText("gggggggggg");
  await expect(grace.page.locator(".view-lines")).toContainText("aaaaaaaaaa");
  await expect(ada.page.getByRole("button", { name: /Grace is here/ })).toBeVisible();
  // Her caret stands where she stopped typing, in the text that is written in...
  const line = await ada.page.locator(".view-line").first().locator("span > span").last().boundingBox();
  const caret = await ada.page.locator(".peer-caret").boundingBox();
  expect(Math.abs((caret?.y ?? 0) - (line?.y ?? 0))).toBeLessThan(6);
  expect(Math.abs((caret?.x ?? 0) - (line?.x ?? 0) - (line?.width ?? 0))).toBeLessThan(6);
  // ... and drawn on the still text too.
  await ada.page.keyboard.press("Escape");
  await expect(cell(ada.page, "second").locator("pre.code")).toHaveText(/gggggggggg\s*Grace\s*$/);
  await picture(ada.page, "notebook-together");
});

test("the plug is pulled while someone types: nothing is lost and nothing arrives twice", async ({ person, studio }) => {
  const ada = await person("Ada");
  ada.complaints.expect(/WebSocket connection to|ERR_CONNECTION_REFUSED|Failed to load resource/);
  const given = await importSample(ada);
  await open(ada, given);
  await cell(ada.page, "second").locator("pre.code").click();
  await expect(ada.page.locator(".monaco-editor")).toBeVisible();
  await ada.page.keyboard.press("Control+End");
  await ada.page.keyboard.type(" # before");
  await studio.kill();
  await ada.page.keyboard.type(" offline", { delay: 10 });
  await expect(state(ada.page)).toHaveAttribute("data-state", "offline");
  await studio.start();
  await expect(state(ada.page)).toHaveAttribute("data-state", "saved", { timeout: 40_000 });
  expect(source(await exported(ada, given), "second")).toBe("6 * 7 # before offline");
});

test("work of a tab that was closed offline comes back with the next one", async ({ person, studio }) => {
  const ada = await person("Ada");
  ada.complaints.expect(/WebSocket connection to|ERR_CONNECTION_REFUSED|Failed to load resource/);
  const given = await importSample(ada);
  await open(ada, given);
  await cell(ada.page, "second").locator("pre.code").click();
  await expect(ada.page.locator(".monaco-editor")).toBeVisible();
  await ada.page.keyboard.press("Control+End");
  await studio.kill();
  await ada.page.keyboard.type(" # kept");
  await expect(state(ada.page)).toHaveAttribute("data-state", "offline");
  await ada.page.waitForTimeout(600);
  await ada.page.close();
  await studio.start();
  ada.page = await ada.context.newPage();
  await open(ada, given);
  await expect.poll(async () => source(await exported(ada, given), "second"), { timeout: 20_000 }).toBe("6 * 7 # kept");
});

test("command mode has JupyterLab's keys", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importSample(ada);
  await open(ada, given);
  const { page } = ada;
  const cells = page.locator("section.cell");
  await expect(cells).toHaveCount(4);
  await cell(page, "first").locator(".cell__gutter").click();
  await expect(cell(page, "first")).toHaveClass(/is-active/);
  await page.keyboard.press("b");
  await expect(cells).toHaveCount(5);
  await page.keyboard.press("m");
  await expect(page.locator("section.is-active .cell__md")).toBeVisible();
  await page.keyboard.press("d");
  await page.keyboard.press("d");
  await expect(cells).toHaveCount(4);
  await page.keyboard.press("z");
  await expect(cells).toHaveCount(5);
  await page.keyboard.press("Shift+Z");
  await expect(cells).toHaveCount(4);
  await page.keyboard.press("Control+Home");
  await expect(cell(page, "title")).toHaveClass(/is-active/);
  await page.keyboard.press("j");
  await expect(cell(page, "first")).toHaveClass(/is-active/);
  await page.keyboard.press("c");
  await page.keyboard.press("v");
  await expect(cells).toHaveCount(5);
  await page.keyboard.press("Shift+K");
  await expect(page.locator("section.is-selected")).toHaveCount(2);
  await page.keyboard.press("Shift+M");
  await expect(cells).toHaveCount(4);
  await page.keyboard.press("Control+/");
  await expect(page.getByRole("dialog", { name: "Shortcuts" })).toBeVisible();
  await page.keyboard.press("Escape");
  await saved(page);
});

test("a viewer reads along and can neither write nor run", async ({ person }) => {
  const ada = await person("Ada");
  const eve = await person("Eve");
  const given = await importSample(ada);
  await letIn(ada, eve, given, "viewer");
  await open(eve, given);
  await expect(eve.page.getByRole("button", { name: "Run", exact: true })).toBeDisabled();
  await expect(eve.page.locator(".addcell")).toHaveCount(0);
  await open(ada, given);
  await cell(ada.page, "second").locator("pre.code").click();
  await expect(ada.page.locator(".monaco-editor")).toBeVisible();
  await ada.page.keyboard.press("Control+End");
  await ada.page.keyboard.type(" + 1");
  await expect.poll(() => words(cell(eve.page, "second").locator("pre.code"))).toBe("6 * 7 + 1");
  await letIn(ada, eve, given, "editor");
  await expect(eve.page.getByRole("button", { name: "Run", exact: true })).toBeEnabled();
});

test("a run goes on when every browser is closed", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importSample(ada, {
    ...sample,
    cells: [{ cell_type: "code", execution_count: null, id: "long", metadata: {}, outputs: [], source: "import time\nfor i in range(6):\n    print('step', i, flush=True)\n    time.sleep(0.5)" }],
  });
  await open(ada, given);
  await cell(ada.page, "long").locator(".cell__gutter").click();
  await ada.page.keyboard.press("Control+Enter");
  await expect(cell(ada.page, "long").locator(".out-text")).toContainText("step 0", { timeout: 40_000 });
  await ada.page.close();
  ada.page = await ada.context.newPage();
  await open(ada, given);
  await expect(cell(ada.page, "long").locator(".out-text")).toHaveText([...Array(6).keys()].map((i) => `step ${i}\n`).join(""), { timeout: 20_000 });
});

test("a failure names its line and leads there", async ({ person, picture }) => {
  const ada = await person("Ada");
  const given = await importSample(ada, {
    ...sample,
    cells: [{ cell_type: "code", execution_count: null, id: "fails", metadata: {}, outputs: [], source: "a = 1\na / 0" }],
  });
  await open(ada, given);
  await cell(ada.page, "fails").locator(".cell__gutter").click();
  await ada.page.keyboard.press("Control+Enter");
  await expect(ada.page.locator(".traceback__what")).toHaveText("division by zero", { timeout: 40_000 });
  await picture(ada.page, "notebook-failure");
  await ada.page.getByRole("button", { name: "Go to line 2" }).click();
  await expect(ada.page.locator(".monaco-editor")).toBeVisible();
});

test("active output is drawn in a frame that cannot reach the studio", async ({ person }) => {
  const ada = await person("Ada");
  const html = "<script>document.body.append('drawn'); try { parent.document.body.dataset.pwned = 1 } catch {}</script>";
  const given = await importSample(ada, {
    ...sample,
    cells: [{ cell_type: "code", execution_count: 1, id: "active", metadata: {}, outputs: [{ data: { "text/html": html, "text/plain": "plain words" }, metadata: {}, output_type: "display_data" }], source: "x" }],
  });
  ada.complaints.expect(/Blocked a frame|SecurityError/);
  await open(ada, given);
  const frame = ada.page.frameLocator("iframe");
  await expect(frame.locator("body")).toContainText("drawn");
  expect(await ada.page.evaluate(() => document.body.dataset["pwned"])).toBeUndefined();
  await expect(ada.page.locator("iframe")).toHaveAttribute("sandbox", "allow-scripts");
});

for (const look of ["light", "dark", "contrast"] as const) {
  test(`the screen is accessible: ${look}`, async ({ person, picture }) => {
    const ada = await person("Ada", { colorScheme: look === "dark" ? "dark" : "light", contrast: look === "contrast" ? "more" : "no-preference" });
    const given = await importSample(ada);
    await open(ada, given);
    await expectAccessible(ada.page);
    await picture(ada.page, `notebook-${look}`);
  });
}

test("on a phone nothing scrolls sideways", async ({ person, picture }) => {
  const ada = await person("Ada", { width: 390 });
  const given = await importSample(ada);
  await open(ada, given);
  expect(await ada.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await picture(ada.page, "notebook-phone");
});
