// Around the document: the panel, the menu of the notebook, sharing, who has it open, cells that go far, and small screens.
import { expectAccessible } from "../../fixtures/accessible.js";
import { source } from "../../fixtures/notebook.js";
import { expect, hydrated, test, type Person } from "../../fixtures/studio.js";
import type { Page } from "@playwright/test";

interface Given {
  id: string;
  space: string;
}

const file = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { kernelspec: { display_name: "Python 3", language: "python", name: "python3" } },
  cells: [
    { cell_type: "markdown", id: "one", metadata: {}, source: "# Data" },
    { cell_type: "code", id: "load", metadata: {}, execution_count: 7, source: "load()", outputs: [{ output_type: "stream", name: "stdout", text: "12 rows\n" }] },
    { cell_type: "markdown", id: "two", metadata: {}, source: "# Model" },
    { cell_type: "code", id: "fit", metadata: {}, execution_count: null, source: "fit()", outputs: [] },
    { cell_type: "markdown", id: "three", metadata: {}, source: "# Residuals" },
    { cell_type: "code", id: "plot", metadata: {}, execution_count: null, source: "plot()", outputs: [] },
  ],
};

const fromPage = (person: Person): { origin: string } => ({ origin: new URL(person.page.url()).origin });

async function importFile(owner: Person): Promise<Given> {
  const made = await owner.page.request.post("/api/v1/spaces", { data: { name: "Grid demand" }, headers: fromPage(owner) });
  const space = ((await made.json()) as { id: string }).id;
  const answer = await owner.page.request.post(`/api/v1/spaces/${space}/import?name=peak.ipynb`, {
    data: JSON.stringify(file),
    headers: { ...fromPage(owner), "content-type": "application/x-ipynb+json" },
  });
  expect(answer.status(), await answer.text()).toBe(201);
  return { id: ((await answer.json()) as { notebook: { id: string } }).notebook.id, space };
}

async function letIn(owner: Person, guest: Person, given: Given, role: string): Promise<void> {
  const answer = await owner.page.request.put(`/api/v1/spaces/${given.space}/members/${guest.username}`, { data: { role }, headers: fromPage(owner) });
  expect(answer.ok(), await answer.text()).toBe(true);
}

async function open(person: Person, given: Given, page = person.page): Promise<void> {
  await page.goto(`/n/${given.id}`);
  await hydrated(page);
  await saved(page);
}

const saved = (page: Page): Promise<void> => expect(page.locator(".saved")).toHaveAttribute("data-state", "saved");
const order = (page: Page): Promise<string[]> => page.locator("section.cell").evaluateAll((cells) => cells.map((cell) => cell.id.slice("cell-".length)));
const more = async (page: Page, item: string): Promise<void> => {
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
};

test("what is cut is pasted far away as itself, with its output; pasted again it is a copy", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importFile(ada);
  await open(ada, given);
  const { page } = ada;
  await page.locator("#cell-load .cell__gutter").click();
  await page.keyboard.press("x");
  await expect.poll(() => order(page)).toEqual(["one", "two", "fit", "three", "plot"]);
  await page.keyboard.press("End");
  await page.keyboard.press("v");
  await expect.poll(() => order(page)).toEqual(["one", "two", "fit", "three", "plot", "load"]);
  await expect(page.locator("#cell-load .out-text")).toHaveText("12 rows\n");
  await page.keyboard.press("v");
  await expect(page.locator("section.cell")).toHaveCount(7);
  await saved(page);
  await page.reload();
  await saved(page);
  expect((await order(page)).indexOf("load")).toBe(5);
  await expect(page.locator("#cell-load .out-text")).toHaveText("12 rows\n");
});

