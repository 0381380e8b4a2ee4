// The explorer: what is chosen, and who is told when that changes.
"use strict";

const PAUSE = 250; // milliseconds without movement after which the address is written

class Explorer {
  constructor(contents) {
    const isEmbedded = window.top !== window;
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.atlases = new Atlases(contents);
    this.sheet = null;
    this.level = null; // that the veil shows
    this.labels = { first: null, second: null };
    this.held = null; // a point of the map
    this.hovered = null; // the last point that was pointed at
    this.isOver = false;
    this.asked = this.restored = 0; // count what was asked for, so that only the last answer is used
    this.map = new AtlasMap(find("map"), this.atlases, this.told(), { isEmbedded, isStill });
    this.panel = new Panel(this.atlases, (label) => this.chooseClass("first", label));
    this.link = new Link((view) => this.restore(view).catch(report), isEmbedded);
    for (const kind of ["first", "second"]) this[kind] = this.search(kind);
    this.fillSheets();
    this.listen(isEmbedded);
    listenToKeys(this);
  }

  told() {
    return {
      view: () => this.write(false),
      density: () => this.refresh().catch(report),
      hover: (point) => this.hover(point),
      hold: (point) => this.hold(point),
      problem: (text) => report(new Problem(text)),
    };
  }

  search(kind) {
    return new ClassSearch(find(`${kind}-search`), {
      id: kind,
      labels: this.atlases.labels,
      placeholder: kind === "first" ? "Any class" : "No other class",
      peaks: () => this.level?.peaks(this.atlases.labels.length) ?? [],
      choose: (label) => this.chooseClass(kind, label),
    });
  }

  fillSheets() {
    const groups = new Map();
    this.atlases.sheets.forEach((sheet) => {
      const group = groups.get(sheet.group) ?? Object.assign(document.createElement("optgroup"), { label: sheet.group });
      groups.set(sheet.group, group);
      group.append(new Option(sheet.title, sheet.name));
    });
    const hasOne = groups.size === 1; // a heading over everything says nothing
    find("sheet").append(...(hasOne ? [...[...groups.values()][0].children] : groups.values()));
  }

