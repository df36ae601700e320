// The store of unacknowledged work: it survives a tab, and exactly one other tab takes it over.
import type { Page } from "@playwright/test";
import { expect, test } from "../../fixtures/site.js";

const call = <T>(page: Page, name: string, ...words: string[]): Promise<T> =>
  page.evaluate(([name, words]) => (window as any).store[name](...words), [name, words] as const) as Promise<T>;

test("work kept by a tab that is gone is taken by exactly one other", async ({ page, context, open }) => {
  await open(page, { store: "store.js" });
  await call(page, "keep", "nb_1", "client_a", '{"pending":["x"]}');
  await call(page, "keep", "nb_1", "client_a", '{"pending":["x","y"]}');
  await call(page, "keep", "nb_2", "client_b", "{}");

  const [second, third] = [await context.newPage(), await context.newPage()];
  await open(second, { store: "store.js" });
  await open(third, { store: "store.js" });
  expect(await call(second, "claim", "nb_1", "client_a"), "its tab still lives").toBe(false);

  await page.close();
  const kept = await call<{ client: string; json: string }[]>(second, "all", "nb_1");
  expect(kept).toEqual([{ client: "client_a", json: '{"pending":["x","y"]}', at: expect.any(Number) }]);
  // The browser lets go of a closed tab's locks a moment after it is gone.
  let claims: unknown[] = [];
  await expect
    .poll(async () => {
      claims = await Promise.all([call(second, "claim", "nb_1", "client_a"), call(third, "claim", "nb_1", "client_a")]);
      return claims.filter(Boolean).length;
    })
    .toBe(1);

  const winner = claims[0] ? second : third;
  await call(winner, "forget", "nb_1", "client_a");
  expect(await call(winner, "all", "nb_1")).toEqual([]);
});

test("a tab that waits for another takes over what that one leaves, and nothing when it leaves nothing", async ({ page, context, open }) => {
  await open(page, { store: "store.js" });
  await call(page, "keep", "nb_1", "client_a", '"work"');
  await call(page, "keep", "nb_1", "client_b", '"done"');
  const [second, third] = [await context.newPage(), await context.newPage()];
  await open(second, { store: "store.js" });
  await open(third, { store: "store.js" });
  const [one, other, nothing] = [
    call(second, "outlive", "nb_1", "client_a"),
    call(third, "outlive", "nb_1", "client_a"),
    call(second, "outlive", "nb_1", "client_b"),
  ];
  expect(await call(second, "outlive", "nb_1", "client_a"), "asked twice").toBeNull();
  await call(page, "forget", "nb_1", "client_b");
  await page.close();
  const [first, winner] = await Promise.race([one.then((json) => [json, second] as const), other.then((json) => [json, third] as const)]);
  expect(first).toBe('"work"');
  expect(await nothing).toBeNull();
  // The work is done: the one that still waits gets nothing of it.
  await call(winner, "forget", "nb_1", "client_a");
  await call(winner, "release", "nb_1", "client_a");
  expect(await (winner === second ? other : one)).toBeNull();
});

test("a reload takes its own work back", async ({ page, open }) => {
  await open(page, { store: "store.js" });
  await call(page, "keep", "nb_1", "client_a", "1");
  await open(page, { store: "store.js" });
  await expect.poll(() => call(page, "claim", "nb_1", "client_a")).toBe(true);
});