test("keys take a selection of cells to the top and to the end", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importFile(ada);
  await open(ada, given);
  const { page } = ada;
  await page.locator("#cell-fit .cell__gutter").click();
  await page.keyboard.press("Shift+J");
  await page.keyboard.press("Control+Shift+Home");
  await expect.poll(() => order(page)).toEqual(["fit", "three", "one", "load", "two", "plot"]);
  await expect(page.locator("section.is-selected")).toHaveCount(2);
  await page.keyboard.press("Control+Shift+End");
  await expect.poll(() => order(page)).toEqual(["one", "load", "two", "plot", "fit", "three"]);
  await saved(page);
});

test("a cell dragged onto a heading of the outline goes to the end of its section", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importFile(ada);
  await open(ada, given);
  const { page } = ada;
  await page.setViewportSize({ width: 1500, height: 800 });
  await page.locator("#cell-plot .cell__gutter").dragTo(page.getByRole("navigation", { name: "Outline" }).getByRole("link", { name: "Data" }));
  await expect.poll(() => order(page)).toEqual(["one", "load", "plot", "two", "fit", "three"]);
});

test("a notebook is renamed, duplicated with its outputs, archived and taken back from its menu", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importFile(ada);
  await open(ada, given);
  const { page } = ada;
  await more(page, "Rename");
  await expect(page.getByLabel("Title of the notebook")).toBeFocused();
  await page.keyboard.type("Winter peak");
  await page.keyboard.press("Enter");
  await expect(page.locator(".nb__title")).toHaveText("Winter peak");

  await more(page, "Duplicate");
  await page.waitForURL((url) => url.pathname.startsWith("/n/") && !url.pathname.endsWith(given.id));
  await expect(page.locator(".nb__title")).toHaveText("Copy of Winter peak");
  await expect(page.locator("#cell-load .out-text")).toHaveText("12 rows\n");

  await hydrated(page);
  await saved(page);
  await more(page, "Archive");
  await expect(page.getByText("This notebook is archived")).toBeVisible();
  await expect(page.getByRole("button", { name: "Run", exact: true })).toBeDisabled();
  await expectAccessible(page);
  await page.reload();
  await hydrated(page);
  await saved(page);
  await page.getByRole("button", { name: "Take it back" }).click();
  await expect(page.getByText("This notebook is archived")).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Run", exact: true })).toBeEnabled();
});

test("an archived space says so in its notebooks", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importFile(ada);
  const answer = await ada.page.request.patch(`/api/v1/spaces/${given.space}`, { data: { archived: true }, headers: fromPage(ada) });
  expect(answer.ok()).toBe(true);
  await open(ada, given);
  await expect(ada.page.getByRole("banner").getByText("Archived")).toBeVisible();
  await expect(ada.page.getByRole("button", { name: "Cell", exact: true })).toBeDisabled();
});

test("the sidebar and home tell who is in which notebook, and only to those who may see it", async ({ person }) => {
  const [ada, grace, eve] = [await person("Ada Lovelace"), await person("Grace Hopper"), await person("Eve")];
  const given = await importFile(ada);
  await letIn(ada, grace, given, "viewer");
  await open(grace, given);
  await ada.page.goto("/");
  await hydrated(ada.page);
  const here = ada.page.getByRole("navigation", { name: "Open now" });
  await expect(here.getByRole("link", { name: /peak/ })).toBeVisible();
  await expect(here.getByRole("img", { name: "Grace Hopper" })).toBeVisible();
  await ada.page.goto(`/s/${given.space}`);
  await hydrated(ada.page);
  await expect(here.getByRole("img", { name: "Grace Hopper" })).toBeVisible();
  await expectAccessible(ada.page);
  const told = (await (await eve.page.request.get("/api/v1/me/notebooks/open")).json()) as unknown[];
  expect(told).toEqual([]);
  await grace.page.goto("/");
  await expect.poll(async () => ((await (await ada.page.request.get("/api/v1/me/notebooks/open")).json()) as unknown[]).length).toBe(0);
});

test("the same person in another tab is called that, and not by their name", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importFile(ada);
  await open(ada, given);
  const second = await ada.context.newPage();
  await open(ada, given, second);
  await expect(ada.page.getByRole("button", { name: "You are here in another tab. Go to that place." })).toBeVisible();
});

