// Spaces: make, describe, put away; who is in them, and what strangers see.
import { expectAccessible } from "../fixtures/accessible.js";
import { expect, hydrated, test, type Person } from "../fixtures/studio.js";

async function add(owner: Person, space: string, member: Person, role: string): Promise<void> {
  const { page } = owner;
  await page.goto(`${space}/members`);
  await hydrated(page);
  const form = page.getByRole("complementary").filter({ hasText: "Add a member" });
  await form.getByLabel("Username").fill(member.username);
  await form.getByLabel("Role").selectOption(role);
  await form.getByRole("button", { name: "Add" }).click();
  await expect(page.getByRole("cell", { name: member.username })).toBeVisible();
}

test("a space is made, changed, and put away without losing anything", async ({ person, space }) => {
  const ada = await person("Ada");
  const path = await space(ada, "Grid demand");
  const { page } = ada;
  await expect(page.getByRole("heading", { name: "Grid demand" })).toBeVisible();
  await page.goto(`${path}/settings`);
  await hydrated(page);
  await page.getByRole("textbox", { name: "Name" }).fill("Grid demand, Europe");
  await page.getByRole("button", { name: "Keep the changes" }).click();
  await expect(page.getByText("The space is changed.")).toBeVisible();
  await page.getByRole("button", { name: "Archive the space" }).click();
  await expect(page.getByRole("button", { name: "Take the space back" })).toBeVisible();
  await page.goto("/spaces");
  await expect(page.getByRole("main").getByText("Grid demand, Europe")).toHaveCount(0);
  await page.goto("/spaces?show=archived");
  await page.getByRole("main").getByRole("link", { name: /Grid demand, Europe/ }).click();
  await expect(page.getByRole("main").getByText("Archived")).toBeVisible();
  await expect(page.getByRole("button", { name: "New notebook" })).toHaveCount(0);
  await page.goto(`${path}/settings`);
  await hydrated(page);
  await page.getByRole("button", { name: "Take the space back" }).click();
  await expect(page.getByRole("button", { name: "Archive the space" })).toBeVisible();
  await page.goto("/spaces");
  await expect(page.getByRole("main").getByText("Grid demand, Europe")).toBeVisible();
});

test("names of any length and script break nothing", async ({ person, space }) => {
  const ada = await person("Ada");
  const path = await space(ada, "N".repeat(300));
  const { page } = ada;
  const origin = new URL(page.url()).origin;
  const id = path.split("/").pop();
  for (const title of ["W".repeat(200), "مفكرة الشبكة", "日本語のノート", "Z\u0338\u0321a\u0336l\u0335go", "<b>bold</b>"]) {
    const answer = await page.request.post(`/api/v1/spaces/${id}/notebooks`, { data: { title }, headers: { origin } });
    expect(answer.status(), title).toBe(201);
  }
  for (const width of [1280, 820, 390]) {
    await page.setViewportSize({ width, height: 800 });
    for (const address of ["/", "/spaces", path, `${path}/notebooks`, `${path}/members`]) {
      await page.goto(address);
      await hydrated(page);
      const heading = page.getByRole("main").getByRole("heading", { level: 1 });
      await expect(heading).toBeVisible();
      const beyond = await page.evaluate(() => {
        const wide = (element: Element): boolean => element.getBoundingClientRect().right > innerWidth + 1;
        return [...document.querySelectorAll("main h1, main button, main a.btn, main select")].filter(wide).map((element) => element.outerHTML.slice(0, 80));
      });
      expect(beyond, `${address} at ${width} pixels`).toEqual([]);
    }
  }
  await page.goto(`${path}/notebooks`);
  await expect(page.getByRole("link", { name: "<b>bold</b>" })).toBeVisible();
});

test("going to another page puts the focus at its content and tells its title", async ({ person, space }) => {
  const ada = await person("Ada");
  const path = await space(ada, "Rivers");
  const { page } = ada;
  await page.goto(path);
  await hydrated(page);
  await page.getByRole("navigation", { name: "In this space" }).getByRole("link", { name: /Members/ }).click();
  await page.waitForURL(`**${path}/members`);
  await expect(page.getByRole("main")).toBeFocused();
  await expect(page.getByRole("status").filter({ hasText: "Members, Rivers" })).toHaveCount(1);
  await page.goBack();
  await expect(page.getByRole("main")).toBeFocused();
});

test("a member sees the space with their role, and loses it when removed", async ({ person, space }) => {
  const [ada, grace] = [await person("Ada"), await person("Grace")];
  const path = await space(ada, "Rivers");
  await add(ada, path, grace, "viewer");
  await grace.page.goto(path);
  await expect(grace.page.getByRole("heading", { name: "Rivers" })).toBeVisible();
  await expect(grace.page.getByRole("button", { name: "New notebook" })).toHaveCount(0);

  const row = ada.page.getByRole("row").filter({ hasText: grace.username });
  await row.getByRole("button", { name: "Remove" }).click();
  await ada.page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(row).toHaveCount(0);
  grace.complaints.expect(/status of 404/);
  await grace.page.goto(path);
  await expect(grace.page.getByRole("heading", { name: "Rivers" })).toHaveCount(0);
});

