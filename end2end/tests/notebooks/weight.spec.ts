// What a notebook's page weighs, and how a large one opens.
import { test, expect, hydrated, type Person } from "../../fixtures/studio.js";
import { largeNotebook } from "../../fixtures/large.mjs";
import type { Page } from "@playwright/test";

/** Bytes that cross the wire for one address, headers and all. */
async function weigh(page: Page, visit: () => Promise<void>): Promise<Map<string, number>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.clearBrowserCache");
  const names = new Map<string, string>();
  const bytes = new Map<string, number>();
  session.on("Network.requestWillBeSent", ({ requestId, request }) => void names.set(requestId, new URL(request.url).pathname));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => void bytes.set(names.get(requestId) ?? requestId, encodedDataLength));
  await visit();
  await page.waitForLoadState("networkidle");
  await session.detach();
  return bytes;
}

async function imported(owner: Person, notebook: string): Promise<string> {
  const headers = { origin: new URL(owner.page.url()).origin };
  const made = await owner.page.request.post("/api/v1/spaces", { data: { name: "Large" }, headers });
  const { id: space } = (await made.json()) as { id: string };
  const answer = await owner.page.request.post(`/api/v1/spaces/${space}/import?name=large.ipynb`, {
    data: notebook,
    headers: { ...headers, "content-type": "application/x-ipynb+json" },
  });
  expect(answer.status(), await answer.text()).toBe(201);
  return ((await answer.json()) as { notebook: { id: string } }).notebook.id;
}

test("a notebook's page loads its own module and nothing of the editor or of other pages", async ({ person }) => {
  const ada = await person("Ada");
  const id = await imported(ada, largeNotebook(6, 0.01));
  const bytes = await weigh(ada.page, async () => {
    await ada.page.goto(`/n/${id}`);
    await hydrated(ada.page);
  });
  const names = [...bytes.keys()].filter((name) => name.startsWith("/pkg/"));
  expect(names.filter((name) => /\/(explorer|text|editor|chunk|plotly|vega)/.test(name))).toEqual([]);
  expect(names.some((name) => name.startsWith("/pkg/notebook_bg."))).toBe(true);
  const all = [...bytes.values()].reduce((sum, one) => sum + one, 0);
  expect(all, JSON.stringify([...bytes], null, 1)).toBeLessThan(900_000);
});

test("a link between a notebook and another page loads that page", async ({ person }) => {
  const ada = await person("Ada");
  const id = await imported(ada, largeNotebook(6, 0.01));
  const { page } = ada;
  await page.goto(`/n/${id}`);
  await hydrated(page);
  await page.getByRole("link", { name: "Notebooks", exact: true }).first().click();
  await page.waitForURL(/\/s\/[^/]+\/notebooks$/);
  await page.getByRole("link", { name: "large", exact: true }).first().click();
  await page.waitForURL(/\/n\//);
  await expect(page.locator("#cell-code-1 pre.code")).toBeVisible();
  await page.goBack();
  await page.waitForURL(/\/s\/[^/]+\/notebooks$/);
  await expect(page.getByRole("link", { name: "large", exact: true }).first()).toBeVisible();
});

test("a large notebook arrives with all of its text and its first outputs; the rest comes when it is near", async ({ person }) => {
  test.slow();
  const ada = await person("Ada");
  const { page } = ada;
  const id = await imported(ada, largeNotebook(120, 3));
  const answer = await page.request.get(`/n/${id}`);
  const html = await answer.text();
  expect(html.length).toBeLessThan(1_200_000);
  expect(html).toContain("part-119.csv");
  await page.goto(`/n/${id}`);
  await hydrated(page);
  await expect(page.locator(".cell")).toHaveCount(120);
  const far = page.locator("#cell-code-118");
  await expect(far).toHaveClass(/is-still/);
  await far.scrollIntoViewIfNeeded();
  await expect(far).not.toHaveClass(/is-still/);
  await expect(far.locator(".out-text")).toContainText("step 0 of cell 118");
  await expect(far.locator(".cell__later")).toHaveCount(0);
  // A text cell far off reads as the server set it, and is set again once it was changed.
  const text = page.locator("#cell-text-110");
  await text.scrollIntoViewIfNeeded();
  await expect(text.locator("math")).toHaveCount(1);
  await text.locator(".cell__words").dblclick();
  await expect(page.locator(".monaco-editor")).toBeVisible();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("\n\nand $y^2$ at last");
  await page.keyboard.press("Control+Enter");
  await expect(text.locator("math")).toHaveCount(2);
});

test("without script the outputs that came not along are a link away", async ({ person }) => {
  const ada = await person("Ada");
  const id = await imported(ada, largeNotebook(60, 3));
  const reader = await ada.context.browser()!.newContext({ javaScriptEnabled: false, storageState: await ada.context.storageState(), baseURL: new URL(ada.page.url()).origin });
  const page = await reader.newPage();
  await page.goto(`/n/${id}`);
  const last = page.locator("#cell-code-58");
  await expect(last.locator("pre.code")).toContainText("part-58.csv");
  await last.locator(".cell__later a").click();
  await expect(page).toHaveURL(/outputs=all#cell-code-58$/);
  await expect(last.locator(".out-text")).toContainText("step 0 of cell 58");
  await reader.close();
});
