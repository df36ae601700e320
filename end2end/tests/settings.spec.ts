// Your settings: the look, the password, and where you are signed in.
import { expectAccessible } from "../fixtures/accessible.js";
import { expect, hydrated, signIn, test } from "../fixtures/studio.js";

const OTHER = "nine blue herons at dawn";

test("a new password ends every other sign-in, and the old one opens nothing any more", async ({ person, studio, browser }) => {
  const ada = await person("Ada");
  const { page } = ada;
  const elsewhere = await (await browser.newContext()).newPage();
  await signIn(elsewhere, studio, ada.username, ada.password);

  await page.goto("/settings");
  await hydrated(page);
  ada.complaints.expect(/status of 4\d\d/);
  const form = page.locator("section").filter({ has: page.getByRole("heading", { name: "Password" }) });
  await form.getByLabel("Current password").fill("not this one");
  await form.getByLabel("New password").fill(OTHER);
  await form.getByRole("button", { name: "Change the password" }).click();
  await expect(form.getByLabel("Current password")).toHaveAttribute("aria-invalid", "true");
  await expect(form.getByText("The current password is not right.")).toBeVisible();

  await form.getByLabel("Current password").fill(ada.password);
  await form.getByLabel("New password").fill("short");
  await form.getByRole("button", { name: "Change the password" }).click();
  await expect(form.getByLabel("New password")).toHaveAttribute("aria-invalid", "true");

  await form.getByLabel("Current password").fill(ada.password);
  await form.getByLabel("New password").fill(OTHER);
  await form.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Your password is changed" })).toBeVisible();
  await expect(form.getByLabel("New password")).toHaveValue("");

  await elsewhere.goto(`${studio.address}/spaces`);
  await expect(elsewhere).toHaveURL(/\/sign-in/);
  await page.reload();
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();

  await hydrated(elsewhere);
  await elsewhere.getByLabel("Username").fill(ada.username);
  await elsewhere.getByLabel("Password", { exact: true }).fill(ada.password);
  await elsewhere.getByRole("button", { name: "Sign in" }).click();
  await expect(elsewhere.getByRole("alert")).toBeVisible();
  await signIn(elsewhere, studio, ada.username, OTHER);
  await expect(elsewhere.getByRole("heading", { name: "Hello, Ada" })).toBeVisible();
  await elsewhere.context().close();
});

test("sign-ins are listed, and each can be ended from here", async ({ person, studio, browser }) => {
  const ada = await person("Ada");
  const others = await Promise.all([browser.newContext({ userAgent: "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0" }), browser.newContext(), browser.newContext()]);
  const pages = await Promise.all(others.map((context) => context.newPage()));
  for (const page of pages) await signIn(page, studio, ada.username, ada.password);
  const [firefox, second] = pages as [(typeof pages)[0], (typeof pages)[0]];

  const { page } = ada;
  await page.goto("/settings");
  await hydrated(page);
  const list = page.locator("section").filter({ has: page.getByRole("heading", { name: "Where you are signed in" }) });
  await expect(list.getByText("This one")).toHaveCount(1);
  await expect(list.getByRole("button", { name: "End", exact: true })).toHaveCount(3);
  await list.locator(".list > div").filter({ hasText: "Firefox on Linux" }).getByRole("button", { name: "End" }).click();
  await expect(list.getByText("Firefox on Linux")).toHaveCount(0);
  await firefox.goto(`${studio.address}/spaces`);
  await expect(firefox).toHaveURL(/\/sign-in/);
  await second.goto(`${studio.address}/spaces`);
  await expect(second).toHaveURL(/\/spaces$/);

  await list.getByRole("button", { name: "End all others" }).click();
  await expect(list.getByRole("button", { name: "End", exact: true })).toHaveCount(0);
  await second.goto(`${studio.address}/spaces`);
  await expect(second).toHaveURL(/\/sign-in/);
  await page.reload();
  await expect(list.getByText("This one")).toBeVisible();
  await Promise.all(others.map((context) => context.close()));
});

test("a look is taken at once, kept, and drawn by the server before any script", async ({ person }) => {
  const ada = await person("Ada");
  const { page } = ada;
  await page.goto("/settings");
  await hydrated(page);
  const root = page.locator("html");
  await page.getByRole("radio", { name: "Dark" }).check();
  await expect(root).toHaveAttribute("data-theme", "dark");
  await page.getByRole("radio", { name: "High" }).check();
  await expect(root).toHaveAttribute("data-contrast", "more");
  await expectAccessible(page);
  const sent = await (await page.request.get("/settings")).text();
  expect(sent).toMatch(/<html[^>]*data-theme="dark"[^>]*data-contrast="more"/);
  await page.reload();
  await hydrated(page);
  await expect(page.getByRole("radio", { name: "Dark" })).toBeChecked();
  await page.getByRole("group", { name: "Theme" }).getByRole("radio", { name: "As the system" }).check();
  await expect(root).not.toHaveAttribute("data-theme", /./);
});

test("a look is kept without script too", async ({ person }) => {
  const ada = await person("Ada", { javaScriptEnabled: false });
  await ada.page.goto("/settings");
  await ada.page.getByRole("radio", { name: "Dark" }).check();
  await ada.page.getByRole("button", { name: "Keep this look" }).click();
  await expect(ada.page.locator("html")).toHaveAttribute("data-theme", "dark");
});

for (const [look, options] of [
  ["light", {}],
  ["dark", { colorScheme: "dark" }],
  ["contrast", { contrast: "more" }],
  ["phone", { width: 390 }],
] as const) {
  test(`the settings have no barriers: ${look}`, async ({ person, picture }) => {
    const ada = await person("Ada", options);
    await ada.page.goto("/settings");
    await hydrated(ada.page);
    await expect(ada.page.getByText("This one")).toBeVisible();
    await expectAccessible(ada.page);
    await picture(ada.page, `settings-${look}`);
  });
}
