// The page's side of an output frame: makes it, hands it its output, and believes nothing it says but its height.
import { onLook } from "./look.js";
import { type Bundle, drawn, heard, type Library, type Look, type ToFrame } from "./messages.js";

export interface Options {
  /** What a screen reader calls the output. */
  label: string;
  theme?: string;
  /** The height it had last time, so that nothing jumps while it loads. */
  height?: number;
  onHeight?: (px: number) => void;
  /** Without it, a notice stands below the frame. */
  onError?: (message: string) => void;
}

const ADDRESS: Record<Library, string> = { plotly: PLOTLY, vega: VEGA };
/** A frame whose height follows its own height would grow for ever. */
const GROWTHS = 60;
const SHOWN = ["--text", "--text-2", "--line", "--line-strong", "--bg-hover", "--bg-surface", "--accent", "--font-ui", "--font-mono"];

const libraries = new Map<Library, Promise<string>>();

/** Draw an output, `{"data": {mime: …}, "metadata": {…}}` or only `{mime: …}`, in a sandboxed frame inside `host`. */
export function render(host: HTMLElement, bundleJson: string, options: Options): Handle {
  return new Handle(host, bundleJson, options);
}

/** Would the frame draw any of these types? */
export function draws(mimes: string[]): boolean {
  return drawn({ data: Object.fromEntries(mimes.map((mime) => [mime, null])), metadata: {} }) !== undefined;
}

export class Handle {
  readonly #frame = document.createElement("iframe");
  readonly #options: Options;
  readonly #sent = new Set<Library>();
  #port: MessagePort | undefined;
  #ready = false;
  #bundle: Bundle;
  #growths = 0;
  #disposed = false;
  #notice: HTMLElement | undefined;
  readonly #unlook: () => void;

  constructor(host: HTMLElement, bundleJson: string, options: Options) {
    this.#options = options;
    this.#bundle = read(bundleJson);
    const frame = this.#frame;
    // An opaque origin: scripts run, and reach neither cookies, storage, the network nor this page.
    frame.setAttribute("sandbox", "allow-scripts");
    frame.setAttribute("referrerpolicy", "no-referrer");
    frame.setAttribute("credentialless", "");
    frame.title = options.label;
    frame.className = "output-frame";
    frame.style.cssText = `display: block; width: 100%; border: 0; height: ${options.height ?? 0}px; color-scheme: normal;`;
    frame.addEventListener("load", () => this.#loaded());
    frame.src = `/usercontent/frame?v=${FRAME_VERSION}`;
    host.append(frame);
    this.#unlook = onLook(() => this.theme());
  }

  /** Draw something else in the same frame. */
  update(bundleJson: string): void {
    this.#bundle = read(bundleJson);
    this.#growths = 0;
    this.#notice?.remove();
    this.#notice = undefined;
    if (this.#ready) void this.#draw();
  }

  /** The page's colours changed. */
  theme(_name?: string): void {
    this.#say({ type: "look", look: look(this.#frame) });
  }

  dispose(): void {
    this.#disposed = true;
    this.#unlook();
    this.#port?.close();
    this.#frame.remove();
    this.#notice?.remove();
  }

  #loaded(): void {
    if (this.#port !== undefined) {
      // It went somewhere else. Whatever stands there now is no output of ours.
      this.#port.close();
      this.#disposed = true;
      this.#complain("This output tried to leave its frame and was closed.");
      this.#frame.remove();
      return;
    }
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }: MessageEvent<unknown>) => this.#hear(data);
    // The frame's origin is opaque and has no name to address; only this window receives the port.
    this.#frame.contentWindow?.postMessage("output", "*", [port2]);
  }

  #hear(message: unknown): void {
    const said = heard(message);
    if (said === undefined || this.#disposed) return;
    if (said.type === "ready") {
      if (this.#ready) return;
      this.#ready = true;
      void this.#draw();
    } else if (said.type === "error") {
      this.#complain(said.message);
    } else {
      const before = parseInt(this.#frame.style.height, 10) || 0;
      if (said.height > before && ++this.#growths > GROWTHS) return;
      if (said.height === before) return;
      this.#frame.style.height = `${said.height}px`;
      this.#options.onHeight?.(said.height);
    }
  }

  async #draw(): Promise<void> {
    const bundle = this.#bundle;
    const library = drawn(bundle)?.library;
    try {
      if (library !== undefined && !this.#sent.has(library)) {
        const text = await fetched(library);
        if (this.#disposed || bundle !== this.#bundle) return;
        this.#sent.add(library);
        this.#say({ type: "library", name: library, text });
      }
      this.#say({ type: "render", bundle, look: look(this.#frame) });
    } catch (cause) {
      this.#complain(cause instanceof Error ? cause.message : String(cause));
    }
  }

  #say(message: ToFrame): void {
    if (this.#ready) this.#port?.postMessage(message);
  }

  #complain(message: string): void {
    if (this.#options.onError !== undefined) {
      this.#options.onError(message);
      return;
    }
    if (this.#notice === undefined) {
      this.#notice = document.createElement("p");
      this.#notice.className = "output-frame__notice";
      this.#notice.setAttribute("role", "status");
      this.#frame.after(this.#notice);
    }
    this.#notice.textContent = message;
  }
}

function read(json: string): Bundle {
  const bundle = JSON.parse(json) as Partial<Bundle> & Record<string, unknown>;
  // Every type of output has a slash in its name.
  if (Object.keys(bundle).some((name) => name.includes("/"))) return { data: bundle, metadata: {} };
  return { data: bundle.data ?? {}, metadata: bundle.metadata ?? {} };
}

/** The page's colours, for what the frame draws by itself. */
function look(frame: HTMLElement): Look {
  const tokens = getComputedStyle(frame.parentElement ?? document.documentElement);
  const properties: Record<string, string> = {};
  for (const name of SHOWN) {
    const value = tokens.getPropertyValue(name).trim();
    if (value !== "") properties[name] = value;
  }
  return { scheme: tokens.colorScheme.includes("dark") ? "dark" : "light", properties };
}

/** A chart library's text, fetched once for the page. */
function fetched(library: Library): Promise<string> {
  let text = libraries.get(library);
  if (text === undefined) {
    text = fetch(ADDRESS[library]).then(async (answer) => {
      if (!answer.ok) throw new Error("The chart library could not be loaded; check the connection and run the cell again.");
      return answer.text();
    });
    text.catch(() => libraries.delete(library));
    libraries.set(library, text);
  }
  return text;
}
