// When the page changes its colours: by the person's choice, or because the system did.

const listeners = new Set<() => void>();
let watching = false;

/** Be called after every change of theme or contrast; returns what ends it. */
export function onLook(listener: () => void): () => void {
  if (!watching) {
    watching = true;
    const tell = (): void => listeners.forEach((each) => each());
    new MutationObserver(tell).observe(document.documentElement, { attributeFilter: ["data-theme", "data-contrast"] });
    for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) {
      window.matchMedia(query).addEventListener("change", tell);
    }
  }
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
