// The veil: one pixel for each place of the grid, laid over the tiles without smoothing. It hides the places that have
// no cell, fades the cells by their attribution to a class, and tints them when two classes are compared. One small
// picture is drawn once a frame whatever the number of cells.
"use strict";

/** Opacity of a cell without any attribution to the chosen class: the shape of the map stays visible. */
const FAINTEST = 0.08;

/** Opacity of the tint on the cell that differs most. */
const TINT = 0.5;

/** A colour such as "#1a2b3c" or "rgb(1, 2, 3)" as [red, green, blue]. */
function rgb(colour) {
  const hex = /^#(..)(..)(..)$/.exec(colour.trim());
  return hex ? hex.slice(1).map((part) => parseInt(part, 16)) : colour.match(/\d+/g).slice(0, 3).map(Number);
}

/** What is laid over the map at a level.
 *
 * `colours` has the colours `ground`, `first` and `second` as [red, green, blue]. Returns {canvas, full}: `full` is the
 * attribution, or the difference of two, that is shown in full.
 */
function veil(level, first, second, colours) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = level.density;
  const context = canvas.getContext("2d");
  const image = context.createImageData(level.density, level.density);
  for (let place = 0; place < level.places.length; place++) {
    if (level.places[place] < 0) image.data.set([...colours.ground, 255], 4 * place);
  }
  const full = first === null ? 0 : fade(image.data, level, first, second, colours);
  context.putImageData(image, 0, 0);
  return { canvas, full };
}

function fade(pixels, level, first, second, colours) {
  const amounts = level.attributions(first);
  if (second !== null) {
    const others = level.attributions(second);
    for (let cell = 0; cell < level.length; cell++) amounts[cell] -= others[cell];
  }
  const full = amounts.reduce((most, amount) => Math.max(most, second === null ? amount : Math.abs(amount)), 0);
  for (let cell = 0; cell < level.length; cell++) {
    const share = full > 0 ? amounts[cell] / full : 0;
    const pixel = second === null ? opacityPixel(share, colours) : differencePixel(share, colours);
    pixels.set(pixel, 4 * (level.rows[cell] * level.density + level.columns[cell]));
  }
  return full;
}

/** The ground, as thick as the attribution is weak. */
function opacityPixel(share, colours) {
  const opacity = FAINTEST + (1 - FAINTEST) * Math.max(0, share);
  return [...colours.ground, Math.round(255 * (1 - opacity))];
}

/** From the ground (no difference) to a thin layer of one class's colour (the largest difference). */
function differencePixel(share, colours) {
  const strength = Math.abs(share);
  const hue = share > 0 ? colours.first : colours.second;
  const cover = (1 - FAINTEST) * (1 - strength); // the ground's part
  const tint = TINT * Math.sqrt(strength); // the hue's part; weak differences must already show a hue
  const alpha = cover + tint * (1 - cover);
  const mixed = colours.ground.map((ground, channel) =>
    Math.round((hue[channel] * tint + ground * cover * (1 - tint)) / (tint + cover * (1 - tint))),
  );
  return [...mixed, Math.round(255 * alpha)];
}
