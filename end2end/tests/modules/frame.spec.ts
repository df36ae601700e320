// The output frame alone: what it draws, and what hostile output in it cannot reach.
import type { FrameLocator, Page } from "@playwright/test";
import { expect, test } from "../../fixtures/site.js";

async function render(page: Page, data: Record<string, unknown>, metadata: Record<string, unknown> = {}): Promise<FrameLocator> {
  await page.evaluate(
    ([data, metadata]) => {
      const w = window as any;
      w.errors = [];
      w.heights = [];
      w.handle = w.module.render(document.getElementById("host"), JSON.stringify({ data, metadata }), {
        label: "Output of cell 1",
        onHeight: (px: number) => w.heights.push(px),
        onError: (message: string) => w.errors.push(message),
      });
    },
    [data, metadata] as const,
  );
  return page.frameLocator("iframe.output-frame");
}

const errors = (page: Page): Promise<string[]> => page.evaluate(() => (window as any).errors);

test.beforeEach(async ({ page, open }) => open(page, { module: "host.js" }));

test("HTML runs its scripts in order and takes the height it needs", async ({ page }) => {
  const frame = await render(page, {
    "text/html": [
      "<div id=a style='height:321px'>",
      "</div><script>window.first = 1; document.getElementById('a').textContent = 'one'</script><script>document.getElementById('a').textContent += window.first + 1</script>",
    ],
  });
  await expect(frame.locator("#a")).toHaveText("one2");
  await expect.poll(() => page.locator("iframe").evaluate((f) => f.getBoundingClientRect().height)).toBe(321);
});

test("hostile output reaches neither the page, nor storage, nor the network", async ({ page, complaints }) => {
  complaints.expect(/Content Security Policy|Failed to fetch|Unsafe attempt|sandbox|SecurityError|Refused|violates/i);
  const frame = await render(page, {
    "text/html": `<pre id=r></pre><script>(async () => {
      const tries = {
        parent: () => parent.document.body,
        top: () => { top.location.href; return top.document.cookie },
        cookie: () => document.cookie,
        storage: () => localStorage.length,
        database: () => indexedDB.open("x"),
        origin: () => { if (self.origin !== "null") return "same"; throw 1 },
        fetch: () => fetch("/pkg/"),
        image: () => new Promise((y, n) => { const i = new Image(); i.onload = y; i.onerror = n; i.src = "/pkg/icons.svg" }),
        popup: () => { const w = open("about:blank"); if (!w) throw 1; return w },
      };
      for (const [name, go] of Object.entries(tries)) {
        let out = "refused";
        try { await go(); out = "REACHED" } catch (e) {}
        document.getElementById("r").textContent += name + " " + out + "\\n";
      }
      document.getElementById("r").textContent += "done";
    })()</script>`,
  });
  await expect(frame.locator("#r")).toContainText("done");
  expect(await frame.locator("#r").textContent()).not.toContain("REACHED");
});

test("output that navigates away is closed, and says so", async ({ page, complaints }) => {
  complaints.expect(/Content Security Policy|frame-src|Refused|violates/i);
  await render(page, { "text/html": "<script>location.href = '/usercontent/frame?v=again'</script>" });
  await expect.poll(() => errors(page)).toContain("This output tried to leave its frame and was closed.");
  await expect(page.locator("iframe")).toHaveCount(0);
});

test("messages that are not height or error are not heard, and a height that chases itself stops", async ({ page }) => {
  await render(page, {
    "text/html": `<script>
      const post = MessagePort.prototype.postMessage;
      MessagePort.prototype.postMessage = function (message) {
        post.call(this, { type: "navigate", to: "/sign-out" });
        post.call(this, { type: "resize", height: "9999" });
        post.call(this, { type: "resize", height: Infinity });
        for (let i = 1; i < 500; i += 1) post.call(this, { type: "resize", height: i * 10 });
      };
    </script><p>x</p>`,
  });
  await expect.poll(() => page.evaluate(() => (window as any).heights.length)).toBeGreaterThan(10);
  expect(await page.evaluate(() => Math.max(...(window as any).heights))).toBeLessThanOrEqual(700);
  expect(page.url()).not.toContain("sign-out");
});

test("a script from the network is refused with a sentence that tells why", async ({ page, complaints }) => {
  complaints.expect(/Content Security Policy|Refused|violates/i);
  await render(page, { "text/html": "<script src='https://cdn.example/plot.js'></script>" });
  await expect.poll(() => errors(page)).toEqual([expect.stringContaining("Outputs cannot use the network")]);
});

test("Plotly figures are drawn by the library of the build", async ({ page }) => {
  const figure = { data: [{ type: "scatter", x: [1, 2, 3], y: [2, 1, 3] }], layout: { height: 300, title: { text: "Load" } } };
  const frame = await render(page, { "application/vnd.plotly.v1+json": figure, "text/plain": "Figure" });
  await expect(frame.locator(".js-plotly-plot .scatterlayer .trace")).toHaveCount(1);
  await expect(frame.getByText("Load")).toBeVisible();
});

test("Vega-Lite charts are drawn without compiling expressions", async ({ page }) => {
  const spec = {
    data: { values: [{ a: "x", b: 1 }, { a: "y", b: 3 }] },
    mark: "bar",
    transform: [{ calculate: "datum.b * 2", as: "c" }],
    encoding: { x: { field: "a", type: "nominal" }, y: { field: "c", type: "quantitative" } },
  };
  const frame = await render(page, { "application/vnd.vegalite.v5+json": spec, "text/plain": "Chart" });
  await expect(frame.locator("svg .mark-rect path")).toHaveCount(2);
});

test("JavaScript draws into `element`, and an exception is told", async ({ page }) => {
  const frame = await render(page, { "application/javascript": "element.textContent = 'drawn'; setTimeout(() => { throw new Error('later') })" });
  await expect(frame.locator("#output")).toHaveText("drawn");
  await expect.poll(() => errors(page)).toEqual(["Error: later"]);
});

test("the frame follows the page's colours", async ({ page }) => {
  const frame = await render(page, { "text/html": "<p id=p>text</p>" });
  const color = (): Promise<string> => frame.locator("#p").evaluate((p) => getComputedStyle(p).color);
  await expect(frame.locator("#p")).toBeVisible();
  await page.evaluate(() => document.documentElement.setAttribute("data-theme", "light"));
  await expect.poll(color).toBe("rgb(20, 32, 30)");
  await page.evaluate(() => document.documentElement.setAttribute("data-theme", "dark"));
  await expect.poll(color).toBe("rgb(229, 236, 234)");
});
