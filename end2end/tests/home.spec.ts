// Home and a space's overview: what runs, what others changed, and notebooks as cards.
import { expectAccessible } from "../fixtures/accessible.js";
import { code, imported, letIn, open, type Given } from "../fixtures/notebook.js";
import { expect, hydrated, test, type Person } from "../fixtures/studio.js";

const DRAWING = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 4 2' width='40' height='20'><path d='M0 2 4 0' stroke='teal'/></svg>";
const drawn = { output_type: "display_data", metadata: {}, data: { "image/svg+xml": DRAWING, "text/plain": "<drawing>" } };

async function begin(owner: Person, given: Given, title: string): Promise<void> {
  const origin = new URL(owner.page.url()).origin;
  const answer = await owner.page.request.post(`/api/v1/spaces/${given.space}/notebooks`, { data: { title }, headers: { origin } });
  expect(answer.status()).toBe(201);
}

test("home tells what others changed, and shows each notebook by its last picture or its first lines", async ({ person, picture }) => {
  const [ada, grace] = [await person("Ada"), await person("Grace Hopper")];
  const given = await imported(ada, [code("a", "plot(demand)\n\nshow()"), code("b", "draw()", [drawn])]);
  await letIn(ada, grace, given, "editor");
  await begin(grace, given, "Feeder anomalies");
  const { page } = ada;
  await page.goto("/");
  await hydrated(page);
  const change = page.getByRole("main").getByRole("link", { name: /Grace Hopper started Feeder anomalies/ });
  await expect(change).toContainText("Grid demand");
  const cards = page.locator(".covers > li");
  await expect(cards).toHaveCount(2);
  const peak = cards.filter({ hasText: "peak" });
  await expect.poll(() => peak.locator("img").evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth)).toBe(40);
  // Her new notebook has one empty cell: there is nothing to show of it, and nothing is made up.
  await expect(cards.filter({ hasText: "Feeder anomalies" }).locator(".cover__lines")).toHaveText("");
  await expect(page.getByText("No kernel is up. Running a cell starts one.")).toBeVisible();
  await expectAccessible(page);
  await picture(page, "home");
  await page.setViewportSize({ width: 390, height: 844 });
  await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await expectAccessible(page);
  await picture(page, "home-phone");
  await change.click();
  await page.waitForURL(/\/n\//);
});

test("what runs stands at home and on its space for those who may see it, with its cell and who started it", async ({ person, picture }) => {
  test.slow();
  const [ada, grace, eve] = [await person("Ada Lovelace"), await person("Grace"), await person("Eve")];
  const given = await imported(ada, [code("a", "1"), code("long", "import time\ntime.sleep(600)"), code("next", "2")]);
  await letIn(ada, grace, given, "viewer");
  await open(ada, given);
  await ada.page.locator("#cell-long .cell__gutter").click();
  await ada.page.keyboard.press("Shift+Enter");
  await ada.page.keyboard.press("Control+Enter");
  await expect(ada.page.locator("#cell-next")).toContainText("1st", { timeout: 40_000 });
  await grace.page.goto("/");
  await hydrated(grace.page);
  const row = grace.page.locator(".running__row");
  await expect(row).toContainText("Cell 2 of 3");
  await expect(row).toContainText("Ada Lovelace, just now");
  await expect(row).toContainText("1 waiting");
  await expect(grace.page.locator(".cover").getByText("A cell runs")).toHaveCount(1);
  await expectAccessible(grace.page);
  await picture(grace.page, "home-running");
  await grace.page.goto(`/s/${given.space}`);
  await hydrated(grace.page);
  await expect(row).toContainText("Cell 2 of 3");
  await expect(grace.page.getByText(/2 members, 1 here now/)).toBeVisible();
  await expectAccessible(grace.page);
  await picture(grace.page, "space-running");
  // A stranger to the space hears nothing of it.
  await eve.page.goto("/");
  await hydrated(eve.page);
  await expect(eve.page.getByText("No kernel is up. Running a cell starts one.")).toBeVisible();
  // Home asks again by itself.
  await grace.page.goto("/");
  await ada.page.keyboard.press("Escape");
  await ada.page.keyboard.press("i");
  await ada.page.keyboard.press("i");
  await expect(row).toContainText("Idle", { timeout: 30_000 });
});

test("home is read without script", async ({ person }) => {
  const ada = await person("Ada", { javaScriptEnabled: false });
  await ada.page.goto("/");
  await expect(ada.page.getByRole("heading", { name: "Running now" })).toBeVisible();
  await expect(ada.page.getByText("No kernel is up. Running a cell starts one.")).toBeVisible();
});
