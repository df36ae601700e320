// A browser of its own for every load, and what it fetches over the wire.
import { chromium } from "@playwright/test";

/** A new browser with nothing in its cache, and everything it receives counted as it comes over the wire. */
export async function inBrowser(cookies, body) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    if (cookies.length > 0) await context.addCookies(cookies);
    const page = await context.newPage();
    const wire = await context.newCDPSession(page);
    const counter = new Counter();
    await wire.send("Network.enable");
    wire.on("Network.requestWillBeSent", ({ requestId, request }) => counter.begin(requestId, request.url));
    wire.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => counter.finish(requestId, encodedDataLength));
    wire.on("Network.loadingFailed", ({ requestId }) => counter.finish(requestId, 0));
    wire.on("Network.webSocketFrameReceived", ({ requestId, response }) => counter.frame(requestId, response.payloadData.length * (response.opcode === 2 ? 0.75 : 1)));
    return await body(page, counter);
  } finally {
    await browser.close();
  }
}

class Counter {
  bytes = 0;
  requests = 0;
  #open = new Map();
  #sizes = new Map();
  #last = performance.now();

  begin(id, url) {
    if (url.startsWith("data:") || url.startsWith("blob:")) return;
    this.requests += 1;
    this.#open.set(id, url);
    this.#last = performance.now();
  }

  finish(id, bytes) {
    const url = this.#open.get(id);
    if (url === undefined) return;
    this.#open.delete(id);
    this.#sizes.set(url, (this.#sizes.get(url) ?? 0) + bytes);
    this.bytes += bytes;
    this.#last = performance.now();
  }

  frame(id, bytes) {
    this.bytes += bytes;
    this.#sizes.set("WebSocket", (this.#sizes.get("WebSocket") ?? 0) + bytes);
  }

  now() {
    const largest = [...this.#sizes].sort((a, b) => b[1] - a[1]).slice(0, 6);
    return { bytes: this.bytes, requests: this.requests, largest: largest.map(([url, bytes]) => [url.replace(/^\w+:\/\/[^/]+/, ""), bytes]) };
  }

  /** Nothing has begun or ended for three seconds. */
  async quiet() {
    this.#last = performance.now();
    while (performance.now() - this.#last < 3_000) await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
