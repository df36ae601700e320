// The command palette and the keys of every page.
import { expectAccessible } from "../fixtures/accessible.js";
import { expect, hydrated, test, type Person } from "../fixtures/studio.js";
import type { Page } from "@playwright/test";

async function notebook(owner: Person, space: string, title: string): Promise<string> {
  const origin = new URL(owner.page.url()).origin;
  const answer = await owner.page.request.post(`/api/v1/spaces/${space.split("/").pop()}/notebooks`, { data: { title }, headers: { origin } });
  expect(answer.status()).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}

const chosen = (page: Page) => page.getByRole("option", { selected: true });
const field = (page: Page) => page.getByRole("combobox", { name: "Search or run a command" });

test("notebooks, places and commands are found by scattered letters and run by Enter", async ({ person, space }) => {
  const ada = await person("Ada");
  const path = await space(ada, "Grid demand");
  const id = await notebook(ada, path, "Winter peak forecast");
  const { page } = ada;
  await page.goto("/");
  await hydrated(page);
  await page.keyboard.press("Control+k");
  await expect(field(page)).toBeFocused();
  await page.keyboard.type("wpf");
  await expect(chosen(page)).toContainText("Winter peak forecast");
  await expect(chosen(page).locator("mark")).toHaveText(["W", "p", "f"]);
  // What has the choice is what screen readers are told.
  expect(await field(page).getAttribute("aria-activedescendant")).toBe(await chosen(page).getAttribute("id"));
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/n/${id}`);
  // A notebook is a document of its own: the browser loads it, and its title is what is read first.
  await hydrated(page);

  await page.keyboard.press("Control+k");
  await page.keyboard.type("members of");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**${path}/members`);
});

test("the palette is usable by keys alone and gives the focus back", async ({ person, space, picture }) => {
  const ada = await person("Ada");
  const path = await space(ada, "Grid demand");
  const id = await notebook(ada, path, "Winter peak forecast");
  const { page } = ada;
  await page.goto(`/n/${id}`);
  await hydrated(page);
  await expect(page.locator(".saved")).toHaveAttribute("data-state", "saved");
  const search = page.getByRole("button", { name: /Search/ });
  await search.focus();
  await page.keyboard.press("Enter");
  await expect(field(page)).toBeFocused();
  // Nothing typed: something of every group, and each command with its keys.
  for (const group of ["Do", "Go to", "Set"]) await expect(page.getByRole("group", { name: group })).toBeVisible();
  await expect(page.getByRole("option", { name: /Run and go to the next cell/ }).locator("kbd")).toHaveText(["Shift", "Enter"]);
  await expectAccessible(page);
  await picture(page, "palette");
  const first = await chosen(page).innerText();
  await page.keyboard.press("ArrowUp");
  await expect(chosen(page)).not.toHaveText(first);
  await expect(chosen(page)).toBeInViewport();
  await page.keyboard.press("ArrowDown");
  expect(await chosen(page).innerText()).toBe(first);
  await page.keyboard.type("zebra crossing");
  await expect(page.getByRole("option")).toHaveCount(0);
  await expect(page.getByRole("dialog", { name: "Commands" }).getByRole("status")).toHaveText("Nothing found");
  expect(await field(page).getAttribute("aria-activedescendant")).toBeNull();
  await page.keyboard.press("Enter");
  await expect(field(page)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(field(page)).toHaveCount(0);
  await expect(search).toBeFocused();

  await page.keyboard.press("Control+k");
  await page.keyboard.type("> text below");
  await expect(chosen(page)).toContainText("Add a text cell below");
  await page.keyboard.press("Enter");
  await expect(page.locator("section.cell")).toHaveCount(2);
});

test("a theme is set and a notebook begun from the palette", async ({ person, space }) => {
  const ada = await person("Ada");
  await space(ada, "Grid demand");
  const { page } = ada;
  await page.goto("/");
  await hydrated(page);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("theme dark");
  await page.keyboard.press("Enter");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("new notebook grid");
  await expect(chosen(page)).toContainText("New notebook in Grid demand");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/n\/[^/]+$/);
});

