// The notebook: two people in one cell, real Python, a pulled plug.
import { writeFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { expectAccessible } from "../fixtures/accessible.js";
import { expect, hydrated, test, type Person } from "../fixtures/studio.js";

async function begin(owner: Person, space: string, title: string): Promise<string> {
  const { page } = owner;
  await page.goto(`${space}/notebooks`);
  await hydrated(page);
  await page.getByLabel("Title of the new notebook").fill(title);
  await page.getByRole("button", { name: "New notebook" }).click();
  await page.waitForURL(/\/n\/[^/]+$/);
  await connected(page);
  return new URL(page.url()).pathname;
}

async function connected(page: Page): Promise<void> {
  await hydrated(page);
  await saved(page);
}

async function saved(page: Page): Promise<void> {
  await expect(page.getByText(/^Saved/).first()).toBeVisible();
}

/** Put the caret into the n-th cell and type. */
async function write(page: Page, index: number, text: string): Promise<void> {
  const cell = page.locator(".cell").nth(index);
  await cell.locator(".code, .cell__monaco").first().click();
  await expect(cell.locator(".monaco-editor")).toBeVisible();
  await page.keyboard.type(text);
}

const source = (page: Page, index: number) => page.locator(".cell").nth(index).locator(".cell__src");

async function invite(owner: Person, space: string, member: Person, role: string): Promise<void> {
  await owner.page.goto(`${space}/members`);
  await hydrated(owner.page);
  const form = owner.page.getByRole("complementary").filter({ hasText: "Add a member" });
  await form.getByLabel("Username").fill(member.username);
  await form.getByLabel("Role").selectOption(role);
  await form.getByRole("button", { name: "Add" }).click();
  await expect(owner.page.getByRole("cell", { name: member.username })).toBeVisible();
}

test("what one person types another sees, and real Python answers both", async ({ person, space }) => {
  test.setTimeout(120_000);
  const [ada, grace] = [await person("Ada"), await person("Grace")];
  const place = await space(ada, "Together");
  await invite(ada, place, grace, "editor");
  const path = await begin(ada, place, "First");
  await grace.page.goto(path);
  await connected(grace.page);

  await write(ada.page, 0, "print(6 * 7)");
  await expect(source(grace.page, 0)).toContainText("print(6 * 7)");
  await ada.page.keyboard.press("Control+Enter");
  for (const { page } of [ada, grace]) {
    await expect(page.locator(".cell").first().locator(".cell__outputs")).toContainText("42", { timeout: 60_000 });
  }
});

test("two people type into the same cell at once and both end with the same text", async ({ person, space }) => {
  test.setTimeout(120_000);
  const [ada, grace] = [await person("Ada"), await person("Grace")];
  const place = await space(ada, "At once");
  await invite(ada, place, grace, "editor");
  const path = await begin(ada, place, "Shared cell");
  await write(ada.page, 0, "# middle\n");
  await saved(ada.page);
  await grace.page.goto(path);
  await connected(grace.page);
  await source(grace.page, 0).locator(".code").click();
  await expect(grace.page.locator(".monaco-editor")).toBeVisible();
  await grace.page.keyboard.press("Control+Home");
  await Promise.all([
    ada.page.keyboard.type("ada_1 ada_2 ada_3 ada_4 ada_5", { delay: 25 }),
    grace.page.keyboard.type("grace_1 grace_2 grace_3 grace_4 ", { delay: 25 }),
  ]);
  await Promise.all([saved(ada.page), saved(grace.page)]);
  const export_ = async (): Promise<string> => (await (await ada.page.request.get(`/api/v1/notebooks/${path.split("/").pop()}/export?format=percent`)).text());
  for (const word of ["ada_1", "ada_5", "grace_1", "grace_4", "middle"]) {
    await expect.poll(async () => (await export_()).split(word).length - 1, { message: word }).toBe(1);
  }
});

test("a killed studio loses nothing that was typed, and the tab finds it again", async ({ person, space, studio }) => {
  test.setTimeout(120_000);
  const ada = await person("Ada");
  ada.complaints.expect(/WebSocket|ERR_CONNECTION_REFUSED|Failed to fetch|Failed to load resource/);
  const path = await begin(ada, await space(ada, "Plug"), "Pulled");
  await write(ada.page, 0, "kept = 1\n");
  await saved(ada.page);
  await studio.kill();
  await ada.page.keyboard.type("offline = 2");
  await studio.start();
  await saved(ada.page);
  await ada.page.reload();
  await connected(ada.page);
  await expect(source(ada.page, 0)).toContainText("kept = 1");
  await expect(source(ada.page, 0)).toContainText("offline = 2");
  expect(path).toContain("/n/");
});

test("an imported notebook keeps its cells and outputs, and reads without script", async ({ person, space }, info) => {
  const ada = await person("Ada");
  const place = await space(ada, "Imports");
  const file = info.outputPath("real.ipynb");
  writeFileSync(file, JSON.stringify({
    nbformat: 4, nbformat_minor: 5, metadata: { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } },
    cells: [
      { cell_type: "markdown", id: "m", metadata: {}, source: ["# Load curves\n", "of *last* winter"] },
      { cell_type: "code", id: "c", metadata: {}, execution_count: 3, source: "print('hello')", outputs: [{ output_type: "stream", name: "stdout", text: ["hello\n"] }] },
    ],
  }));
  await ada.page.goto(`${place}/notebooks`);
  await hydrated(ada.page);
  await ada.page.locator("input[type=file]").setInputFiles(file);
  await ada.page.waitForURL(/\/n\//);
  await expect(ada.page.getByRole("heading", { name: "Load curves" })).toBeVisible();

  const reader = await ada.context.browser()!.newContext({ javaScriptEnabled: false, storageState: await ada.context.storageState() });
  const plain = await reader.newPage();
  await plain.goto(ada.page.url());
  await expect(plain.getByRole("heading", { name: "Load curves" })).toBeVisible();
  await expect(plain.locator(".cell").nth(1)).toContainText("hello");
  await reader.close();
});

for (const [look, options] of [
  ["light", {}],
  ["dark", { colorScheme: "dark" }],
  ["contrast", { contrast: "more" }],
  ["phone", { width: 390 }],
] as const) {
  test(`a notebook has no barriers: ${look}`, async ({ person, space, picture }) => {
    const ada = await person("Ada", options);
    await begin(ada, await space(ada, "Grid demand"), "Load");
    await expectAccessible(ada.page);
    await picture(ada.page, `notebook-${look}`);
  });
}
