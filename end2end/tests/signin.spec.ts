// Signing in and out, with and without script.
import { expectAccessible } from "../fixtures/accessible.js";
import { listen } from "../fixtures/errors.js";
import { expect, hydrated, signIn, Studio, test } from "../fixtures/studio.js";

test("the set-up link makes the first administrator, once", async ({ browser }) => {
  const studio = new Studio();
  await studio.start();
  const context = await browser.newContext();
  const complaints = listen(context);
  try {
    const page = await context.newPage();
    await page.goto(studio.setUp);
    await hydrated(page);
    await page.getByLabel("Username").fill("ada");
    await page.getByLabel("Password", { exact: true }).fill("eleven grey herons at dusk");
    await page.getByRole("button", { name: /set up|become|start/i }).click();
    await page.waitForURL(`${studio.address}/`);
    expect(studio.admin(["list-users"])).toMatch(/^ada\s+administrator/);

    const stranger = await browser.newContext();
    const second = await stranger.newPage();
    await second.goto(studio.setUp);
    await expect(second.getByLabel("Password", { exact: true })).toHaveCount(0);
    await stranger.close();
    expect(complaints.list).toEqual([]);
  } finally {
    await context.close();
    await studio.remove();
  }
});

test("a wrong password is refused in words, and what was typed stays", async ({ person, studio }) => {
  const ada = await person("Ada", { signedIn: false });
  ada.complaints.expect(/status of 4\d\d/);
  await ada.page.goto(`${studio.address}/sign-in`);
  await hydrated(ada.page);
  await ada.page.getByLabel("Username").fill(ada.username);
  await ada.page.getByLabel("Password", { exact: true }).fill("wrong");
  await ada.page.getByRole("button", { name: "Sign in" }).click();
  await expect(ada.page.getByRole("alert")).toBeVisible();
  await expect(ada.page.getByLabel("Username")).toHaveValue(ada.username);
  await ada.page.getByLabel("Password", { exact: true }).fill(ada.password);
  await ada.page.getByRole("button", { name: "Sign in" }).click();
  await ada.page.waitForURL(`${studio.address}/`);
});

test("whoever is not signed in is sent to the door, and comes back where they wanted to go", async ({ person, studio }) => {
  const ada = await person("Ada", { signedIn: false });
  const { page } = ada;
  ada.complaints.expect(/status of 401/);
  await page.goto(`${studio.address}/spaces`);
  await page.waitForURL(/\/sign-in/);
  await hydrated(page);
  await page.getByLabel("Username").fill(ada.username);
  await page.getByLabel("Password", { exact: true }).fill(ada.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${studio.address}/spaces`);
});

test("a link that names another site after sign-in leads nowhere else", async ({ person, studio }) => {
  const ada = await person("Ada", { signedIn: false });
  for (const next of ["//evil.example/", "https://evil.example/", "/\\evil.example/"]) {
    await ada.page.goto(`${studio.address}/sign-in?next=${encodeURIComponent(next)}`);
    await hydrated(ada.page);
    await ada.page.getByLabel("Username").fill(ada.username);
    await ada.page.getByLabel("Password", { exact: true }).fill(ada.password);
    await ada.page.getByRole("button", { name: "Sign in" }).click();
    await ada.page.waitForURL((url) => url.pathname !== "/sign-in");
    expect(new URL(ada.page.url()).origin).toBe(studio.address);
    await ada.context.clearCookies();
  }
});

test("signing in works without script, and signing out ends the session everywhere in the browser", async ({ person, studio }) => {
  const ada = await person("Ada", { javaScriptEnabled: false });
  await ada.page.goto(`${studio.address}/settings`);
  await expect(ada.page.getByRole("heading", { name: "Settings" })).toBeVisible();
  const cookies = await ada.context.cookies();
  await ada.page.getByRole("main").getByRole("button", { name: "Sign out" }).click();
  await ada.page.waitForURL(/\/sign-in/);
  // The old cookie is worth nothing any more.
  await ada.context.addCookies(cookies);
  await ada.page.goto(`${studio.address}/spaces`);
  await expect(ada.page).toHaveURL(/\/sign-in/);
});

test("a session outlives a killed studio", async ({ browser }) => {
  const studio = new Studio();
  await studio.start();
  const context = await browser.newContext();
  try {
    studio.admin(["create-user", "ada", "--password-stdin"], "eleven grey herons at dusk\n");
    const page = await context.newPage();
    await signIn(page, studio, "ada", "eleven grey herons at dusk");
    await studio.kill();
    await studio.start();
    await page.goto(`${studio.address}/spaces`);
    await expect(page.getByRole("heading", { name: "Spaces", exact: true })).toBeVisible();
    expect(await studio.stop()).toBeLessThan(5000);
  } finally {
    await context.close();
    await studio.remove();
  }
});

for (const [look, options] of [
  ["light", {}],
  ["dark", { colorScheme: "dark" }],
  ["contrast", { contrast: "more" }],
  ["phone", { width: 390 }],
] as const) {
  test(`the door has no barriers: ${look}`, async ({ person, studio, picture }) => {
    const ada = await person("Ada", { signedIn: false, ...options });
    await ada.page.goto(`${studio.address}/sign-in`);
    await hydrated(ada.page);
    await expectAccessible(ada.page);
    await picture(ada.page, `signin-${look}`);
  });
}

test("a token is shown once, works, and ends", async ({ person, studio }) => {
  const ada = await person("Ada");
  const { page } = ada;
  await page.goto(`${studio.address}/settings`);
  await hydrated(page);
  await page.getByLabel("What is it for?").fill("nightly export");
  await page.getByLabel("Run code").check();
  await page.getByRole("button", { name: "Create a token" }).click();
  const secret = (await page.getByText(/^dl_[0-9A-Za-z]{49}$/).textContent()) ?? "";
  const ask = () => fetch(`${studio.address}/api/v1/me`, { headers: { authorization: `Bearer ${secret}` } });
  const answer = await ask();
  expect(answer.status).toBe(200);
  expect((await answer.json()).username).toBe(ada.username);
  await page.reload();
  await hydrated(page);
  await expect(page.getByText("nightly export")).toBeVisible();
  await expect(page.getByText(secret)).toHaveCount(0);
  await expectAccessible(page);
  await page.getByRole("button", { name: "End the token nightly export" }).click();
  await expect(page.getByText("nightly export")).toHaveCount(0);
  expect((await ask()).status).toBe(401);
});
