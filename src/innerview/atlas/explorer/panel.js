// What stands beside the map: the cell that is pointed at or held, and the legend of the veil.
"use strict";

const TOP = 10; // classes of a cell in the list
const ICONS = 32; // tiles kept for enlarged icons

/** What maps speak of: those of a layer of activations, those without one of photographs. */
const WORDS = {
  activations: { one: "activation", many: "activations", caption: "Attribution in logits" },
  photographs: { one: "photograph", many: "photographs", caption: "Class of the photograph" },
};

/** Which of the words a map takes. */
function kindOf(sheet) {
  return sheet.layer ? "activations" : "photographs";
}

/** Say how many there are in a cell, or on a map. */
function counted(sheet, count) {
  const words = WORDS[kindOf(sheet)];
  return `${count.toLocaleString("en")} ${count === 1 ? words.one : words.many}`;
}

function find(id) {
  return document.getElementById(id);
}

class Panel {
  /** `choose(label)` is told when a class in the list is clicked. */
  constructor(atlases, choose) {
    this.atlases = atlases;
    this.choose = choose;
    this.tiles = new Map();
  }

  /** Show a cell of a level, or with -1 that there is none. */
  cell(level, cell, first, second) {
    find("cell-none").hidden = cell >= 0;
    find("cell-shown").hidden = cell < 0;
    if (cell < 0) return;
    const count = level.counts[cell];
    const place = `row ${level.rows[cell] + 1}, column ${level.columns[cell] + 1}`;
    find("cell-count").textContent = counted(level.sheet, count);
    find("cell-place").textContent = place;
    find("top").caption.textContent = WORDS[kindOf(level.sheet)].caption;
    const top = level.top(cell);
    const chosen = [[first, "first"], [second, "second"]].filter(([label]) => label !== null);
    find("chosen").hidden = !chosen.length;
    find("chosen").tBodies[0].replaceChildren(
      ...chosen.map(([label, kind]) => this.row(level, label, level.attribution(cell, label), kind)),
    );
    const rows = top.slice(0, TOP).map(({ label, value }) => this.row(level, label, value, ""));
    find("top").tBodies[0].replaceChildren(...rows);
    this.icon(level, cell, `Icon of the cell at ${place}`);
  }

  /** A class, its attribution (null: not stored) and a bar; all bars of a level share one scale. */
  row(level, label, value, kind) {
    const row = document.createElement("tr");
    row.className = kind;
    const name = document.createElement("button");
    Object.assign(name, { type: "button", textContent: this.atlases.labels[label], title: this.atlases.labels[label] });
    name.addEventListener("click", () => this.choose(label));
    const bar = document.createElement("i");
    const share = value === null || !level.largest ? 0 : Math.max(0, value / level.largest);
    bar.style.inlineSize = `${(100 * share).toFixed(1)}%`;
    const amount = document.createElement("td");
    amount.className = "number";
    amount.textContent = value === null ? "–" : number(value);
    if (value === null) amount.title = `not among the ${level.keep} strongest classes of this cell`;
    const header = document.createElement("th");
    header.scope = "row";
    header.append(name, bar);
    row.append(header, amount);
    return row;
  }

  /** A cell in one sentence, for those who do not see the panel. */
  sentence(level, cell) {
    const top = level.top(cell).slice(0, 3).map(({ label, value }) => `${this.atlases.labels[label]} ${number(value)}`);
    const place = `Row ${level.rows[cell] + 1}, column ${level.columns[cell] + 1} of ${level.density}`;
    return `${place}: ${counted(level.sheet, level.counts[cell])}; ${top.join(", ")}.`;
  }

  /** Cut the icon from its tile; tiles hold whole icons. */
  icon(level, cell, text) {
    const { sheet } = level;
    const many = sheet.tile / sheet.icon;
    const depth = sheet.below + sheet.densities.indexOf(level.density);
    const [row, column] = [level.rows[cell], level.columns[cell]];
    const url = this.atlases.tile(sheet, depth, Math.floor(column / many), Math.floor(row / many));
    const canvas = find("icon");
    canvas.setAttribute("aria-label", text);
    const name = `${url} ${row} ${column}`;
    canvas.dataset.cell = name;
    const image = this.tile(url);
    const draw = () => {
      if (canvas.dataset.cell !== name) return; // another cell is shown by now
      canvas.width = canvas.height = sheet.icon;
      const corner = [(column % many) * sheet.icon, (row % many) * sheet.icon];
      canvas.getContext("2d").drawImage(image, ...corner, sheet.icon, sheet.icon, 0, 0, sheet.icon, sheet.icon);
    };
    if (image.complete && image.naturalWidth) draw();
    else image.addEventListener("load", draw, { once: true });
  }

  tile(url) {
    const image = this.tiles.get(url) ?? Object.assign(new Image(), { src: url });
    this.tiles.delete(url);
    this.tiles.set(url, image); // the last used at the end
    if (this.tiles.size > ICONS) this.tiles.delete(this.tiles.keys().next().value);
    return image;
  }

  /** Say what the veil shows: `full` is the attribution, or the difference, shown in full. */
  legend(level, first, second, full) {
    const legend = find("legend");
    legend.hidden = first === null;
    if (first === null) return;
    const names = [first, second].map((label) => (label === null ? "" : this.atlases.labels[label]));
    legend.dataset.kind = second === null ? "opacity" : "difference";
    const ends = second === null ? ["0", "", number(full)] : [`${names[1]} +${number(full)}`, "0", `${names[0]} +${number(full)}`];
    find("legend-ends").querySelectorAll("span").forEach((end, place) => (end.textContent = ends[place]));
    legend.querySelector("p").textContent = this.meaning(level, names, second !== null, full);
  }

  meaning(level, [first, second], isDifference, full) {
    const grid = `${level.density} × ${level.density}`;
    if (isDifference && !full) return `No cell tells ${first} from ${second} at ${grid}.`;
    if (!full) return `No cell at ${grid} has ${first} among its ${level.keep} strongest classes.`;
    if (kindOf(level.sheet) === "photographs") {
      return isDifference ? `Coloured: photographs of ${first} and of ${second}.` : `In full: photographs of ${first}.`;
    }
    const unit = `${number(full)} logits, the largest at ${grid}`;
    return isDifference ? `Full colour: attributions differ by ${unit}.` : `Full opacity: an attribution of ${unit}.`;
  }
}
