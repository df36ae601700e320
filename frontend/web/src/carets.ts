// The others' carets and selections: a 2 px line with a name flag that shows for a while after it moves.
import { editor as monaco, Range } from "monaco-editor/editor.js";

export interface PeerCaret {
  seat: number;
  name: string;
  /** 1 to 8: the `--who-N` colour. */
  color: number;
  anchor: number;
  head: number;
}

const FLAG_MS = 2000;

const STYLE = `
.peer-caret { width: 0; height: 20px; pointer-events: none; color: var(--peer); }
.peer-caret::before { content: ""; position: absolute; left: -1px; top: 0; width: 2px; height: 100%; background: var(--peer); }
.peer-caret__flag { position: absolute; left: -1px; bottom: 100%; padding: 2px 6px; border-radius: 4px 4px 4px 0; background: var(--peer); color: var(--text-on-accent); font: var(--fw-medium) 11px/1.25 var(--font-ui); white-space: nowrap; opacity: 0; transition: opacity var(--t-fast); }
.peer-caret.is-moving .peer-caret__flag { opacity: 1; }
.peer-caret.is-first .peer-caret__flag { bottom: auto; top: 1px; left: 1px; border-radius: 0 4px 4px 0; }
${[1, 2, 3, 4, 5, 6, 7, 8].map((n) => `.peer-${n} { --peer: var(--who-${n}); } .peer-sel-${n} { background: color-mix(in srgb, var(--who-${n}) 22%, transparent); border-radius: 2px; }`).join("\n")}
@media (forced-colors: active) { .peer-caret::before { background: CanvasText; } }
`;

let styled = false;

interface Drawn {
  peer: PeerCaret;
  widget: Widget;
  quiet: number | undefined;
}

/** The carets in one editor. Between two calls of `set` they move along with the edits by themselves. */
export class Carets {
  readonly #code: monaco.ICodeEditor;
  readonly #marks: monaco.IEditorDecorationsCollection;
  #drawn: Drawn[] = [];

  constructor(code: monaco.ICodeEditor) {
    if (!styled) {
      styled = true;
      const style = document.createElement("style");
      style.textContent = STYLE;
      document.head.append(style);
    }
    this.#code = code;
    this.#marks = code.createDecorationsCollection();
  }

  set(peers: PeerCaret[]): void {
    const model = this.#code.getModel();
    const before = new Map(this.#drawn.map((drawn) => [drawn.peer.seat, drawn]));
    const next: Drawn[] = [];
    for (const peer of model === null ? [] : peers) {
      const known = before.get(peer.seat);
      before.delete(peer.seat);
      const drawn = known ?? { peer, widget: new Widget(this.#code, peer), quiet: undefined };
      const moved = known === undefined || known.peer.head !== peer.head || known.peer.anchor !== peer.anchor;
      drawn.peer = peer;
      next.push(drawn);
      if (moved) this.#raise(drawn);
    }
    for (const gone of before.values()) this.#remove(gone);
    this.#drawn = next;
    this.#marks.set(model === null ? [] : next.flatMap(({ peer }) => marks(model, peer)));
    this.follow();
  }

  /** Put every caret where its mark is now. */
  follow(): void {
    const ranges = this.#marks.getRanges();
    this.#drawn.forEach(({ widget }, index) => {
      const range = ranges[index * 2];
      if (range !== undefined) widget.place(range.getStartPosition());
    });
  }

  dispose(): void {
    for (const drawn of this.#drawn) this.#remove(drawn);
    this.#drawn = [];
    this.#marks.clear();
  }

  #raise(drawn: Drawn): void {
    const { classList } = drawn.widget.getDomNode();
    classList.add("is-moving");
    window.clearTimeout(drawn.quiet);
    drawn.quiet = window.setTimeout(() => classList.remove("is-moving"), FLAG_MS);
  }

  #remove(drawn: Drawn): void {
    window.clearTimeout(drawn.quiet);
    this.#code.removeContentWidget(drawn.widget);
  }
}

/** Two marks for each peer: where the caret is, and what is selected. */
function marks(model: monaco.ITextModel, peer: PeerCaret): monaco.IModelDeltaDecoration[] {
  const head = model.getPositionAt(peer.head);
  const anchor = model.getPositionAt(peer.anchor);
  const stickiness = monaco.TrackedRangeStickiness.NeverGrowsWhenTypingAtEdges;
  const color = who(peer.color);
  const selection = peer.head < peer.anchor ? Range.fromPositions(head, anchor) : Range.fromPositions(anchor, head);
  return [
    { range: Range.fromPositions(head), options: { stickiness } },
    { range: selection, options: { className: `peer-sel-${color}`, stickiness } },
  ];
}

function who(color: number): number {
  return Number.isInteger(color) && color >= 1 && color <= 8 ? color : 8;
}

class Widget implements monaco.IContentWidget {
  // Monaco places what overflows by the window, and what stands exactly at a place by the editor: both at once is nowhere.
  readonly allowEditorOverflow = false;
  readonly suppressMouseDown = true;
  readonly #code: monaco.ICodeEditor;
  readonly #node = document.createElement("div");
  readonly #id: string;
  #position: { lineNumber: number; column: number } | null = null;

  constructor(code: monaco.ICodeEditor, peer: PeerCaret) {
    this.#code = code;
    this.#id = `peer-${peer.seat}`;
    this.#node.className = `peer-caret peer-${who(peer.color)}`;
    this.#node.setAttribute("aria-hidden", "true");
    const flag = document.createElement("span");
    flag.className = "peer-caret__flag";
    flag.textContent = peer.name;
    this.#node.append(flag);
    code.addContentWidget(this);
  }

  place(position: { lineNumber: number; column: number }): void {
    this.#position = position;
    // Above the first line nothing is drawn: there the name stands beside the caret.
    this.#node.classList.toggle("is-first", position.lineNumber === 1);
    this.#code.layoutContentWidget(this);
  }

  getId(): string {
    return this.#id;
  }

  getDomNode(): HTMLElement {
    return this.#node;
  }

  getPosition(): monaco.IContentWidgetPosition | null {
    return this.#position && { position: this.#position, preference: [monaco.ContentWidgetPositionPreference.EXACT] };
  }
}
