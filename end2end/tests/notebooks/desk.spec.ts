// Around the document: the panel, the menu of the notebook, sharing, who has it open, cells that go far, and small screens.
import { expectAccessible } from "../../fixtures/accessible.js";
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
  const dialog = page.getByRole("dialog", { name: "Share this notebook" });
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
