// A click on something that only answers once the page is live is kept, and made again when it is: the last one, as somebody
// who clicks twice means it once. What is typed after a click into a cell's text is kept with it, and the editor is fetched
// meanwhile. Links and forms work by themselves and are let through.
(() => {
  const source = "section.cell pre";
  const answers = `button:not([type="submit"]), [role="button"], [role="tab"], [role="option"], ${source}`;
  const steps = [];
  let writes = false;
  const click = (event) => {
    const element = event.target instanceof Element && event.target.closest(answers);
    writes = Boolean(element && element.matches(source));
    // A menu's button opens by itself.
    if (!element || element.closest("a, summary, [popovertarget]")) return;
    const { clientX, clientY } = event;
    if (steps.at(-1)?.type === "click") steps.pop();
    steps.push(new MouseEvent("click", { bubbles: true, cancelable: true, clientX, clientY }));
    steps.at(-1).on = event.target;
    if (writes) fetchEditor();
  };
  const press = (event) => {
    const { key, code, shiftKey, ctrlKey, altKey, metaKey } = event;
    const modified = ctrlKey || altKey || metaKey;
    // Everything else stays the browser's own.
    const text = [...key].length === 1 && !modified;
    if (!writes || event.isComposing || !(text || ["Enter", "Backspace", "Escape"].includes(key))) return;
    steps.push(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, key, code, shiftKey, ctrlKey, altKey, metaKey }));
    event.preventDefault();
  };
  const fetchEditor = () => {
    const assets = JSON.parse(document.getElementById("assets")?.textContent ?? "{}");
    // Whoever needs it asks for it again, and tells what is wrong.
    if (assets["editor.js"]) import(assets["editor.js"]).catch(() => {});
  };
  addEventListener("click", click, true);
  addEventListener("keydown", press, true);
  addEventListener("live", () => {
    // The first effects run before: whoever answers stands by then.
    setTimeout(() => {
      removeEventListener("click", click, true);
      removeEventListener("keydown", press, true);
      for (const step of steps) {
        const on = step.on ?? document.activeElement ?? document.body;
        // Without its cell the words would be taken for commands.
        if (!on.isConnected) break;
        on.dispatchEvent(step);
      }
    });
  }, { once: true });
})();
