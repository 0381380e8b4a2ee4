// The map: OpenSeadragon draws the tiles, a canvas above it the veil and the outlines of cells. The whole map reaches
// from 0 to 1 in both directions, whatever its size in pixels.
"use strict";

/** Screen pixels of a cell per pixel of its icon from which on the denser grid is shown. */
const SMALLEST = 0.7;

const MARGIN = 0.02; // around the whole map, as a share of it

/** Milliseconds after which a map is shown although some of its tiles have not come. */
const PATIENCE = 3000;

class AtlasMap {
  /** `told` has functions for what happens: view(), density(number), hover(point), hold(point), problem(text). */
  constructor(element, atlases, told, { isEmbedded, isStill }) {
    this.element = element;
    this.atlases = atlases;
    this.told = told;
    this.isStill = isStill;
    this.sheet = null;
    this.item = null;
    this.veil = null;
    this.outlines = [];
    this.density = 0;
    this.viewer = OpenSeadragon({
      element,
      drawer: "canvas",
      tabIndex: -1, // the element itself takes the focus
      showNavigationControl: false,
      keyboardNavEnabled: false,
      cooperativeGestures: isEmbedded, // a page around this one must scroll on
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsPen: { clickToZoom: false, dblClickToZoom: true },
      animationTime: isStill ? 0 : 0.5,
      springStiffness: 9,
      minZoomImageRatio: 0.8,
      maxZoomPixelRatio: 4,
      visibilityRatio: 0.3,
      smoothTileEdgesMinZoom: Infinity, // it would draw each frame twice
      imageLoaderLimit: 8,
      maxTilesPerFrame: 4,
    });
    this.overlay = document.createElement("canvas");
    this.overlay.className = "overlay";
    this.viewer.canvas.append(this.overlay);
    this.listen();
  }

