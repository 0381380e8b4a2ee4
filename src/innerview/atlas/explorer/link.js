// The view as the part of the address after #: a link restores it, back and forward walk through it.
"use strict";

class Link {
  /** `restore(view)` is told when the reader goes back, forward, or edits the address. */
  constructor(restore, isEmbedded) {
    this.isEmbedded = isEmbedded; // the history belongs to the page around
    this.text = location.hash;
    const changed = () => {
      if (location.hash === this.text) return; // popstate and hashchange may both come
      this.text = location.hash;
      restore(this.read());
    };
    window.addEventListener("popstate", changed);
    window.addEventListener("hashchange", changed);
  }

  /** What the address says: strings by name. */
  read() {
    return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  }

  /** Let the address say `view`, names to strings; null and undefined are left out. A step can be gone back. */
  write(view, isStep) {
    const entries = Object.entries(view).filter(([, value]) => value !== null && value !== undefined);
    const text = `#${new URLSearchParams(entries)}`;
    if (text === this.text) return;
    this.text = text;
    if (isStep && !this.isEmbedded) history.pushState(null, "", text);
    else history.replaceState(null, "", text);
  }

  /** Copy the address; resolves to whether that was possible. */
  async copy() {
    try {
      await navigator.clipboard.writeText(location.href);
      return true;
    } catch {
      return this.copyByHand(); // a frame may not use the clipboard, and some browsers forbid it to local files
    }
  }

  copyByHand() {
    const area = Object.assign(document.createElement("textarea"), { value: location.href });
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}
