// Vega and Vega-Lite for the output frame, with expressions interpreted instead of compiled.
import embed, { type EmbedOptions, type VisualizationSpec } from "vega-embed";
import { expressionInterpreter } from "vega-interpreter";

async function draw(host: HTMLElement, spec: unknown, mode: string, dark: boolean, options: object): Promise<void> {
  await embed(host, spec as VisualizationSpec, {
    ...(dark ? { theme: "dark", config: { background: "transparent" } } : {}),
    renderer: "svg",
    ...options,
    mode: mode as NonNullable<EmbedOptions["mode"]>,
    actions: false,
    ast: true,
    expr: expressionInterpreter,
  });
}

Object.assign(globalThis, { datalayerVega: draw });