test("sharing survives a double click, keeps what was typed wrongly, and asks before it takes somebody out", async ({ person, picture }) => {
  const [ada, grace] = [await person("Ada"), await person("Grace")];
  const given = await importFile(ada);
  await open(ada, given);
  const { page } = ada;
  await page.getByRole("button", { name: "Share" }).dblclick();
  const dialog = page.getByRole("dialog", { name: /^Share “/ });
  await expect(dialog.getByLabel("Username")).toBeFocused();
  ada.complaints.expect(/status of 404/);
  await page.keyboard.type("nobody-of-this-name");
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("alert")).toBeVisible();
  await expect(dialog.getByLabel("Username")).toHaveValue("nobody-of-this-name");
  await dialog.getByLabel("Username").fill(grace.username);
  await dialog.getByLabel("Role", { exact: true }).selectOption("viewer");
  await dialog.getByRole("button", { name: "Let in" }).click();
  await expect(dialog.getByRole("listitem").filter({ hasText: grace.username })).toBeVisible();
  await expectAccessible(page);
  await picture(page, "notebook-share");
  await dialog.getByRole("button", { name: "Remove Grace" }).click();
  await expect(dialog.getByRole("listitem").filter({ hasText: grace.username })).toBeVisible();
  await dialog.getByRole("button", { name: "Yes, remove Grace from the space" }).click();
  await expect(dialog.getByRole("listitem").filter({ hasText: grace.username })).toHaveCount(0);
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(dialog).toHaveCount(0);
});

test("the outline lies over the document on a tablet and beside it on a wide screen, and remembers being put away", async ({ person, picture }) => {
  const ada = await person("Ada", { width: 820 });
  const given = await importFile(ada);
  await open(ada, given);
  const { page } = ada;
  const panel = page.getByRole("complementary", { name: "Notebook panel" });
  const toggle = page.getByRole("button", { name: "Outline" });
  await expect(panel).toBeHidden();
  await expect(toggle).toHaveAttribute("aria-expanded", "false");
  await toggle.click();
  await expect(panel.getByRole("link", { name: "Residuals" })).toBeVisible();
  await expectAccessible(page);
  await picture(page, "notebook-tablet-outline");
  await panel.getByRole("link", { name: "Residuals" }).click();
  await expect(panel).toBeHidden();
  await expect(page.locator("#cell-three")).toHaveClass(/is-active/);

  await page.setViewportSize({ width: 1500, height: 900 });
  await expect(panel).toBeVisible();
  await page.keyboard.press("Control+j");
  await expect(panel).toBeHidden();
  await page.reload();
  await hydrated(page);
  await expect(panel).toBeHidden();
  await toggle.click();
  await expect(panel).toBeVisible();
});

test("on a phone the bar at the foot runs, adds, shows the outline and shares, with targets a thumb can hit", async ({ person, picture }) => {
  const ada = await person("Ada", { width: 390 });
  const given = await importFile(ada);
  await open(ada, given);
  const { page } = ada;
  const bar = page.getByRole("toolbar", { name: "Notebook" });
  for (const name of ["Run", "Interrupt", "Cell", "Outline", "Share", "More"]) {
    const box = await bar.getByRole("button", { name, exact: name !== "Cell" }).first().boundingBox();
    expect(box !== null && box.height >= 44 && box.y > 600, `${name} stands at the foot`).toBe(true);
  }
  await expectAccessible(page);
  await picture(page, "notebook-phone-bar");
  await bar.getByRole("button", { name: "Cell" }).click();
  await expect(page.locator("section.cell")).toHaveCount(7);
  await more(page, "Make it a text cell");
  await expect(page.locator("section.is-active .cell__md")).toBeVisible();
  await bar.getByRole("button", { name: "Outline" }).click();
  await page.getByRole("link", { name: "Model" }).click();
  await expect(page.locator("#cell-two")).toHaveClass(/is-active/);
  await page.getByRole("link", { name: "Back to the notebooks" }).click();
  await page.waitForURL(/\/notebooks$/);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
});

