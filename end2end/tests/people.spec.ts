// The people of a studio: adding, disabling, letting in again; and what members may not do.
import { expectAccessible } from "../fixtures/accessible.js";
import { expect, hydrated, signIn, test } from "../fixtures/studio.js";

const SENTENCE = "seven red kites over the moor";

test("a person who was added signs in with their first password, and a taken username is refused at its field", async ({ person, studio, browser }) => {
  const ada = await person("Ada", { administrator: true });
  const { page } = ada;
  const username = `grace-${Math.random().toString(36).slice(2, 8)}`;
  await page.goto("/people");
  await hydrated(page);
  const form = page.getByRole("complementary").filter({ hasText: "Add a person" });
  await form.getByLabel("Username").fill(username);
  await form.getByLabel("Name", { exact: true }).fill("Grace Hopper");
  await form.getByLabel("First password").fill(SENTENCE);
  await form.getByRole("button", { name: "Add the person" }).dblclick();
  await expect(page.getByRole("status").filter({ hasText: "Grace Hopper can sign in now." })).toBeVisible();
  await expect(page.getByRole("row").filter({ hasText: username })).toHaveCount(1);
  await expect(form.getByLabel("Username")).toHaveValue("");

  ada.complaints.expect(/status of 4\d\d/);
  await form.getByLabel("Username").fill(username);
  await form.getByLabel("First password").fill(SENTENCE);
  await form.getByRole("button", { name: "Add the person" }).click();
  await expect(form.getByLabel("Username")).toHaveAttribute("aria-invalid", "true");

  const context = await browser.newContext();
  const grace = await context.newPage();
  await signIn(grace, studio, username, SENTENCE);
  await expect(grace.getByRole("heading", { name: "Hello, Grace" })).toBeVisible();
  await context.close();
});

test("disabling says first what it does, ends every sign-in of the person at once, and can be taken back", async ({ person, studio }) => {
  const [ada, grace] = [await person("Ada", { administrator: true }), await person("Grace")];
  const { page } = ada;
  await page.goto("/people");
  await hydrated(page);
  const row = page.getByRole("row").filter({ hasText: grace.username });
  await row.getByRole("button", { name: "Disable" }).click();
  const dialog = page.getByRole("dialog", { name: "Disable Grace?" });
  await expect(dialog).toContainText("signed out everywhere at once");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Keep" }).click();
  await expect(row.getByText("Disabled", { exact: true })).toHaveCount(0);
  await row.getByRole("button", { name: "Disable" }).click();
  await dialog.getByRole("button", { name: "Disable" }).click();
  await expect(row.getByText("Disabled", { exact: true })).toBeVisible();

  grace.complaints.expect(/status of 401/);
  await grace.page.goto("/spaces");
  await grace.page.waitForURL(/\/sign-in/);
  await hydrated(grace.page);
  await grace.page.getByLabel("Username").fill(grace.username);
  await grace.page.getByLabel("Password", { exact: true }).fill(grace.password);
  await grace.page.getByRole("button", { name: "Sign in" }).click();
  await expect(grace.page.getByRole("alert")).toBeVisible();

  await row.getByRole("button", { name: "Let in again" }).click();
  await expect(row.getByText("Disabled", { exact: true })).toHaveCount(0);
  await signIn(grace.page, studio, grace.username, grace.password);
  await expect(grace.page.getByRole("heading", { name: "Hello, Grace" })).toBeVisible();

  // Asked every time, and every way out of the question leads out.
  for (const out of ["Close", "Keep"]) {
    await row.getByRole("button", { name: "Disable" }).click();
    await expect(dialog).toContainText("signed out everywhere at once");
    await dialog.getByRole("button", { name: out }).click();
    await expect(dialog).toBeHidden();
  }
  await expect(row.getByText("Disabled", { exact: true })).toHaveCount(0);
});

test("somebody's very long name hides none of what can be done about them", async ({ person, studio }) => {
  const ada = await person("Ada", { administrator: true });
  const username = `long-${Math.random().toString(36).slice(2, 8)}`;
  studio.admin(["create-user", username, "--name", "L".repeat(128), "--password-stdin"], `${SENTENCE}\n`);
  for (const width of [1280, 390]) {
    await ada.page.setViewportSize({ width, height: 800 });
    await ada.page.goto("/people");
    await hydrated(ada.page);
    const button = ada.page.getByRole("row").filter({ hasText: username }).getByRole("button", { name: "Disable" });
    const box = await button.boundingBox();
    expect(box !== null && box.x >= 0 && box.x + box.width <= width, `at ${width} pixels`).toBe(true);
    await button.click();
    await ada.page.getByRole("dialog").getByRole("button", { name: "Keep" }).click();
  }
});

test("a long list of accounts comes in pages, and none is left out", async ({ person }) => {
  test.setTimeout(120_000);
  const ada = await person("Ada", { administrator: true });
  const mark = Math.random().toString(36).slice(2, 8);
  const names = [...Array(55).keys()].map((n) => `crowd-${mark}-${n}`);
  // Through REST, a few at a time: hashing a password takes its while.
  const origin = new URL(ada.page.url()).origin;
  for (let at = 0; at < names.length; at += 5) {
    const made = names.slice(at, at + 5).map((username) =>
      ada.page.request.post("/api/v1/users", { data: { username, password: SENTENCE }, headers: { origin } }),
    );
    for (const answer of await Promise.all(made)) expect(answer.status()).toBe(201);
  }
  await ada.page.goto("/people");
  await hydrated(ada.page);
  const seen = new Set<string>();
  for (;;) {
    await expect(ada.page.getByRole("row").nth(1)).toBeVisible();
    const shown = (await ada.page.locator("tbody .who .t3").allInnerTexts()).map((name) => name.trim());
    expect(shown.length).toBeLessThanOrEqual(50);
    shown.forEach((name) => seen.add(name));
    const older = ada.page.getByRole("link", { name: "Older accounts" });
    if ((await older.count()) === 0) break;
    const first = shown[0] as string;
    await older.click();
    await expect(ada.page.locator("tbody .who .t3").first()).not.toHaveText(first);
  }
  for (const name of names) expect(seen, name).toContain(name);
  await ada.page.getByRole("link", { name: "Newest accounts" }).click();
  await expect(ada.page.getByRole("link", { name: "Newest accounts" })).toHaveCount(0);
});

test("members of the studio who are no administrators see no list of people", async ({ person }) => {
  const eve = await person("Eve");
  eve.complaints.expect(/status of 403/);
  const answer = await eve.page.goto("/people");
  expect(answer?.status()).toBe(403);
  await expect(eve.page.getByRole("table")).toHaveCount(0);
});

for (const [look, options] of [
  ["light", {}],
  ["dark", { colorScheme: "dark" }],
  ["contrast", { contrast: "more" }],
  ["phone", { width: 390 }],
] as const) {
  test(`the people page has no barriers: ${look}`, async ({ person, picture }) => {
    const ada = await person("Ada", { administrator: true, ...options });
    await ada.page.goto("/people");
    await hydrated(ada.page);
    await expect(ada.page.getByRole("heading", { name: "People" })).toBeVisible();
    expect(await ada.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBeLessThanOrEqual(0);
    await expectAccessible(ada.page);
    await picture(ada.page, `people-${look}`);
  });
}
