// The numbers of the maps. A page from the file system may not read files, but it may run scripts: each data file is a
// script that calls `receive`.
"use strict";

const arrived = new Map();

function receive(name, value) {
  arrived.set(name, value);
}

/** Why the explorer cannot go on, in words for its reader. */
class Problem extends Error {}

/** Run the script data/NAME.js and resolve to what it hands over. */
function load(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `data/${name}.js`;
    script.onload = () => {
      if (arrived.has(name)) resolve(arrived.get(name));
      else reject(new Problem(`The file data/${name}.js is damaged. Export the atlas again.`));
      arrived.delete(name); // only the decoded arrays are kept
      script.remove();
    };
    script.onerror = () => {
      script.remove();
      reject(new Problem(`The file data/${name}.js is missing. Copy the whole folder, or export the atlas again.`));
    };
    document.head.append(script);
  });
}

function decoded(Kind, text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Kind(bytes.buffer); // little-endian, as are all machines with a browser
}

/** A map at one density. Cells are numbered row by row from the top left. */
class Level {
  constructor(sheet, packed) {
    this.sheet = sheet;
    this.density = packed.density;
    this.keep = packed.keep;
    this.scale = packed.scale;
    this.rows = decoded(Uint16Array, packed.rows);
    this.columns = decoded(Uint16Array, packed.columns);
    this.counts = decoded(Uint32Array, packed.counts);
    this.classes = decoded(Uint16Array, packed.classes);
    this.values = decoded(Int16Array, packed.values);
    this.places = new Int32Array(this.density ** 2).fill(-1);
    for (let cell = 0; cell < this.length; cell++) {
      this.places[this.rows[cell] * this.density + this.columns[cell]] = cell;
    }
    this.largest = this.values.reduce((most, value) => Math.max(most, value), 0) * this.scale;
  }

  get length() {
    return this.counts.length;
  }

  /** The cell at a row and column, or -1. */
  at(row, column) {
    const inside = row >= 0 && column >= 0 && row < this.density && column < this.density;
    return inside ? this.places[row * this.density + column] : -1;
  }

  /** The centre of a cell; the map reaches from 0 to 1. */
  centre(cell) {
    return { x: (this.columns[cell] + 0.5) / this.density, y: (this.rows[cell] + 0.5) / this.density };
  }

  /** The cell around a point, or else the nearest one that is not further than `reach` cells away; -1 for none. */
  near(point, reach) {
    const there = this.at(Math.floor(point.y * this.density), Math.floor(point.x * this.density));
    if (there >= 0 || !reach) return there;
    let best = -1;
    let least = reach;
    for (let cell = 0; cell < this.length; cell++) {
      const centre = this.centre(cell);
      const distance = Math.hypot(centre.x - point.x, centre.y - point.y) * this.density;
      if (distance <= least) [best, least] = [cell, distance];
    }
    return best;
  }

  /** The next cell in a direction: as straight ahead as can be, over gaps where there are some; -1 at the border. */
  next(cell, right, down) {
    let best = -1;
    let least = Infinity;
    for (let other = 0; other < this.length; other++) {
      const x = this.columns[other] - this.columns[cell];
      const y = this.rows[other] - this.rows[cell];
      const ahead = x * right + y * down;
      const aside = Math.abs(x * down) + Math.abs(y * right);
      if (ahead > 0 && aside <= ahead && ahead + 2 * aside < least) [best, least] = [other, ahead + 2 * aside];
    }
    return best;
  }

  /** The strongest classes of a cell: [{label, value}], the strongest first. */
  top(cell) {
    const start = cell * this.keep;
    return Array.from(this.classes.subarray(start, start + this.keep), (label, place) => ({
      label,
      value: this.values[start + place] * this.scale,
    }));
  }

  /** The attribution of a cell to a class, or null where the class is not among the stored ones. */
  attribution(cell, label) {
    const found = this.top(cell).find((entry) => entry.label === label);
    return found ? found.value : null;
  }

  /** The attribution of each cell to a class, 0 where it is not stored. */
  attributions(label) {
    const all = new Float32Array(this.length);
    for (let entry = 0; entry < this.classes.length; entry++) {
      if (this.classes[entry] === label) all[Math.floor(entry / this.keep)] = this.values[entry] * this.scale;
    }
    return all;
  }

  /** The largest attribution of any cell to each class, 0 where there is none above. */
  peaks(count) {
    const peaks = new Float32Array(count);
    for (let entry = 0; entry < this.classes.length; entry++) {
      const value = this.values[entry] * this.scale;
      if (value > peaks[this.classes[entry]]) peaks[this.classes[entry]] = value;
    }
    return peaks;
  }
}

/** All that was exported: labels, maps, and their levels, which are loaded when they are first shown. */
class Atlases {
  constructor(contents) {
    this.sheets = contents.sheets;
    const seen = new Map();
    for (const label of contents.labels) seen.set(label, (seen.get(label) ?? 0) + 1);
    this.labels = contents.labels.map((label, index) => (seen.get(label) > 1 ? `${label} (${index})` : label));
    this.levels = new Map();
  }

  /** Resolve to a level of a sheet. */
  level(sheet, density) {
    const name = `${sheet.name}-${density}`;
    if (!this.levels.has(name)) this.levels.set(name, load(name).then((packed) => new Level(sheet, packed)));
    return this.levels.get(name);
  }

  /** The address of a tile, `depth` counting from the smallest level. */
  tile(sheet, depth, column, row) {
    return `tiles/${sheet.name}/${depth}/${column}_${row}.jpg`;
  }
}