  listen() {
    this.viewer.addHandler("update-viewport", () => this.paint());
    this.viewer.addHandler("animation-finish", () => this.told.view());
    this.viewer.addHandler("canvas-click", (event) => {
      if (event.quick) this.told.hold(this.pointAt(event.position));
    });
    this.viewer.addHandler("tile-load-failed", ({ tile }) =>
      this.told.problem(`The picture ${tile.getUrl()} is missing. Copy the whole folder, or export the atlas again.`),
    );
    this.element.addEventListener("pointerdown", () => this.element.focus({ preventScroll: true }));
    this.element.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse" || event.buttons) return; // a finger that pans points at nothing
      const frame = this.element.getBoundingClientRect();
      this.told.hover(this.pointAt(new OpenSeadragon.Point(event.clientX - frame.left, event.clientY - frame.top)));
    });
    this.element.addEventListener("pointerleave", () => this.told.hover(null));
  }

  /** Show a sheet where another one may have been; resolves when its tiles are there. */
  show(sheet) {
    this.sheet = sheet;
    const isFirst = !this.item;
    const depth = sheet.below + sheet.densities.length - 1;
    const side = sheet.densities.at(-1) * sheet.icon;
    const tileSource = {
      width: side,
      height: side,
      tileSize: sheet.tile,
      minLevel: 0,
      maxLevel: depth,
      getTileUrl: (level, column, row) => this.atlases.tile(sheet, level, column, row),
    };
    return new Promise((resolve, reject) => {
      const success = ({ item }) => {
        this.item = item;
        let isDone = false;
        const finish = () => {
          if (isDone) return;
          isDone = true;
          if (item === this.item) this.removeOthers(); // otherwise the reader has moved on
          resolve();
        };
        if (isFirst) this.home(true);
        if (isFirst) finish(); // there is nothing to hide what comes in
        else item.whenFullyLoaded(finish);
        setTimeout(finish, PATIENCE);
        this.paint();
      };
      const error = () => reject(new Problem("The map could not be opened."));
      this.viewer.addTiledImage({ tileSource, index: 0, success, error });
    });
  }

  removeOthers() {
    const { world } = this.viewer;
    const items = Array.from({ length: world.getItemCount() }, (_, place) => world.getItemAt(place));
    for (const item of items) if (item !== this.item) world.removeItem(item);
  }

  /** Pixels on the screen from one side of the map to the other. */
  get side() {
    return this.viewer.viewport.deltaPixelsFromPointsNoRotate(new OpenSeadragon.Point(1, 1), true).x;
  }

  /** The density shown at this zoom: the rule by which OpenSeadragon chooses tiles, made to ignore fine screens. */
  densityOf(sheet) {
    const fits = sheet.densities.filter((density) => this.side >= SMALLEST * density * sheet.icon);
    return fits.at(-1) ?? sheet.densities[0];
  }

  /** The point of the map at a pixel of the element. */
  pointAt(position) {
    const point = this.viewer.viewport.pointFromPixel(position, true);
    return { x: point.x, y: point.y };
  }

  paint() {
    if (!this.item) return;
    this.item.minPixelRatio = SMALLEST * OpenSeadragon.pixelDensityRatio;
    const density = this.densityOf(this.sheet);
    if (density !== this.density) {
      this.density = density;
      this.told.density(density);
    }
    const scale = OpenSeadragon.pixelDensityRatio;
    const [width, height] = [this.element.clientWidth * scale, this.element.clientHeight * scale].map(Math.round);
    if (this.overlay.width !== width || this.overlay.height !== height) {
      [this.overlay.width, this.overlay.height] = [width, height];
    }
    const context = this.overlay.getContext("2d");
    context.clearRect(0, 0, width, height);
    const corner = this.viewer.viewport.pixelFromPointNoRotate(new OpenSeadragon.Point(0, 0), true);
    const frame = { left: corner.x * scale, top: corner.y * scale, side: this.side * scale };
    if (this.veil) this.paintVeil(context, frame, width, height);
    this.paintRim(context, frame, 4 * scale);
    for (const outline of this.outlines) this.paintOutline(context, frame, outline, scale);
  }

  /** Only the part in view: what is enlarged beyond the canvas costs time. */
  paintVeil(context, frame, width, height) {
    const density = this.veil.width;
    const cell = frame.side / density;
    const clip = (value) => Math.max(0, Math.min(density, value));
    const [left, top] = [clip(Math.floor(-frame.left / cell)), clip(Math.floor(-frame.top / cell))];
    const right = clip(Math.ceil((width - frame.left) / cell));
    const bottom = clip(Math.ceil((height - frame.top) / cell));
    if (right <= left || bottom <= top) return;
    context.imageSmoothingEnabled = false;
    context.drawImage(
      this.veil, left, top, right - left, bottom - top,
      frame.left + left * cell, frame.top + top * cell, (right - left) * cell, (bottom - top) * cell,
    );
  }

  /** Hide what tiles show of themselves beyond the border: where they are scaled down, up to some pixels. */
  paintRim(context, frame, width) {
    context.lineWidth = width;
    context.strokeStyle = getComputedStyle(this.element).getPropertyValue("--ground");
    context.strokeRect(frame.left - width / 2, frame.top - width / 2, frame.side + width, frame.side + width);
  }

  paintOutline(context, frame, { density, row, column, isHeld }, scale) {
    const cell = frame.side / density;
    const style = getComputedStyle(this.element);
    const width = (isHeld ? 3 : 2) * scale;
    const square = [frame.left + column * cell, frame.top + row * cell, cell, cell];
    context.lineWidth = width + 2 * scale;
    context.strokeStyle = style.getPropertyValue("--ground"); // a rim, so that the line shows on any icon
    context.strokeRect(...square);
    context.lineWidth = width;
    context.strokeStyle = style.getPropertyValue(isHeld ? "--accent" : "--ink");
    context.strokeRect(...square);
  }

  /** Where the view is: its centre, and its zoom as a multiple of that at which the whole map fits. */
  get view() {
    const { x, y } = this.viewer.viewport.getCenter(false);
    return { x, y, zoom: this.viewer.viewport.getZoom(false) / this.viewer.viewport.getHomeZoom() };
  }

  set view({ x, y, zoom }) {
    const viewport = this.viewer.viewport;
    viewport.zoomTo(zoom * viewport.getHomeZoom(), null, true);
    viewport.panTo(new OpenSeadragon.Point(x, y), true);
    viewport.applyConstraints(true);
  }

  home(isAtOnce = false) {
    const rect = new OpenSeadragon.Rect(-MARGIN, -MARGIN, 1 + 2 * MARGIN, 1 + 2 * MARGIN);
    this.viewer.viewport.fitBounds(rect, isAtOnce || this.isStill);
  }

  zoom(factor) {
    this.viewer.viewport.zoomBy(factor, null, this.isStill);
    this.viewer.viewport.applyConstraints(this.isStill);
  }

  /** Move by a share of the view. */
  pan(right, down) {
    const bounds = this.viewer.viewport.getBounds();
    const step = new OpenSeadragon.Point((right * bounds.width) / 4, (down * bounds.height) / 4);
    this.viewer.viewport.panBy(step, this.isStill);
    this.viewer.viewport.applyConstraints(this.isStill);
  }

  /** Bring a point into view if it is outside or near the border. */
  reveal(point) {
    const bounds = this.viewer.viewport.getBounds();
    const isInside = (value, start, length) => value > start + 0.1 * length && value < start + 0.9 * length;
    if (isInside(point.x, bounds.x, bounds.width) && isInside(point.y, bounds.y, bounds.height)) return;
    this.viewer.viewport.panTo(new OpenSeadragon.Point(point.x, point.y), this.isStill);
  }
}