  listen(isEmbedded) {
    find("sheet").addEventListener("change", (event) => this.open(event.target.value, true).catch(report));
    find("choices").addEventListener("submit", (event) => event.preventDefault());
    find("zoom-in").addEventListener("click", () => this.map.zoom(2));
    find("zoom-out").addEventListener("click", () => this.map.zoom(0.5));
    find("zoom-home").addEventListener("click", () => this.map.home());
    find("help-open").addEventListener("click", () => find("help").showModal());
    find("copy").addEventListener("click", () => this.copy());
    find("full").hidden = !isEmbedded;
    find("full").addEventListener("click", (event) => (event.currentTarget.href = location.href));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.drape());
  }

  /** Begin with what the address says. */
  async start() {
    await this.restore(this.link.read());
    find("map").classList.add("ready");
  }

  /** Show a view as `write` put it down; what it does not say, or says wrongly, is as at the start. */
  async restore(view) {
    const mine = ++this.restored;
    const inRange = (text) => (/^\d+$/.test(text ?? "") && Number(text) < this.atlases.labels.length ? Number(text) : null);
    this.labels = { first: inRange(view.class), second: inRange(view.against) };
    const cell = /^(\d+)\.(\d+)\.(\d+)$/.exec(view.cell ?? "");
    const [density, row, column] = cell ? cell.slice(1).map(Number) : [];
    this.held = cell && density > 0 ? { x: (column + 0.5) / density, y: (row + 0.5) / density } : null;
    this.showLabels();
    const sheet = this.atlases.sheets.find(({ name }) => name === view.map) ?? this.atlases.sheets[0];
    await this.open(sheet.name, false);
    if (mine !== this.restored) return; // the reader has gone further
    const place = { x: Number(view.x), y: Number(view.y), zoom: Number(view.zoom) };
    if (Object.values(place).every((value) => Number.isFinite(value)) && place.zoom > 0) this.map.view = place;
    else this.map.home(true);
    this.map.paint();
    await this.refresh();
  }

  /** Show a sheet; a switch within a group keeps the place. */
  async open(name, isStep) {
    const sheet = this.atlases.sheets.find((one) => one.name === name);
    const before = this.sheet;
    if (sheet === before) return;
    this.sheet = sheet;
    find("sheet").value = name;
    const opened = this.map.show(sheet);
    if (isStep && before && before.group !== sheet.group) {
      this.held = this.hovered = null;
      this.map.home(true);
    }
    await opened;
    await this.refresh();
    if (isStep) this.write(true);
  }

  /** Bring the numbers of the density now shown, and show all that depends on them. */
  async refresh() {
    const mine = ++this.asked;
    const { sheet } = this;
    const density = this.map.densityOf(sheet);
    const level = await this.atlases.level(sheet, density);
    if (mine !== this.asked) return; // the reader has moved on
    this.level = level;
    this.drape();
    const total = counted(sheet, level.counts.reduce((sum, count) => sum + count, 0));
    for (const part of document.querySelectorAll("#help [data-kind]")) part.hidden = part.dataset.kind !== kindOf(sheet);
    find("help-keep").textContent = `${level.keep} a cell`;
    const isNamed = sheet.title.toLowerCase().includes(sheet.layer.toLowerCase());
    const layer = isNamed ? "" : `${sheet.layer} · `;
    find("status").textContent = `${layer}${density} × ${density} · ${level.length.toLocaleString("en")} cells · ${total}`;
    const denser = sheet.densities[sheet.densities.indexOf(density) + 1];
    if (denser) setTimeout(() => this.atlases.level(sheet, denser).catch(report), PAUSE);
  }

  /** Lay the veil for the level and the classes over the map. */
  drape() {
    if (!this.level) return;
    const style = getComputedStyle(document.documentElement);
    const colours = Object.fromEntries(
      ["ground", "first", "second"].map((name) => [name, rgb(style.getPropertyValue(`--${name}`))]),
    );
    const { first, second } = this.labels;
    const { canvas, full } = veil(this.level, first, second, colours);
    this.map.veil = canvas;
    this.panel.legend(this.level, first, second, full);
    this.showCell();
  }

  chooseClass(kind, label) {
    this.labels[kind] = label;
    if (this.labels.first === null) [this.labels.first, this.labels.second] = [this.labels.second, null];
    if (this.labels.first === this.labels.second) this.labels.second = null;
    this.showLabels();
    this.drape();
    this.write(true);
  }

  showLabels() {
    this.first.set(this.labels.first);
    this.second.set(this.labels.second);
    this.second.input.disabled = this.labels.first === null;
  }

  hover(point) {
    this.isOver = point !== null;
    if (point) this.hovered = point;
    this.showCell();
  }

  hold(point) {
    const cell = this.level?.near(point, 0) ?? -1;
    this.held = cell < 0 ? null : this.level.centre(cell);
    this.showCell();
    this.say();
    this.write(true);
  }

  /** The cells that are pointed at and held, -1 for none. The last one pointed at stays while none is held. */
  cells() {
    if (!this.level) return { held: -1, hovered: -1 };
    const held = this.held ? this.level.near(this.held, 1.5) : -1; // at another density it may have moved a little
    const isHovered = this.hovered && (this.isOver || held < 0);
    return { held, hovered: isHovered ? this.level.near(this.hovered, 0) : -1 };
  }

  showCell() {
    if (!this.level) return;
    const { held, hovered } = this.cells();
    const cell = hovered >= 0 ? hovered : held;
    const { first, second } = this.labels;
    const key = [this.level.sheet.name, this.level.density, cell, held, first, second, this.isOver].join();
    if (key !== this.shownKey) this.panel.cell(this.level, cell, first, second);
    this.shownKey = key;
    const outline = (one, isHeld) => ({
      density: this.level.density, row: this.level.rows[one], column: this.level.columns[one], isHeld,
    });
    this.map.outlines = [[hovered, false], [held, true]].filter(([one]) => one >= 0).map((one) => outline(...one));
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.map.paint();
    });
  }

  /** Say the cell that is held to those who listen. */
  say() {
    const { held } = this.cells();
    find("said").textContent = held < 0 ? "No cell is held." : this.panel.sentence(this.level, held);
  }

  /** Hold the next cell in a direction; the first time, that in the middle of the view. */
  move(right, down) {
    if (!this.level) return;
    const { held } = this.cells();
    const cell = held < 0 ? this.level.near(this.map.view, Infinity) : this.level.next(held, right, down);
    if (cell < 0) return;
    this.hovered = null;
    this.hold(this.level.centre(cell));
    this.map.reveal(this.held);
  }

  /** Show the map before or after this one. */
  step(step) {
    const { sheets } = this.atlases;
    const place = (sheets.indexOf(this.sheet) + step + sheets.length) % sheets.length;
    if (sheets.length > 1) this.open(sheets[place].name, true).catch(report);
  }

  /** Let go of the cell, or else of the classes. */
  letGo() {
    if (this.held || this.hovered) {
      this.held = this.hovered = null;
      this.showCell();
      this.say();
      this.write(true);
    } else if (this.labels.first !== null) {
      this.labels.second = null;
      this.chooseClass("first", null);
    }
  }

  /** Put the view into the address: a step at once, movements when they have ended. */
  write(isStep) {
    clearTimeout(this.timer);
    const put = () => this.link.write(this.written(), isStep);
    if (isStep) put();
    else this.timer = setTimeout(put, PAUSE);
  }

  written() {
    const { x, y, zoom } = this.map.view;
    const { held } = this.cells();
    const { density, rows, columns } = this.level ?? {};
    return {
      map: this.sheet.name,
      x: x.toFixed(5),
      y: y.toFixed(5),
      zoom: zoom.toFixed(4),
      class: this.labels.first,
      against: this.labels.second,
      cell: held < 0 ? null : `${density}.${rows[held]}.${columns[held]}`,
    };
  }

  async copy() {
    this.link.write(this.written(), false);
    const isCopied = await this.link.copy();
    find("copy").textContent = isCopied ? "Copied" : "Copy the address";
    find("said").textContent = isCopied ? "The link is copied." : "Copy the link from the address bar.";
    setTimeout(() => (find("copy").textContent = "Copy link"), 2000);
  }
}

/** Say in the page what is wrong. */
function report(error) {
  const text = error instanceof Problem ? error.message : `Something went wrong in this page: ${error?.message ?? error}`;
  find("problem").textContent = text;
  find("problem").hidden = false;
}

window.addEventListener("error", (event) => report(event.error ?? event));
window.addEventListener("unhandledrejection", (event) => report(event.reason));

function begin() {
  const contents = arrived.get("contents");
  if (!contents) return report(new Problem("The file data/contents.js is missing or damaged. Export the atlas again."));
  if (!window.OpenSeadragon) return report(new Problem("The file openseadragon.min.js is missing. Copy the whole folder."));
  window.explorer = new Explorer(contents);
  return window.explorer.start().catch(report);
}

begin();