test("in a list that was drawn anew, roles and removals still act on the row they stand in, and ask first", async ({ person, space }) => {
  const [ada, grace, eve] = [await person("Ada"), await person("Grace"), await person("Eve")];
  const path = await space(ada, "Team");
  await add(ada, path, grace, "viewer");
  await add(ada, path, eve, "viewer");
  const { page } = ada;
  const row = (member: Person) => page.getByRole("row").filter({ hasText: member.username });
  const roles = async () => [await row(grace).getByRole("combobox").inputValue(), await row(eve).getByRole("combobox").inputValue()];
  for (const role of ["editor", "runner"]) {
    const changed = page.waitForResponse((answer) => answer.url().includes("/ui/") && answer.request().method() === "POST");
    await row(eve).getByRole("combobox").selectOption(role);
    await changed;
    await expect.poll(roles).toEqual(["viewer", role]);
  }
  for (const member of [grace, eve]) {
    await row(member).getByRole("button", { name: "Remove" }).click();
    const dialog = page.getByRole("dialog").filter({ visible: true });
    await expect(dialog).toContainText("They lose the space");
    await expect(row(member)).toHaveCount(1);
    await dialog.getByRole("button", { name: "Remove" }).click();
    await expect(row(member)).toHaveCount(0);
  }
  await page.reload();
  await expect(row(ada)).toHaveCount(1);
  await expect(page.getByRole("row").filter({ hasText: eve.username })).toHaveCount(0);
});

test("a stranger cannot tell a space they may not see from one that does not exist", async ({ person, space }) => {
  const [ada, eve] = [await person("Ada"), await person("Eve")];
  const path = await space(ada, "Private");
  eve.complaints.expect(/status of 404/);
  const said: string[] = [];
  for (const address of [path, `${path.slice(0, -4)}zzzz`]) {
    const answer = await eve.page.goto(address);
    expect(answer?.status()).toBe(404);
    said.push(await eve.page.getByRole("main").innerText());
  }
  expect(said[0]).toBe(said[1]);
});

for (const [look, options] of [
  ["light", {}],
  ["dark", { colorScheme: "dark" }],
  ["contrast", { contrast: "more" }],
  ["phone", { width: 390 }],
] as const) {
  test(`the pages of a space have no barriers: ${look}`, async ({ person, space, picture }) => {
    const ada = await person("Ada", options);
    const path = await space(ada, "Grid demand");
    for (const [name, address] of [["home", "/"], ["spaces", "/spaces"], ["space", path], ["members", `${path}/members`], ["space-settings", `${path}/settings`], ["settings", "/settings"]] as const) {
      await ada.page.goto(address);
      await hydrated(ada.page);
      await expect(ada.page.getByRole("main")).toBeVisible();
      expect(await ada.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), `${name} fits`).toBeLessThanOrEqual(0);
      await expectAccessible(ada.page);
      await picture(ada.page, `${name}-${look}`);
    }
  });
}

test("members beyond the first page are a link away, with and without script, and in the share dialog on request", async ({ person, space, studio }) => {
  test.slow();
  const ada = await person("Ada");
  const path = await space(ada, "Crowd");
  const origin = new URL(ada.page.url()).origin;
  const id = path.split("/").pop();
  const mark = Math.random().toString(36).slice(2, 7);
  for (let n = 10; n < 62; n += 1) {
    const username = `crowd-${mark}-${n}`;
    studio.admin(["create-user", username, "--name", `Member ${n}`, "--password-stdin"], "eleven grey herons at dusk\n");
    const answer = await ada.page.request.put(`/api/v1/spaces/${id}/members/${username}`, { data: { role: "viewer" }, headers: { origin } });
    expect(answer.ok(), await answer.text()).toBe(true);
  }
  const { page } = ada;
  await page.goto(`${path}/members`);
  await hydrated(page);
  const rows = page.locator(".table--stack tbody tr");
  await expect(rows).toHaveCount(50);
  await expect(rows.first()).toContainText("Ada");
  await page.getByRole("link", { name: "More members" }).click();
  await expect(rows).toHaveCount(3);
  await expect(page.getByRole("link", { name: "More members" })).toHaveCount(0);
  await page.reload();
  await expect(rows).toHaveCount(3);
  await hydrated(page);
  await page.getByRole("link", { name: "First members" }).click();
  await expect(rows).toHaveCount(50);

  const made = await page.request.post(`/api/v1/spaces/${id}/notebooks`, { data: { title: "Plan" }, headers: { origin } });
  await page.goto(`/n/${((await made.json()) as { id: string }).id}`);
  await hydrated(page);
  await page.getByRole("button", { name: "Share" }).first().click();
  const dialog = page.getByRole("dialog", { name: /^Share “/ });
  await expect(dialog.getByRole("button", { name: /^Remove Member/ })).toHaveCount(49);
  await dialog.getByRole("button", { name: "Show more" }).click();
  await expect(dialog.getByRole("button", { name: /^Remove Member/ })).toHaveCount(52);
  await expect(dialog.getByRole("button", { name: "Show more" })).toHaveCount(0);
});
