// A box in which a class is searched by its name: the combobox pattern of the WAI-ARIA authoring practices.
"use strict";

const MOST = 40; // suggestions in the list

class ClassSearch {
  /** `peaks()` gives the strongest attribution to each class in the map now shown; `choose(label or null)` is told. */
  constructor(holder, { id, labels, placeholder, peaks, choose }) {
    Object.assign(this, { labels, peaks, choose, label: null, shown: [], active: -1 });
    this.input = document.createElement("input");
    Object.assign(this.input, { id, type: "text", placeholder, spellcheck: false, autocapitalize: "none" });
    this.list = document.createElement("ul");
    Object.assign(this.list, { id: `${id}-list`, hidden: true });
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Classes");
    const roles = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.list.id };
    for (const [name, value] of Object.entries(roles)) this.input.setAttribute(name, value);
    this.clear = document.createElement("button");
    Object.assign(this.clear, { type: "button", textContent: "×", hidden: true, title: "Clear" });
    this.clear.setAttribute("aria-label", `Clear: ${placeholder}`);
    holder.append(this.input, this.clear, this.list);
    this.listen();
  }

  listen() {
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("click", () => this.open());
    this.input.addEventListener("input", () => this.open());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => this.leave());
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // the input keeps the focus
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.commit(this.shown[[...this.list.children].indexOf(option)]);
    });
    this.clear.addEventListener("click", () => {
      this.commit(null);
      this.input.focus();
    });
  }

  /** Show a class that was chosen elsewhere, without telling. */
  set(label) {
    this.label = label;
    this.input.value = label === null ? "" : this.labels[label];
    this.clear.hidden = label === null;
    this.close();
  }

  commit(label) {
    this.set(label);
    this.choose(label);
  }

  /** Classes that match what is typed; with nothing typed, all; the strongest in this map first. */
  matches() {
    const typed = this.input.value.trim().toLowerCase();
    const isWhole = this.label !== null && this.input.value === this.labels[this.label];
    const peaks = this.peaks();
    const found = [];
    this.labels.forEach((name, label) => {
      const place = isWhole ? 0 : ` ${name.toLowerCase()}`.indexOf(` ${typed}`); // the start of a word, or else anywhere
      const rank = place === 0 ? 0 : place > 0 ? 1 : name.toLowerCase().includes(typed) ? 2 : 3;
      if (rank < 3) found.push({ label, rank, peak: peaks[label] });
    });
    found.sort((one, other) => one.rank - other.rank || other.peak - one.peak || one.label - other.label);
    return found.slice(0, MOST);
  }

  open() {
    const found = this.matches();
    this.shown = found.map(({ label }) => label);
    this.list.replaceChildren(
      ...found.map(({ label, peak }, place) => {
        const option = document.createElement("li");
        option.id = `${this.list.id}-${place}`;
        option.setAttribute("role", "option");
        const name = document.createElement("span");
        name.textContent = this.labels[label];
        const most = document.createElement("span");
        most.className = "number";
        most.textContent = peak > 0 ? number(peak) : "–";
        most.title = "strongest attribution in this map";
        option.append(name, most);
        return option;
      }),
    );
    if (!found.length) this.list.append(Object.assign(document.createElement("li"), { textContent: "No class has this name." }));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.activate(found.length && this.input.value ? 0 : -1);
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.activate(-1);
  }

  activate(place) {
    this.active = place;
    this.input.removeAttribute("aria-activedescendant");
    if (this.list.hidden) return;
    this.shown.forEach((_, index) => this.list.children[index].setAttribute("aria-selected", String(index === place)));
    if (place < 0) return;
    this.input.setAttribute("aria-activedescendant", `${this.list.id}-${place}`);
    this.list.children[place].scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (this.list.hidden) this.open();
      else if (this.shown.length) this.activate((this.active + step + this.shown.length) % this.shown.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!this.list.hidden && this.active >= 0) this.commit(this.shown[this.active]);
      else if (!this.input.value.trim()) this.commit(null);
    } else if (event.key === "Escape") {
      if (this.list.hidden) this.input.blur();
      this.set(this.label);
    }
  }

  /** Leaving an empty box lets go of the class; anything else that was not chosen is taken back. */
  leave() {
    if (!this.input.value.trim() && this.label !== null) this.commit(null);
    else this.set(this.label);
  }
}

/** A number as it is shown: about three digits, a true minus sign. */
function number(value) {
  const size = Math.abs(value);
  const text = size.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
  return value < 0 && Number(text) ? `−${text}` : text;
}
