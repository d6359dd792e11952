"use strict";
// The Mandelbrot set, computed by a map: an item a tile. Tiles are painted as they complete.

class Fractal {
  static home = { x: -0.65, y: 0, width: 3.6 };

  // Where pictures lose their detail to the precision of a double.
  static closest = 1e-13;

  /** @param onView called when the view has changed and its tiles are wanted. */
  constructor(onView) {
    [this.root, this.parts] = instantiate("fractal");
    this.onView = onView;
    this.canvas = this.parts.canvas;
    this.context = this.canvas.getContext("2d");
    this.view = { ...Fractal.home };
    this.tiles = new Map();
    this.pointers = new Map();
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.canvas);
  }

  /** Units of the complex plane in one device pixel. */
  get pitch() {
    return this.view.width / this.canvas.width;
  }

  /** The request whose tiles cover the view. */
  request() {
    // Two samples a CSS pixel, on any screen: where it has fewer, they are averaged, and fine detail does not glitter.
    const size = 128;
    const columns = Math.ceil((2 * this.canvas.clientWidth) / size);
    const rows = Math.ceil((2 * this.canvas.clientHeight) / size);
    const zoom = Math.log2(Fractal.home.width / this.view.width);
    const common = {
      centerX: this.view.x,
      centerY: this.view.y,
      scale: (this.view.width / (2 * this.canvas.clientWidth)) * columns * size,
      columns,
      rows,
      size,
      maxIterations: Math.round(Math.min(20_000, 400 + 140 * Math.max(0, zoom) ** 1.15)),
    };
    const items = [];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) items.push({ ...common, column, row });
    }

    // From the middle outwards: that is where one looks.
    const distance = ({ column, row }) => Math.hypot(column - (columns - 1) / 2, row - (rows - 1) / 2);
    items.sort((a, b) => distance(a) - distance(b));
    return { items, chunkSize: 1, ordered: false, timeline: true };
  }

  /** Begins a picture. What was there stays beneath it, moved and scaled, until the tiles come. */
  begin(items) {
    const first = items[0];
    if (!(first?.size > 0 && first.columns > 0 && first.rows > 0 && first.columns * first.size <= 8192 && first.rows * first.size <= 8192)) return;
    const pitch = first.scale / (first.columns * first.size);
    const width = pitch * 2 * this.canvas.clientWidth;

    // The request has been edited: look where it looks.
    if (Math.abs(width / this.view.width - 1) > 1e-6 || first.centerX !== this.view.x || first.centerY !== this.view.y) {
      this.view = { x: first.centerX, y: first.centerY, width };
    }
    const bitmap = new OffscreenCanvas(first.columns * first.size, first.rows * first.size);
    const picture = { bitmap, context: bitmap.getContext("2d"), x: first.centerX, y: first.centerY, pitch };
    if (this.picture) this.place(picture.context, bitmap.width, bitmap.height, picture, this.picture);
    this.picture = picture;
    this.items = items;
    this.tiles.clear();
    this.draw();
  }

  /** Paints a tile. */
  paint(index, tile) {
    const item = this.items[index];
    const bytes = Uint8Array.from(atob(tile.iterations), (character) => character.charCodeAt(0));
    const iterations = new Uint16Array(bytes.buffer);
    const { size } = tile;
    const image = new ImageData(size, size);
    const pixels = new Uint32Array(image.data.buffer);
    const pitch = item.scale / (item.columns * item.size);
    const left = item.centerX + (tile.column * size + 0.5 - (item.columns * size) / 2) * pitch;
    const top = item.centerY - (tile.row * size + 0.5 - (item.rows * size) / 2) * pitch;
    const most = item.maxIterations ?? 1000;
    for (let y = 0, i = 0; y < size; y++) {
      for (let x = 0; x < size; x++, i++) {
        const n = iterations[i];
        pixels[i] = n >= most ? Fractal.inside : colour(n <= 100 ? smooth(left + x * pitch, top - y * pitch, n) : n + 0.5);
      }
    }
    this.picture.context.putImageData(image, tile.column * size, tile.row * size);
    this.isPainted = true;
    this.tiles.set(index, { column: tile.column, row: tile.row, size });
    this.draw();
  }

  /** Tells which worker computed some tiles. */
  credit({ from, count, worker }) {
    for (let i = from; i < from + count; i++) {
      const tile = this.tiles.get(i);
      if (tile) tile.worker = worker;
    }
    this.draw();
  }

  draw() {
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = undefined;
      const { canvas, context, picture } = this;
      context.clearRect(0, 0, canvas.width, canvas.height);
      if (picture) this.place(context, canvas.width, canvas.height, { ...this.view, pitch: this.pitch }, picture);
      if (picture && this.parts.workers.checked) this.drawWorkers();
      const zoom = Fractal.home.width / this.view.width;
      this.parts.where.textContent = `${this.tiles.size} of ${this.items?.length ?? 0} tiles, ×${zoom < 1000 ? +zoom.toPrecision(3) : zoom.toExponential(1)}`;
      canvas.setAttribute("aria-label", `The Mandelbrot set around ${this.view.x.toPrecision(6)} ${this.view.y < 0 ? "−" : "+"} ${Math.abs(this.view.y).toPrecision(6)}i, ${zoom.toPrecision(3)} times enlarged`);
      canvas.dataset.tiles = this.tiles.size;
      this.root.classList.toggle("blank", !this.isPainted);
    });
  }

  /** Draws a picture of one part of the plane into a context that shows another. */
  place(context, width, height, to, picture) {
    const scale = picture.pitch / to.pitch;
    const w = picture.bitmap.width * scale;
    const h = picture.bitmap.height * scale;
    let left = (width - w) / 2 + (picture.x - to.x) / to.pitch;
    let top = (height - h) / 2 - (picture.y - to.y) / to.pitch;

    // Pixel on pixel, where nothing is scaled: half a pixel off would blur it all.
    if (Math.abs(scale - 1) < 1e-6) [left, top] = [Math.round(left), Math.round(top)];
    context.imageSmoothingQuality = "high";
    context.drawImage(picture.bitmap, left, top, w, h);
  }

  drawWorkers() {
    const { context, picture } = this;
    const scale = picture.pitch / this.pitch;
    const left = (this.canvas.width - picture.bitmap.width * scale) / 2 + (picture.x - this.view.x) / this.pitch;
    const top = (this.canvas.height - picture.bitmap.height * scale) / 2 - (picture.y - this.view.y) / this.pitch;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const { column, row, size, worker } of this.tiles.values()) {
      if (worker === undefined) continue;
      const edge = size * scale;
      const [x, y] = [left + column * edge, top + row * edge];
      context.fillStyle = `hsl(${Fractal.hue(worker)} 90% 55% / 38%)`;
      context.fillRect(x + 1, y + 1, edge - 2, edge - 2);

      // The number too: colours alone do not tell everybody.
      context.font = `600 ${Math.max(10, edge / 4)}px system-ui, sans-serif`;
      context.lineWidth = edge / 20;
      context.strokeStyle = "rgb(0 0 0 / 60%)";
      context.strokeText(worker, x + edge / 2, y + edge / 2);
      context.fillStyle = "white";
      context.fillText(worker, x + edge / 2, y + edge / 2);
    }
  }

  static hue(worker) {
    return (205 + worker * 137.5) % 360;
  }

  /** Moves by a part of the view, zooms about a point of the canvas (in device pixels). */
  change({ dx = 0, dy = 0, factor = 1, at = [this.canvas.width / 2, this.canvas.height / 2] }) {
    const { view, canvas, pitch } = this;
    const bounded = Math.min(20, Math.max(Fractal.closest, view.width / factor)) / view.width;
    const offset = [(at[0] - canvas.width / 2) * pitch, (canvas.height / 2 - at[1]) * pitch];
    view.x += offset[0] * (1 - bounded) - dx * pitch;
    view.y += offset[1] * (1 - bounded) + dy * pitch;
    view.width *= bounded;
    this.draw();
    this.wanted();
  }

  show(view) {
    this.view = { ...view };
    this.draw();
    this.wanted();
  }

  /** A gesture is many changes: the tiles are asked for when it pauses, unless another operation was chosen meanwhile. */
  wanted() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.canvas.clientWidth && this.onView(), 120);
  }

  resize() {
    const width = Math.round(this.canvas.clientWidth * devicePixelRatio);
    const height = Math.round(this.canvas.clientHeight * devicePixelRatio);
    if (!width || (width === this.canvas.width && height === this.canvas.height)) return;
    [this.canvas.width, this.canvas.height] = [width, height];
    this.draw();
    if (this.picture) this.wanted();
  }

  listen() {
    const { canvas, pointers } = this;
    const { in: zoomIn, out, reset, workers } = this.parts;
    zoomIn.addEventListener("click", () => this.change({ factor: 2 }));
    out.addEventListener("click", () => this.change({ factor: 0.5 }));
    reset.addEventListener("click", () => this.show(Fractal.home));
    workers.addEventListener("change", () => {
      this.root.closest(".panel").classList.toggle("hued", workers.checked);
      this.draw();
    });
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) * devicePixelRatio, (event.clientY - box.top) * devicePixelRatio];
    };
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.change({ factor: Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), at: place(event) });
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => this.change({ factor: 2.5, at: place(event) }));
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const now = place(event);
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      pointers.set(event.pointerId, now);
      if (other) {
        // Two fingers: the middle between them moves, and their distance zooms.
        const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
        const distance = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
        this.change({ dx: (now[0] - before[0]) / 2, dy: (now[1] - before[1]) / 2 });
        this.change({ factor: distance(now) / Math.max(1, distance(before)), at: middle });
      } else {
        this.change({ dx: now[0] - before[0], dy: now[1] - before[1] });
      }
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
    canvas.addEventListener("keydown", (event) => {
      const step = canvas.width / 6;
      const change = {
        ArrowLeft: { dx: step }, ArrowRight: { dx: -step }, ArrowUp: { dy: step }, ArrowDown: { dy: -step },
        "+": { factor: 1.6 }, "=": { factor: 1.6 }, "-": { factor: 1 / 1.6 },
      }[event.key];
      if (!change || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.change(change);
    });
  }
}