test("a click that comes before the page is live is not lost", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importFile(ada);
  const { page } = ada;
  for (const early of [page.getByRole("button", { name: "Share" }), page.locator("#cell-load pre.code")]) {
    let arrive = (): void => undefined;
    const late = new Promise<void>((resolve) => (arrive = resolve));
    await page.route(/notebook_bg.*\.wasm/, async (route) => {
      await late;
      await route.continue();
    });
    await page.goto(`/n/${given.id}`, { waitUntil: "domcontentloaded" });
    await early.click();
    expect(await page.locator("html").getAttribute("data-live")).toBeNull();
    arrive();
    await hydrated(page);
    await expect(page.getByRole("dialog", { name: /Share/ }).or(page.locator("#cell-load .monaco-editor"))).toBeVisible();
    await page.unroute(/notebook_bg.*\.wasm/);
  }
});

test("what is typed before the page is live is not lost", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importFile(ada);
  const { page } = ada;
  let arrive = (): void => undefined;
  const late = new Promise<void>((resolve) => (arrive = resolve));
  await page.route(/notebook_bg.*\.wasm/, async (route) => {
    await late;
    await route.continue();
  });
  await page.goto(`/n/${given.id}`, { waitUntil: "domcontentloaded" });
  const fetched = page.waitForRequest(/editor\..*\.js/);
  await page.locator("#cell-load pre.code").click();
  await page.keyboard.type("# ddd early 00");
  await fetched;
  await page.locator("#cell-fit pre.code").click();
  await page.keyboard.type("# fit too");
  expect(await page.locator("html").getAttribute("data-live")).toBeNull();
  arrive();
  await hydrated(page);
  await expect(page.locator("#cell-fit")).toContainText("# fit too");
  await expect(page.locator("#cell-load")).toContainText("# ddd early 00");
  await page.keyboard.type("!");
  await expect.poll(() => source(ada, given, "fit")).toContain("# fit too!");
  expect(await source(ada, given, "load")).toContain("# ddd early 00");
});

test("cells are added between any two and above the first where the pointer is", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importFile(ada);
  await open(ada, given);
  const { page } = ada;
  const between = page.locator("#cell-fit > .addcell--between");
  await expect(between).toHaveCount(0);
  await page.locator("#cell-fit .cell__gutter").hover();
  await expect(between).toHaveCSS("opacity", "1");
  await between.getByRole("button", { name: "Text" }).click();
  await expect(page.locator("section.cell")).toHaveCount(7);
  expect((await order(page)).indexOf("fit")).toBe(3);
  expect((await order(page)).indexOf("three")).toBe(5);
  await page.keyboard.press("Escape");
  const first = page.locator(".addcell--first");
  await expect(first).toHaveCSS("opacity", "0");
  await page.locator("#cell-one .cell__gutter").hover();
  await expect(first).toHaveCSS("opacity", "1");
  await first.getByRole("button", { name: "Code" }).click();
  await expect(page.locator("section.cell")).toHaveCount(8);
  expect((await order(page)).indexOf("one")).toBe(1);
});

test("a dragged cell shows where it would stand, and can be dropped before the first", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importFile(ada);
  await open(ada, given);
  const { page } = ada;
  const over = async (id: string, at: "top" | "foot"): Promise<void> => {
    const box = (await page.locator(`#cell-${id}`).boundingBox())!;
    const y = at === "top" ? box.y + 5 : box.y + box.height - 5;
    await page.mouse.move(box.x + 300, y, { steps: 8 });
    // Coming over an element is one event and being over it another, told with the next move.
    await page.mouse.move(box.x + 302, y);
    await expect(page.locator(`#cell-${id}`)).toHaveClass(new RegExp(`is-over-${at}`));
  };
  await page.locator("#cell-plot .cell__gutter").hover();
  await page.mouse.down();
  await over("two", "foot");
  await over("one", "top");
  await expect(page.locator(".is-over-foot")).toHaveCount(0);
  await page.mouse.up();
  await expect.poll(() => order(page)).toEqual(["plot", "one", "load", "two", "fit", "three"]);
  await expect(page.locator(".is-over-top")).toHaveCount(0);
  await page.locator("#cell-plot .cell__gutter").hover();
  await page.mouse.down();
  await over("fit", "foot");
  await page.mouse.up();
  await expect.poll(() => order(page)).toEqual(["one", "load", "two", "fit", "plot", "three"]);
});

