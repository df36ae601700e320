// Clearing what cells show, taking cells out of the queue, and stopping a kernel that starts.
import { cell, choose, code, exported, imported, letIn, open, saved, text } from "../../fixtures/notebook.js";
import { expectAccessible } from "../../fixtures/accessible.js";
import { expect, hydrated, test } from "../../fixtures/studio.js";
import type { Page } from "@playwright/test";

const printed = [{ output_type: "stream", name: "stdout", text: "12 rows\n" }];
const shown = [code("load", "load = 1", printed), text("two", "# Model"), code("fit", "fit = 2", printed), code("plot", "plot = 3", printed)];
// It runs until it is given a line.
const held = "print('in', flush=True)\n_ = input('Go on?')\nprint('out')";

const letGo = async (page: Page): Promise<void> => {
  await page.getByLabel("Go on?").fill("yes");
  await page.getByRole("button", { name: "Send" }).click();
};

const menu = async (page: Page, button: string, item: string): Promise<void> => {
  await page.getByRole("button", { name: button, exact: true }).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
};

const byPalette = async (page: Page, words: string): Promise<void> => {
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Search or run a command" })).toBeFocused();
  await page.keyboard.type(`> ${words}`);
  await page.getByRole("option", { name: words }).first().click();
};

const output = (page: Page, id: string): ReturnType<Page["locator"]> => cell(page, id).locator(".out-text");

test("outputs of the selected cells are cleared for everyone, and are not in the file nor there after a reload", async ({ person }) => {
  const ada = await person("Ada");
  const eve = await person("Eve");
  const given = await imported(ada, shown.map((one) => ("outputs" in one ? { ...one, execution_count: 7 } : one)));
  await letIn(ada, eve, given, "viewer");
  await open(ada, given);
  await open(eve, given);
  const { page } = ada;
  await choose(page, "load");
  await page.keyboard.press("Shift+J");
  await page.keyboard.press("Shift+J");
  await byPalette(page, "Clear the outputs of the selected cells");
  for (const here of [page, eve.page]) {
    await expect(output(here, "load")).toHaveCount(0);
    await expect(output(here, "fit")).toHaveCount(0);
    await expect(output(here, "plot")).toHaveText("12 rows\n");
    await expect(cell(here, "load").locator(".cell__ix")).toHaveText("[ ]");
    await expect(cell(here, "plot").locator(".cell__ix")).toHaveText("[7]");
  }
  // By the cell's own tools, too.
  await choose(page, "plot");
  await cell(page, "plot").getByRole("button", { name: "Clear the outputs" }).click();
  await expect(output(eve.page, "plot")).toHaveCount(0);
  await page.reload();
  await hydrated(page);
  await saved(page);
  for (const { id } of shown.filter((one) => one.cell_type === "code")) {
    await expect(output(page, id)).toHaveCount(0);
    expect(await exported(ada, given, id)).toMatchObject({ outputs: [], execution_count: null });
  }
  // Who may not run is not offered it.
  await eve.page.keyboard.press("Control+k");
  await eve.page.keyboard.type("> clear the outputs");
  await expect(eve.page.getByRole("option", { name: /Clear the outputs/ })).toHaveCount(0);
});

