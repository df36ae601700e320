// JupyterHub behind the studio: one sign-in, JupyterLab through the studio's door, and the end of both at once.
import { Hub } from "../fixtures/hub.js";
import { expect, newcomer, test as base, type Person } from "../fixtures/studio.js";
import type { Page } from "@playwright/test";

const test = base.extend<{ someone: (name: string, options?: { administrator?: boolean; signedIn?: boolean }) => Promise<Person> }, { hub: Hub }>({
  hub: [
    async ({}, use) => {
      const hub = new Hub();
      await hub.start();
      await use(hub);
      await hub.remove();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  someone: async ({ hub, browser }, use, info) => {
    const people: Person[] = [];
    await use(async (name, options = {}) => {
      const person = await newcomer(hub.studio, browser, name, options);
      people.push(person);
      return person;
    });
    if (info.status !== info.expectedStatus) await info.attach("hub.log", { body: hub.log, contentType: "text/plain" });
    await Promise.all(people.map(({ context }) => context.close()));
  },
});

test.describe.configure({ timeout: 120_000 });

/** Go to JupyterLab as somebody would, and wait until it stands. */
async function lab(person: Person): Promise<Page> {
  const opened = person.context.waitForEvent("page");
  await person.page.getByRole("link", { name: "JupyterLab" }).click();
  const page = await opened;
  await page.waitForURL(/\/jupyter\/user\/[^/]+\/lab/, { timeout: 60_000 });
  await expect(page.locator(".jp-Launcher").first()).toBeVisible({ timeout: 60_000 });
  return page;
}

test("one sign-in opens JupyterLab, and a notebook and a terminal work in it", async ({ someone, picture }) => {
  const ada = await someone("Ada");
  const page = await lab(ada);
  await picture(page, "hub-lab");
  await page.locator(".jp-LauncherCard[data-category='Notebook']").first().click();
  const cell = page.locator(".jp-Notebook .jp-Cell .cm-content").first();
  await cell.click();
  await page.keyboard.type("6 * 7");
  await page.keyboard.press("Shift+Enter");
  await expect(page.locator(".jp-OutputArea-output").first()).toHaveText("42", { timeout: 60_000 });
  // One sign-in: nobody was asked again, and the name the Hub knows is not the one people choose.
  expect(new URL(page.url()).pathname).toMatch(/^\/jupyter\/user\/u[a-z0-9]+\/lab/);
});

test("nobody gets through without the studio's sign-in, and whoever signs in on the way arrives", async ({ hub, someone }) => {
  const bob = await someone("Bob", { signedIn: false });
  const answer = await bob.page.request.get(`${hub.studio.address.replace("localhost", "127.0.0.1")}/jupyter/hub/api/`, {
    headers: { host: new URL(hub.address).host },
    maxRedirects: 0,
  });
  expect(answer.status()).toBe(401);
  expect(((await answer.json()) as { code: string }).code).toBe("hub.sign_in_needed");
  await bob.page.goto(hub.address);
  await expect(bob.page).toHaveURL(/localhost:\d+\/sign-in\?next=/);
  await bob.page.getByLabel("Username").fill(bob.username);
  await bob.page.getByLabel("Password", { exact: true }).fill(bob.password);
  await bob.page.getByRole("button", { name: "Sign in" }).click();
  await bob.page.waitForURL(/hub\.localhost:\d+\/jupyter\//, { timeout: 60_000 });
});

test("what runs at the Hub's origin is nobody at the studio's", async ({ hub, someone }) => {
  const ada = await someone("Ada");
  await ada.page.goto(`${hub.address}hub/home`);
  await expect(ada.page).toHaveURL(/hub\.localhost/);
  const heard = await ada.page.evaluate(async (studio) => {
    const tried = async (options: RequestInit): Promise<string> => fetch(`${studio}/api/v1/me`, options).then((answer) => `answered ${answer.status}`, () => "refused");
    return [await tried({ credentials: "include" }), await tried({ credentials: "include", method: "POST", headers: { "content-type": "text/plain" }, body: "{}" })];
  }, hub.studio.address);
  expect(heard).toEqual(["refused", "refused"]);
  expect(await ada.page.evaluate(() => document.cookie)).not.toMatch(/studio|hub-pass/);
});

test("disabling somebody in the studio ends their JupyterLab within five seconds", async ({ hub, someone, browser }) => {
  const eve = await someone("Eve");
  const page = await lab(eve);
  await page.locator(".jp-LauncherCard[data-category='Notebook']").first().click();
  await expect(page.locator(".jp-Notebook .jp-Cell").first()).toBeVisible({ timeout: 60_000 });
  await page.evaluate(() => {
    const seen = window as unknown as { ended: number };
    const address = location.pathname.replace(/\/lab.*/, "/api/events/subscribe");
    const socket = new WebSocket(`ws://${location.host}${address}`);
    socket.onclose = () => (seen.ended = Date.now());
    return new Promise<void>((open) => (socket.onopen = () => open()));
  });
  const boss = await someone("Boss", { administrator: true });
  const began = Date.now();
  await disable(hub, boss, eve);
  await page.waitForFunction(() => "ended" in window, undefined, { timeout: 10_000 });
  const ended = await page.evaluate(() => (window as unknown as { ended: number }).ended);
  expect(ended - began).toBeLessThan(5_000);
  expect(await page.evaluate(() => fetch(location.pathname.replace(/\/lab.*/, "/api/kernels")).then((answer) => answer.status))).toBe(401);
});

async function disable(hub: Hub, administrator: Person, person: Person): Promise<void> {
  const { request } = administrator.page;
  const listed = (await (await request.get("/api/v1/users")).json()) as { items: { id: string; username: string }[] };
  const id = listed.items.find((user) => user.username === person.username)?.id;
  const answer = await request.patch(`/api/v1/users/${id}`, { data: { disabled: true }, headers: { origin: hub.studio.address } });
  expect(answer.ok(), await answer.text()).toBe(true);
}
