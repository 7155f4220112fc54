// Lines over the last minutes, drawn as SVG.
import { span, text } from "./readings.js";

const svgNamespace = "http://www.w3.org/2000/svg";

function svg(tag, attributes = {}) {
  const element = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// The next of 1, 2, 2.5, 5 times a power of ten (or of two, for bytes).
function niceCeiling(value, binary) {
  if (value <= 0) return 0;
  const power = binary
    ? 2 ** (10 * Math.floor(Math.log2(value) / 10))
    : 10 ** Math.floor(Math.log10(value));
  const steps = binary ? [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] : [1, 2, 2.5, 5, 10];
  return power * steps.find((step) => step * power >= value * 0.9999);
}

// Runs of neighbouring points without a gap.
function runs(points) {
  const all = [];
  let run = [];
  for (const point of points) {
    if (point[1] === null) {
      if (run.length) all.push(run);
      run = [];
    } else {
      run.push(point);
    }
  }
  if (run.length) all.push(run);
  return all;
}

export class Chart {
  // options: series: [{ name, colour }], format, axis (the same for the scale), small, floor (the least top of the scale),
  // fromZero (false: the scale begins below the least value), binary
  constructor(options) {
    this.options = { floor: 0, fromZero: true, ...options };
    this.element = document.createElement("div");
    this.element.className = options.small ? "chart small" : "chart";
    this.drawing = svg("svg", { role: "img" });
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    this.element.append(this.drawing, this.tip);
    this.lines = [];
    this.pointer = null;
    if (!options.small) {
      this.element.addEventListener("pointermove", (event) => this.#point(event.offsetX));
      this.element.addEventListener("pointerleave", () => this.#point(null));
    }
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  // lines: for each series [[time, value or null], …]; the window is [end - seconds, end].
  show(lines, end, seconds) {
    this.lines = lines;
    this.end = end;
    this.seconds = seconds;
    this.#draw();
  }

  #scale() {
    const values = this.lines.flat().map(([, value]) => value).filter((value) => value !== null);
    const most = values.length ? Math.max(...values) : 0;
    const top = niceCeiling(Math.max(most, this.options.floor), this.options.binary) || 1;
    if (this.options.fromZero || values.length === 0) return { bottom: 0, top };
    const least = Math.min(...values);
    const margin = Math.max((most - least) * 0.2, most * 0.02, 1e-9);
    return { bottom: Math.max(0, least - margin), top: most + margin };
  }

  #draw() {
    const width = this.element.clientWidth;
    const height = this.element.clientHeight;
    if (!width || !height) return;
    const small = this.options.small;
    const { bottom, top } = this.#scale();
    const labels = small ? [] : [bottom, (bottom + top) / 2, top].map((value) =>
      text((this.options.axis ?? this.options.format)(value)));
    const gutter = 8 + 6.4 * Math.max(0, ...labels.map((label) => label.length));
    const area = small
      ? { left: 0, right: width, top: 2, bottom: height - 1 }
      : { left: gutter, right: width, top: 8, bottom: height - 18 };
    this.x = (time) =>
      area.right - ((this.end - time) / this.seconds) * (area.right - area.left);
    this.y = (value) =>
      area.bottom - ((value - bottom) / (top - bottom)) * (area.bottom - area.top);
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const parts = small ? [] : this.#frame(area, labels);
    this.lines.forEach((line, i) => parts.push(...this.#line(line, i, area)));
    if (this.pointer !== null) parts.push(...this.#cursor(area));
    this.drawing.replaceChildren(...parts);
    this.drawing.setAttribute("aria-label", this.#description());
  }

  #frame(area, labels) {
    const parts = labels.flatMap((label, i) => {
      const y = Math.round(area.bottom - (i / 2) * (area.bottom - area.top)) + 0.5;
      const written = svg("text", { x: area.left - 8, y: y + 4, "text-anchor": "end" });
      written.textContent = label;
      return [
        svg("line", { class: "grid", x1: area.left, x2: area.right, y1: y, y2: y }),
        written,
      ];
    });
    const begin = svg("text", { x: area.left, y: area.bottom + 15 });
    begin.textContent = `${span(this.seconds)} ago`;
    const now = svg("text", { x: area.right, y: area.bottom + 15, "text-anchor": "end" });
    now.textContent = "now";
    return [...parts, begin, now];
  }

  #line(points, index, area) {
    const { colour } = this.options.series[index];
    const shown = points.filter(([time]) => time >= this.end - this.seconds);
    return runs(shown).flatMap((run) => {
      const at = run.map(([time, value]) => `${this.x(time).toFixed(1)},${this.y(value).toFixed(1)}`);
      // A single point between gaps is a dot: a line of no length with round ends.
      const path = at.length === 1 ? `M${at[0]}h0.01` : `M${at.join("L")}`;
      const line = svg("path", { class: `line series-${colour}`, d: path });
      if (this.lines.length > 1) return [line];
      const first = this.x(run[0][0]).toFixed(1);
      const last = this.x(run[run.length - 1][0]).toFixed(1);
      const under = `M${first},${area.bottom}L${at.join("L")}L${last},${area.bottom}Z`;
      return [svg("path", { class: `area series-${colour}`, d: under }), line];
    });
  }

  #point(x) {
    this.pointer = x;
    if (x === null) this.tip.hidden = true;
    this.#draw();
  }

  #cursor(area) {
    const points = this.lines[0] ?? [];
    const distance = (i) => Math.abs(this.x(points[i][0]) - this.pointer);
    let nearest = -1;
    points.forEach(([, value], i) => {
      if (value !== null && (nearest < 0 || distance(i) < distance(nearest))) nearest = i;
    });
    this.tip.hidden = nearest < 0;
    if (nearest < 0) return [];
    const time = points[nearest][0];
    const said = this.options.series.map(({ name }, i) => {
      const value = text(this.options.format(this.lines[i][nearest]?.[1] ?? null));
      return name ? `${name} ${value}` : value;
    });
    const ago = Math.round(this.end - time);
    this.tip.textContent = `${said.join(" · ")}  (${ago === 0 ? "now" : `${ago} s ago`})`;
    const x = this.x(time);
    const most = this.element.clientWidth - this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(most, x - this.tip.offsetWidth / 2))}px`;
    return [svg("line", { class: "cursor", x1: x, x2: x, y1: area.top, y2: area.bottom })];
  }

  #description() {
    return this.options.series.map(({ name }, i) => {
      const last = this.lines[i]?.[this.lines[i].length - 1];
      return `${name ?? this.options.title ?? ""} ${text(this.options.format(last ? last[1] : null))}`;
    }).join(", ");
  }
}
