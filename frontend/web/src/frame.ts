// Runs inside the sandboxed output frame: an opaque origin without network, cookies or storage.
//
// It draws what it is sent and reports its height. Everything drawn may be hostile; so may what this script has become
// by then, which is why the page believes nothing but `messages.ts`.
import { type Bundle, drawn, type Look, type ToFrame, type ToPage } from "./messages.js";

const output = document.getElementById("output") as HTMLDivElement;
let port: MessagePort | undefined;
let turn = 0;

function welcome(event: MessageEvent): void {
  const given = event.ports[0];
  if (event.source !== window.parent || given === undefined) return;
  window.removeEventListener("message", welcome);
  port = given;
  port.onmessage = ({ data }: MessageEvent<ToFrame>) => void obey(data).catch(complain);
  tell({ type: "ready" });
}
window.addEventListener("message", welcome);
// An output's mistakes are shown with the output; they are not the page's.
window.addEventListener("error", (event) => {
  event.preventDefault();
  complain(event.error ?? event.message);
});
window.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  complain(event.reason);
});
document.addEventListener("securitypolicyviolation", (event) => {
  if (/^https?:/.test(event.blockedURI)) {
    complain(`This output asked for ${event.blockedURI}. Outputs cannot use the network: embed what they need.`);
  }
});
// A link would replace the output by another page. Places inside the output stay reachable.
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  const href = link?.getAttribute("href") ?? "#";
  if (link === null || href.startsWith("#")) return;
  event.preventDefault();
  link.setAttribute("title", href);
});
new ResizeObserver(() => measure()).observe(output);

function tell(message: ToPage): void {
  port?.postMessage(message);
}

function complain(cause: unknown): void {
  const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  // Browsers say this when a size observer needs another frame; nothing is wrong.
  if (!text.includes("ResizeObserver loop")) tell({ type: "error", message: text });
}

function measure(): void {
  tell({ type: "resize", height: Math.max(output.scrollHeight, Math.ceil(output.getBoundingClientRect().height)) });
}

async function obey(message: ToFrame): Promise<void> {
  switch (message.type) {
    case "library":
      run(message.text);
      break;
    case "look":
      dress(message.look);
      break;
    case "render":
      dress(message.look);
      await draw(message.bundle, message.look);
      measure();
      break;
  }
}

function dress(look: Look): void {
  const { style } = document.documentElement;
  style.colorScheme = look.scheme;
  for (const [name, value] of Object.entries(look.properties)) style.setProperty(name, value);
}

async function draw(bundle: Bundle, look: Look): Promise<void> {
  turn += 1;
  const kind = drawn(bundle);
  if (kind === undefined) throw new Error("there is nothing here that this frame can draw");
  const value = bundle.data[kind.mime];
  const scripts = globalThis as { Plotly?: Plotly; datalayerVega?: DrawVega };
  if (kind.library === "plotly") {
    if (scripts.Plotly === undefined) throw new Error("the chart library did not load");
    const figure = structured(value) as { data?: unknown; layout?: Record<string, unknown>; frames?: unknown; config?: object };
    const config = { responsive: true, displaylogo: false, ...figure.config };
    await scripts.Plotly.react(output, { data: figure.data ?? [], layout: figure.layout ?? {}, config });
    if (Array.isArray(figure.frames) && figure.frames.length > 0) await scripts.Plotly.addFrames(output, figure.frames);
  } else if (kind.library === "vega") {
    if (scripts.datalayerVega === undefined) throw new Error("the chart library did not load");
    const metadata = bundle.metadata[kind.mime] as { embed_options?: object } | undefined;
    const mode = kind.mime.includes("vegalite") ? "vega-lite" : "vega";
    await scripts.datalayerVega(output, structured(value), mode, look.scheme === "dark", metadata?.embed_options ?? {});
  } else if (kind.mime === "application/javascript") {
    output.replaceChildren();
    // As in Jupyter: the script may draw into `element`.
    new Function("element", text(value))(output);
  } else {
    output.innerHTML = text(value);
    await runScripts(turn);
  }
}

/** Scripts put in by `innerHTML` do not run: make them again, one after the other, as the author wrote them. */
async function runScripts(mine: number): Promise<void> {
  for (const old of [...output.querySelectorAll("script")]) {
    if (mine !== turn) return;
    const fresh = document.createElement("script");
    for (const { name, value } of [...old.attributes]) fresh.setAttribute(name, value);
    fresh.text = old.text;
    const waits = fresh.src !== "" && !fresh.async;
    const settled = new Promise<void>((resolve) => {
      fresh.onload = () => resolve();
      fresh.onerror = () => resolve();
    });
    old.replaceWith(fresh);
    if (waits) await settled;
  }
}

function run(program: string): void {
  const script = document.createElement("script");
  script.text = program;
  document.head.append(script);
  script.remove();
}

function text(value: unknown): string {
  return Array.isArray(value) ? value.join("") : String(value);
}

function structured(value: unknown): unknown {
  return typeof value === "string" ? JSON.parse(value) : value;
}

interface Plotly {
  react(host: HTMLElement, figure: object): Promise<unknown>;
  addFrames(host: HTMLElement, frames: unknown[]): Promise<unknown>;
}

type DrawVega = (host: HTMLElement, spec: unknown, mode: string, dark: boolean, options: object) => Promise<void>;