test("the link of a notebook is copied without a clipboard too, and the page says so only when it is true", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importFile(ada);
  await ada.page.addInitScript(() => {
    // As on a page that came over plain HTTP.
    Object.defineProperty(Navigator.prototype, "clipboard", { get: () => undefined });
    const page = window as { copied?: string; refuses?: boolean };
    document.execCommand = () => {
      page.copied = (document.activeElement as HTMLTextAreaElement).value;
      return page.refuses !== true;
    };
  });
  await open(ada, given);
  const { page } = ada;
  await page.getByRole("button", { name: "Share" }).click();
  const dialog = page.getByRole("dialog", { name: /Share/ });
  await dialog.getByRole("button", { name: "Copy link" }).click();
  await expect(page.getByText("The link is copied.")).toBeVisible();
  expect(await page.evaluate(() => (window as { copied?: string }).copied)).toBe(page.url());
  await page.evaluate(() => void ((window as { refuses?: boolean }).refuses = true));
  await dialog.getByRole("button", { name: "Copy link" }).click();
  const field = dialog.getByLabel(/Here is the link/);
  await expect(field).toBeFocused();
  await expect(field).toHaveValue(page.url());
  const chosen = (input: HTMLInputElement): string => input.value.slice(input.selectionStart ?? 0, input.selectionEnd ?? 0);
  await expect.poll(() => field.evaluate(chosen)).toBe(page.url());
});

test("the runtime menu tells kernel, state and memory where the pill has no room", async ({ person }) => {
  const ada = await person("Ada", { width: 820 });
  const given = await importFile(ada);
  await open(ada, given);
  const { page } = ada;
  const head = page.locator(".runtime__head");
  await page.locator("#runtime-button").click();
  await expect(head).toContainText("Off");
  await page.keyboard.press("Escape");
  await page.locator("#cell-fit .cell__gutter").click();
  await page.keyboard.press("Control+Enter");
  await expect(page.locator("#cell-fit .cell__ix")).toHaveText(/\[\d+\]/, { timeout: 40_000 });
  await page.locator("#runtime-button").click();
  await expect(head).toContainText(/Python 3.*Idle.*MB of memory/, { timeout: 20_000 });
  await expectAccessible(page);
});

test("where colours are the system's, lines say which cell is active, selected and written in", async ({ person }) => {
  const ada = await person("Ada");
  const given = await importFile(ada);
  await ada.page.emulateMedia({ forcedColors: "active" });
  await open(ada, given);
  const { page } = ada;
  const line = (id: string, part = ".cell__src"): Promise<string> =>
    page.locator(`#cell-${id} ${part}`).evaluate((element) => `${getComputedStyle(element).outlineStyle} ${getComputedStyle(element).outlineWidth}`);
  await page.locator("#cell-fit .cell__gutter").click();
  await expect.poll(() => line("fit")).toBe("solid 3px");
  expect(await line("load")).toMatch(/^none/);
  await page.keyboard.press("Shift+J");
  await expect.poll(() => line("three", ".cell__md")).toBe("solid 3px");
  expect(await line("fit")).toBe("solid 1px");
  await page.locator("#cell-fit pre.code").click();
  await expect.poll(() => line("fit")).toBe("double 6px");
  await page.keyboard.press("Control+k");
  await expect(page.locator(".palette__item.is-hover")).toHaveCSS("outline-style", "solid");
});
