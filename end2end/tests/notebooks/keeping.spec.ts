// What is not saved yet: how long it stays, whose it is, and what becomes of it.
import { readFileSync } from "node:fs";
import { expect, hydrated, signIn, test, type Person } from "../../fixtures/studio.js";
import type { Page } from "@playwright/test";

interface Given {
  id: string;
  space: string;
}

const file = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: {},
  cells: [{ cell_type: "code", id: "only", metadata: {}, execution_count: null, source: "x = 1", outputs: [] }],
};

const headers = (person: Person): { origin: string } => ({ origin: new URL(person.page.url()).origin });

async function importFile(owner: Person): Promise<Given> {
  const made = await owner.page.request.post("/api/v1/spaces", { data: { name: "Keeping" }, headers: headers(owner) });
  const space = ((await made.json()) as { id: string }).id;
  const answer = await owner.page.request.post(`/api/v1/spaces/${space}/import?name=kept.ipynb`, {
    data: JSON.stringify(file),
    headers: { ...headers(owner), "content-type": "application/x-ipynb+json" },
  });
  expect(answer.status(), await answer.text()).toBe(201);
  return { id: ((await answer.json()) as { notebook: { id: string } }).notebook.id, space };
}

async function letIn(owner: Person, guest: Person, given: Given): Promise<{ user: string }> {
  const answer = await owner.page.request.put(`/api/v1/spaces/${given.space}/members/${guest.username}`, { data: { role: "editor" }, headers: headers(owner) });
  expect(answer.ok(), await answer.text()).toBe(true);
  return (await answer.json()) as { user: string };
}

const state = (page: Page) => page.locator(".saved");
const is = (page: Page, what: string, timeout = 20_000): Promise<void> => expect(state(page)).toHaveAttribute("data-state", what, { timeout });

async function write(page: Page, given: Given): Promise<void> {
  await page.goto(`/n/${given.id}`);
  await hydrated(page);
  await is(page, "saved");
  await page.locator("#cell-only pre.code").click();
  await expect(page.locator(".monaco-editor")).toBeVisible();
  await page.keyboard.press("Control+End");
}

async function source(person: Person, given: Given): Promise<string> {
  const answer = await person.page.request.get(`/api/v1/notebooks/${given.id}/export?format=ipynb`);
  const notebook = (await answer.json()) as typeof file;
  return ([] as string[]).concat(notebook.cells[0]?.source ?? "").join("");
}

test("a paste of megabytes is saved whole, and undone as one", async ({ person }) => {
  test.slow();
  const ada = await person("Ada");
  const given = await importFile(ada);
  await write(ada.page, given);
  const text = Array.from({ length: 20_000 }, (_, line) => `\nrow_${line} = "${"é".repeat(30)}"  # \\ ${line}`).join("");
  expect(Buffer.byteLength(text)).toBeGreaterThan(1_600_000);
  await ada.page.evaluate((text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    document.activeElement?.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  }, text);
  await is(ada.page, "saved", 60_000);
  await expect.poll(async () => (await source(ada, given)) === `x = 1${text}`).toBe(true);
  await ada.page.keyboard.press("Control+z");
  await is(ada.page, "saved", 60_000);
  await expect.poll(() => source(ada, given)).toBe("x = 1");
});

test("what one person left unsaved in a browser is theirs, whoever signs in there next", async ({ person, studio }) => {
  const ada = await person("Ada");
  const grace = await person("Grace", { signedIn: false });
  ada.complaints.expect(/WebSocket connection to|ERR_CONNECTION_REFUSED|Failed to load resource/);
  const given = await importFile(ada);
  await letIn(ada, grace, given);
  await write(ada.page, given);
  // Something of hers is in the log already, under the name this tab writes by.
  await ada.page.keyboard.type(" # saved");
  await is(ada.page, "saved");
  await studio.kill();
  await ada.page.keyboard.type(" and kept");
  await is(ada.page, "offline");
  await ada.page.waitForTimeout(600);
  await ada.page.close();
  await studio.start();

  const page = await ada.context.newPage();
  await ada.context.clearCookies();
  await signIn(page, studio, grace.username, grace.password);
  await write(page, given);
  await page.keyboard.type(" # Grace");
  await is(page, "saved");
  grace.page = page;
  expect(await source(grace, given)).toBe("x = 1 # saved # Grace");

  await ada.context.clearCookies();
  await signIn(page, studio, ada.username, ada.password);
  await page.goto(`/n/${given.id}`);
  ada.page = page;
  await expect.poll(() => source(ada, given), { timeout: 20_000 }).toContain(" and kept");
  expect(await source(ada, given)).toContain(" # Grace");
});

test("whoever loses their place in a notebook downloads what was not saved", async ({ person }) => {
  const ada = await person("Ada");
  const grace = await person("Grace");
  grace.complaints.expect(/WebSocket connection to|ERR_INTERNET_DISCONNECTED|Failed to load resource/);
  const given = await importFile(ada);
  const { user } = await letIn(ada, grace, given);
  const { page } = grace;
  await write(page, given);
  await page.context().setOffline(true);
  await is(page, "offline", 5_000);
  await page.keyboard.type(" # mine alone");
  const gone = await ada.page.request.delete(`/api/v1/spaces/${given.space}/members/${user}`, { headers: headers(ada) });
  expect(gone.ok(), await gone.text()).toBe(true);
  await page.context().setOffline(false);
  await is(page, "closed");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download what is not saved" }).click();
  expect(readFileSync(await (await download).path(), "utf8")).toContain("x = 1 # mine alone");
  expect(await source(ada, given)).toBe("x = 1");
});

test("a studio that says nothing any more is told from one that saves", async ({ person, studio }) => {
  test.slow();
  const ada = await person("Ada");
  ada.complaints.expect(/WebSocket connection to|Failed to load resource/);
  const given = await importFile(ada);
  await write(ada.page, given);
  studio.freeze();
  try {
    await ada.page.keyboard.type(" # on a line that is dead");
    await is(ada.page, "saving", 5_000);
    await is(ada.page, "offline", 40_000);
  } finally {
    studio.thaw();
  }
  await is(ada.page, "saved", 60_000);
  expect(await source(ada, given)).toBe("x = 1 # on a line that is dead");
});