// The number of steps with a fraction, so that colours run into one another. It takes the orbit itself, which the response does not
// have. Bands are wide only where steps are few, and few steps are quickly computed again.
function smooth(cx, cy, n) {
  let x = 0;
  let y = 0;
  let i = 0;
  for (; i < n + 4; i++) {
    const xx = x * x;
    const yy = y * y;
    if (xx + yy > 1e9) break;
    y = 2 * x * y + cy;
    x = xx - yy + cx;
  }
  return i + 1 - Math.log2(Math.log2(Math.max(2.1, Math.hypot(x, y))));
}

/** Night, sea, light, amber and back again; in between, colours are mixed. */
const PALETTE = (() => {
  const stops = [[0, 6, 14, 38], [0.16, 22, 62, 142], [0.36, 74, 164, 222], [0.5, 244, 250, 240], [0.64, 255, 190, 70], [0.8, 188, 62, 28], [0.92, 52, 12, 42], [1, 6, 14, 38]];
  const size = 2048;
  const colours = new Uint32Array(size);
  for (let i = 0, stop = 0; i < size; i++) {
    const at = i / size;
    while (stops[stop + 1][0] <= at) stop++;
    const [[from, ...a], [to, ...b]] = [stops[stop], stops[stop + 1]];
    const t = (at - from) / (to - from);
    const ease = t * t * (3 - 2 * t);
    const [red, green, blue] = a.map((value, channel) => Math.round(value + (b[channel] - value) * ease));
    colours[i] = (255 << 24) | (blue << 16) | (green << 8) | red;
  }
  return colours;
})();

Fractal.inside = (255 << 24) | (16 << 16) | (8 << 8) | 6;

function colour(steps) {
  // The root makes the first bands broad and keeps those near the edge, where steps are many, from turning into noise.
  return PALETTE[Math.floor(PALETTE.length * 0.1 * Math.sqrt(Math.max(0, steps))) % PALETTE.length];
}
