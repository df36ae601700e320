// What the page and an output frame may say to each other, over one MessageChannel.

export interface Bundle {
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
}

export interface Look {
  scheme: "light" | "dark";
  /** CSS custom properties. */
  properties: Record<string, string>;
}

/** From the page to the frame. */
export type ToFrame =
  | { type: "library"; name: Library; text: string }
  | { type: "render"; bundle: Bundle; look: Look }
  | { type: "look"; look: Look };

/** From the frame to the page: nothing else is listened to. */
export type ToPage = { type: "ready" } | { type: "resize"; height: number } | { type: "error"; message: string };

export type Library = "plotly" | "vega";

export const TALLEST = 20_000;

/** The first of these that a bundle holds is drawn. */
const DRAWN: [RegExp, Library | undefined][] = [
  [/^application\/vnd\.plotly\.v\d+\+json$/, "plotly"],
  [/^application\/vnd\.vegalite\.v\d+(\.\d+)*\+json$/, "vega"],
  [/^application\/vnd\.vega\.v\d+(\.\d+)*\+json$/, "vega"],
  [/^text\/html$/, undefined],
  [/^image\/svg\+xml$/, undefined],
  [/^application\/javascript$/, undefined],
];

/** The type of a bundle that the frame would draw, and the library that takes. */
export function drawn(bundle: Bundle): { mime: string; library: Library | undefined } | undefined {
  for (const [pattern, library] of DRAWN) {
    const mime = Object.keys(bundle.data).find((name) => pattern.test(name));
    if (mime !== undefined) return { mime, library };
  }
  return undefined;
}

/** A message from a frame, checked; whatever else it says is not a message. */
export function heard(message: unknown): ToPage | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  const { type, height, message: text } = message as Record<string, unknown>;
  if (type === "ready") return { type };
  if (type === "resize" && typeof height === "number" && Number.isFinite(height)) {
    return { type, height: Math.min(Math.max(0, Math.ceil(height)), TALLEST) };
  }
  if (type === "error" && typeof text === "string") return { type, message: text.slice(0, 500) };
  return undefined;
}
