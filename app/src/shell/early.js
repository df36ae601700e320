// A click on something that only answers once the page is live is kept, and made again when it is: the last one, as somebody
// who clicks twice means it once. Links and forms work by themselves and are let through.
(() => {
  const answers = 'button:not([type="submit"]), [role="button"], [role="tab"], [role="option"], section.cell pre';
  let kept;
  const keep = (event) => {
    const element = event.target instanceof Element && event.target.closest(answers);
    // A menu's button opens by itself.
    if (!element || element.closest("a, summary, [popovertarget]")) return;
    kept = { element: event.target, at: { bubbles: true, cancelable: true, clientX: event.clientX, clientY: event.clientY } };
  };
  addEventListener("click", keep, true);
  addEventListener("live", () => {
    removeEventListener("click", keep, true);
    // The first effects run before: whoever answers stands by then.
    setTimeout(() => kept?.element.isConnected && kept.element.dispatchEvent(new MouseEvent("click", kept.at)));
  }, { once: true });
})();