test("all outputs go after a question; a cell that runs shows what comes after", async ({ person, picture }) => {
  const ada = await person("Ada");
  const given = await imported(ada, [code("long", held), ...shown]);
  await open(ada, given);
  const { page } = ada;
  await choose(page, "long");
  await page.keyboard.press("Control+Enter");
  await expect(output(page, "long")).toHaveText("in\n", { timeout: 40_000 });
  await menu(page, "More", "Clear all outputs");
  const question = page.getByRole("dialog", { name: "The outputs of all cells go" });
  await expect(question.getByRole("button", { name: "Clear all outputs" })).toBeFocused();
  await expectAccessible(page);
  await picture(page, "notebook-clear-all");
  await page.keyboard.press("Escape");
  await expect(question).toBeHidden();
  await expect(output(page, "fit")).toHaveText("12 rows\n");
  await byPalette(page, "Clear the outputs of all cells");
  await expect(question.getByRole("button", { name: "Clear all outputs" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator(".out-text")).toHaveCount(0);
  await letGo(page);
  await expect(output(page, "long")).toHaveText("Go on?yes\nout\n", { timeout: 20_000 });
});

test("a waiting cell is taken out of the queue, and the others go on", async ({ person, picture }) => {
  const ada = await person("Ada");
  const given = await imported(ada, [code("long", held), code("next", "print('next')"), code("then", "print('then')")]);
  await open(ada, given);
  const { page } = ada;
  await page.getByRole("button", { name: "Run all", exact: true }).click();
  await expect(cell(page, "long")).toHaveClass(/is-running/, { timeout: 40_000 });
  const takeOut = page.getByRole("button", { name: "Take cell 2 out of the queue" });
  await expect(takeOut).toHaveAttribute("title", /The cell that runs goes on/);
  await expectAccessible(page);
  await picture(page, "notebook-queue");
  await takeOut.click();
  await expect(page.getByRole("group", { name: "Code cell 2, cancelled" })).toBeFocused();
  await expect(cell(page, "next").locator(".cell__why")).toHaveText("cancelled by Ada before it began");
  await expect(cell(page, "long")).toHaveClass(/is-running/);
  await expect(cell(page, "then").locator(".num")).toHaveText("1st");
  await letGo(page);
  await expect(output(page, "then")).toHaveText("then\n", { timeout: 30_000 });
  await expect(output(page, "long")).toHaveText("in\nGo on?yes\nout\n");
  await expect(output(page, "next")).toHaveCount(0);
  // Of a cell that no longer waits one is told.
  await choose(page, "next");
  await byPalette(page, "Take the selected cells out of the queue");
  await expect(page.getByText("None of the selected cells waits in the queue.")).toBeVisible();
});

test("a kernel that starts can be stopped, and the next run starts one", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, [code("one", "print('one')")]);
  await open(ada, given);
  const { page } = ada;
  const stop = page.getByRole("button", { name: "Interrupt" });
  await expect(stop).toBeDisabled();
  // Pressed as soon as it can be: a start is short.
  const said = stop.evaluate(
    (button: HTMLButtonElement) =>
      new Promise<string>((resolve) => {
        new MutationObserver((_, observer) => {
          if (button.disabled) return;
          observer.disconnect();
          resolve(button.title);
          button.click();
        }).observe(button, { attributes: true });
      }),
  );
  await choose(page, "one");
  await page.keyboard.press("Control+Enter");
  expect(await said).toMatch(/^Stop the kernel's start/);
  await expect(page.getByRole("group", { name: "Code cell 1, cancelled" })).toBeVisible({ timeout: 20_000 });
  await expect(cell(page, "one").locator(".cell__why")).toHaveText("cancelled: the kernel's start was stopped");
  await expect(page.locator("#runtime-button")).toContainText("Off", { timeout: 20_000 });
  await choose(page, "one");
  await page.keyboard.press("Control+Enter");
  await expect(output(page, "one")).toHaveText("one\n", { timeout: 40_000 });
});

test("a restart that clears all outputs says so and leaves nothing of what ran", async ({ person }) => {
  const ada = await person("Ada");
  const given = await imported(ada, [code("long", held), code("fit", "fit = 2", printed)]);
  await open(ada, given);
  const { page } = ada;
  await choose(page, "long");
  await page.keyboard.press("Control+Enter");
  await expect(output(page, "long")).toHaveText("in\n", { timeout: 40_000 });
  await page.locator("#runtime-button").click();
  await page.getByRole("menuitem", { name: "Restart and clear all outputs" }).click();
  const question = page.getByRole("dialog", { name: "The kernel forgets its variables" });
  await expect(question).toContainText("and so is what the cells show, for everyone");
  await question.getByRole("button", { name: "Restart and clear all outputs" }).click();
  await expect(page.locator(".out-text")).toHaveCount(0);
  await expect(cell(page, "long").locator(".cell__why")).toHaveCount(0);
  await expect(page.getByRole("group", { name: "Code cell 1", exact: true })).toBeVisible();
});

test("on a phone outputs are cleared from the menu, and a waiting cell has a target a thumb can hit", async ({ person, picture }) => {
  const ada = await person("Ada", { width: 390 });
  const given = await imported(ada, [code("long", held), code("next", "print('next')"), code("fit", "fit = 2", printed)]);
  await open(ada, given);
  const { page } = ada;
  await choose(page, "fit");
  await menu(page, "More", "Clear the cell's outputs");
  await expect(output(page, "fit")).toHaveCount(0);
  await menu(page, "More", "Run all cells");
  await expect(cell(page, "long")).toHaveClass(/is-running/, { timeout: 40_000 });
  const takeOut = page.getByRole("button", { name: "Take cell 2 out of the queue" });
  const box = await takeOut.boundingBox();
  expect(box !== null && box.width >= 44 && box.height >= 44).toBe(true);
  await expectAccessible(page);
  await picture(page, "notebook-phone-queue");
  await takeOut.click();
  await expect(page.getByRole("group", { name: "Code cell 2, cancelled" })).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
});