test("G and a letter go to a place, unless one is writing or has turned single keys off", async ({ person, space }) => {
  const ada = await person("Ada");
  const path = await space(ada, "Grid demand");
  const { page } = ada;
  const go = async (letter: string, place: string): Promise<void> => {
    await page.keyboard.press("g");
    await page.keyboard.press(letter);
    await page.waitForURL((url) => url.pathname === place);
    await expect(page.getByRole("main")).toBeFocused();
  };
  await page.goto(path);
  await hydrated(page);
  await go("m", `${path}/members`);
  await go("n", `${path}/notebooks`);
  await go("o", path);
  await go("a", "/spaces");
  await go(",", "/settings");
  await go("h", "/");

  await page.goto(path);
  await hydrated(page);
  await page.getByLabel("Title of the new notebook").fill("");
  await page.keyboard.type("gh");
  await expect(page.getByLabel("Title of the new notebook")).toHaveValue("gh");
  expect(new URL(page.url()).pathname).toBe(path);

  await page.evaluate(() => localStorage.setItem("single-keys", "off"));
  await page.getByRole("heading", { name: "Grid demand" }).click();
  await page.keyboard.press("g");
  await page.keyboard.press("h");
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect(new URL(page.url()).pathname).toBe(path);
  await page.keyboard.press("Control+/");
  const help = page.getByRole("dialog", { name: "Shortcuts" });
  await expect(help.getByText("Go to the members of the space")).toBeVisible();
  await expectAccessible(page);
});

test("the palette and the sidebar answer their keys from inside the editor too", async ({ person, space }) => {
  const ada = await person("Ada");
  const path = await space(ada, "Grid demand");
  const id = await notebook(ada, path, "Plan");
  const { page } = ada;
  await page.setViewportSize({ width: 1500, height: 800 });
  await page.goto(`/n/${id}`);
  await hydrated(page);
  await expect(page.locator(".saved")).toHaveAttribute("data-state", "saved");
  await page.locator("section.cell pre.code").first().click();
  await expect(page.locator(".monaco-editor")).toBeVisible();
  await page.keyboard.type("x = 1");
  await page.keyboard.press("Control+k");
  await expect(field(page)).toBeFocused();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+b");
  await expect(page.getByRole("complementary", { name: "Space" })).toBeHidden();
  await page.keyboard.press("Control+j");
  await expect(page.getByRole("complementary", { name: "Notebook panel" })).toBeHidden();
  await page.keyboard.type("2");
  await expect(page.locator(".view-lines")).toHaveText("x = 12");
});

test("in a notebook the go keys do not run its own commands", async ({ person, space }) => {
  const ada = await person("Ada");
  const path = await space(ada, "Grid demand");
  const id = await notebook(ada, path, "Plan");
  const { page } = ada;
  await page.goto(`/n/${id}`);
  await hydrated(page);
  await expect(page.locator(".saved")).toHaveAttribute("data-state", "saved");
  await page.locator(".cell__gutter").first().click();
  await page.keyboard.press("g");
  await page.keyboard.press("m");
  await page.waitForURL(`**${path}/members`);
  await page.goto(`/n/${id}`);
  await expect(page.locator(".cell__md")).toHaveCount(0);
});

test("a notebook beyond the latest is found on the studio while one types", async ({ person, space }) => {
  const ada = await person("Ada");
  const path = await space(ada, "Grid demand");
  const id = await notebook(ada, path, "Überlandleitung im Frost");
  for (let n = 1; n <= 55; n += 1) await notebook(ada, path, `Day ${n}`);
  const { page } = ada;
  await page.goto("/");
  await hydrated(page);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("option", { name: /Day 55/ })).toBeVisible();
  await page.keyboard.type("frost überland");
  await expect(chosen(page)).toContainText("Überlandleitung im Frost");
  await expect(chosen(page)).toContainText("Grid demand");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/n/${id}`);
});
