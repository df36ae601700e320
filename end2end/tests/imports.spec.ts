// Bringing files in: dropped on a space, or through the New menu from home.
import { writeFileSync } from "node:fs";
import { expectAccessible } from "../fixtures/accessible.js";
import { expect, hydrated, test } from "../fixtures/studio.js";
import type { Locator, Page } from "@playwright/test";

const FILE = JSON.stringify({
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } },
  cells: [
    { cell_type: "markdown", id: "m", metadata: {}, source: "# Load curves" },
    { cell_type: "code", id: "c", metadata: {}, execution_count: 3, source: "print('hello')", outputs: [{ output_type: "stream", name: "stdout", text: "hello\n" }] },
  ],
});

/** Drop files as a browser does when they come from the desktop. */
async function drop(page: Page, place: Locator, files: { name: string; text: string }[]): Promise<void> {
  const data = await page.evaluateHandle((files) => {
    const data = new DataTransfer();
    for (const { name, text } of files) data.items.add(new File([text], name, { type: "application/x-ipynb+json" }));
    return data;
  }, files);
  await place.dispatchEvent("dragover", { dataTransfer: data });
  await expect(place).toHaveClass(/is-over/);
  await place.dispatchEvent("drop", { dataTransfer: data });
}

test("a file dropped on a space becomes a notebook with its cells and outputs", async ({ person, space }) => {
  const ada = await person("Ada");
  const { page } = ada;
  const path = await space(ada, "Imports");
  await page.goto(path);
  await hydrated(page);
  await drop(page, page.locator(".start"), [{ name: "Load curves 2026.ipynb", text: FILE }]);
  await page.waitForURL(/\/n\//);
  await expect(page.getByRole("heading", { name: "Load curves", exact: true })).toBeVisible();
  await expect(page.locator(".nb__title")).toHaveText("Load curves 2026");
  await expect(page.locator("#cell-c .out-text")).toHaveText("hello\n");
});

test("several files at once are declined in words, and nothing is made", async ({ person, space }) => {
  const ada = await person("Ada");
  const { page } = ada;
  await page.goto(await space(ada, "Imports"));
  await hydrated(page);
  await drop(page, page.locator(".start"), [{ name: "a.ipynb", text: FILE }, { name: "b.ipynb", text: FILE }]);
  await expect(page.getByText("One file at a time, please.")).toBeVisible();
  await expect(page.locator(".rows__row, .cover")).toHaveCount(0);
});

test("New begins a notebook, an import and a space from home", async ({ person, space, picture }, info) => {
  const ada = await person("Ada");
  const { page } = ada;
  await page.goto("/");
  await hydrated(page);
  await page.getByRole("button", { name: "New" }).click();
  await expect(page.getByRole("menuitem", { name: "Notebook" })).toBeDisabled();
  await page.getByRole("menuitem", { name: "Space" }).click();
  await page.waitForURL(/\/spaces#new$/);
  await space(ada, "Grid demand");

  await page.goto("/");
  await hydrated(page);
  // By keys alone.
  await page.getByRole("button", { name: "New" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "Notebook" })).toBeFocused();
  await picture(page, "home-new");
  const [button, menu] = [await page.getByRole("button", { name: "New" }).boundingBox(), await page.getByRole("menu", { name: "New" }).boundingBox()];
  expect(button !== null && menu !== null && menu.y >= button.y + button.height && menu.x + menu.width >= button.x, "the menu stands under its button").toBe(true);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "New notebook" });
  await expect(dialog.getByLabel("Title")).toBeFocused();
  await expectAccessible(page);
  await page.keyboard.type("Winter peak");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/n\//);
  await expect(page.locator(".nb__title")).toHaveText("Winter peak");

  const file = info.outputPath("curves.ipynb");
  writeFileSync(file, FILE);
  await page.goto("/");
  await hydrated(page);
  await page.getByRole("button", { name: "New" }).click();
  await page.getByRole("menuitem", { name: "Import .ipynb" }).click();
  const brought = page.getByRole("dialog", { name: "Import .ipynb" });
  await expectAccessible(page);
  await brought.getByLabel("File").setInputFiles(file);
  await brought.getByRole("button", { name: "Import" }).click();
  await page.waitForURL(/\/n\//);
  await expect(page.locator(".nb__title")).toHaveText("curves");
});
