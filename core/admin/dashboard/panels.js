// The parts of the page, each with one way to bring it up to date.
import { Chart } from "./charts.js";
import * as readings from "./readings.js";

export const byId = (id) => document.getElementById(id);

// An element with attributes and children; text is always text, never markup.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function setValue(element, [number, unit]) {
  element.replaceChildren(number, ...(unit ? [make("small", {}, unit)] : []));
}

// A card with a title, one large value, a chart and a line of explanation.
export class Figure {
  // read(reading, before) gives the value; `over` is how many seconds lie between the two.
  constructor({ title, help = "", read, over = 1, format, colour = "accent", small = true,
    note = () => "", alarming = () => false, ...chart }) {
    Object.assign(this, { read, over, format, note, alarming });
    this.value = make("div", { class: "value" });
    this.noted = make("div", { class: "note" });
    this.chart = new Chart({ series: [{ colour }], format, small, title, ...chart });
    this.element = make("article", { class: "card figure", title: help },
      make("h3", {}, title), this.value, this.chart.element, this.noted);
  }

  update(history) {
    const line = history.series(this.read, this.over);
    const [time, value] = line[line.length - 1];
    setValue(this.value, this.format(value));
    this.value.classList.toggle("bad", this.alarming(value));
    this.chart.show([line], time, history.window());
    this.noted.textContent = this.note(history.latest(), history);
  }
}

// A card with several lines in one chart; its legend shows their last values.
export class Lines {
  // series: [{ name, colour, read }]
  constructor({ title, series, over, format, note = () => "" }) {
    Object.assign(this, { series, over, format, note });
    this.values = series.map(() => make("b"));
    this.noted = make("div", { class: "note" });
    this.chart = new Chart({ series, format, title });
    const legend = make("div", { class: "legend" }, ...series.map(({ name, colour }, i) =>
      make("span", { class: `series-${colour}` }, `${name} `, this.values[i])));
    this.element = make("article", { class: "card figure" },
      make("h3", {}, title), legend, this.chart.element, this.noted);
  }

  update(history) {
    const lines = this.series.map(({ read }) => history.series(read, this.over));
    lines.forEach((line, i) => {
      this.values[i].textContent = readings.text(this.format(line[line.length - 1][1]));
    });
    this.chart.show(lines, history.latest().uptime, history.window());
    this.noted.textContent = this.note(history.latest());
  }
}

export function showChecks(stats) {
  byId("checks").replaceChildren(...stats.checks.map(({ name, ok, failure }) => {
    const mark = make("span", { "aria-hidden": "true" }, ok ? "✓" : "✕");
    const said = ok ? name : make("span", {}, make("b", {}, name), `: ${failure}`);
    return make("div", { class: ok ? "check" : "check bad" }, mark, said);
  }));
}

// Counters as a list: what, how many, how fast.
export class Counters {
  constructor(element) {
    this.element = element;
    this.rows = new Map();
  }

  update(history, families, title) {
    const latest = history.latest();
    const before = history.before(history.readings.length - 1, 4.5);
    for (const { name, help } of families) {
      if (!this.rows.has(name)) {
        const row = { value: make("span"), rate: make("span", { class: "rate" }) };
        this.rows.set(name, row);
        this.element.append(make("div", { title: help },
          make("span", { class: "label" }, title(name)), row.value, row.rate));
      }
      const row = this.rows.get(name);
      row.value.textContent = readings.text(readings.count(latest.value(name)));
      const speed = readings.rate(latest, before, name);
      row.rate.textContent = speed ? readings.text(readings.perSecond(speed)) : "";
    }
  }
}

// --- what roles add to /stats, whatever it is ---

function shown(value) {
  if (value === null) return "–";
  if (typeof value === "number") return readings.text(readings.count(value));
  if (isObject(value)) return Object.entries(value).map(([name, one]) => `${name} ${shown(one)}`).join(", ");
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

function tableOf(rows) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value) => make("td", typeof value === "number" ? { class: "number" } : {},
    value === undefined ? "" : shown(value));
  const isNumber = (column) => rows.every((row) => typeof (row[column] ?? 0) === "number");
  return make("table", {},
    make("thead", {}, make("tr", {}, ...columns.map((column) =>
      make("th", isNumber(column) ? { class: "number" } : {}, column.replaceAll("_", " "))))),
    make("tbody", {}, ...rows.map((row) =>
      make("tr", {}, ...columns.map((column) => cell(row[column]))))));
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function sectionBody(value) {
  if (Array.isArray(value) && value.length > 0 && value.every(isObject)) return tableOf(value);
  if (Array.isArray(value) && value.length === 0) return make("p", { class: "notice muted" }, "none");
  if (!isObject(value)) return make("p", { class: "notice" }, shown(value));
  return make("table", {}, make("tbody", {}, ...Object.entries(value).map(([name, one]) =>
    make("tr", {}, make("th", { scope: "row" }, name.replaceAll("_", " ")),
      make("td", {}, shown(one))))));
}

let sectionsShown = "";

export function showSections(stats) {
  const now = JSON.stringify(stats.sections);
  if (now === sectionsShown) return;
  sectionsShown = now;
  byId("sections").replaceChildren(...Object.entries(stats.sections).flatMap(([name, value]) => [
    make("h2", {}, name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ")),
    make("div", { class: "card section-card scroll" }, sectionBody(value)),
  ]));
}

// --- the log ---

let logShown = "";

export function showLog(log) {
  const entries = log.entries.slice(-100).reverse();
  const now = JSON.stringify(entries);
  if (now === logShown) return;
  logShown = now;
  if (entries.length === 0) {
    byId("log").replaceChildren(make("p", { class: "none" }, "Nothing to report."));
    return;
  }
  byId("log").replaceChildren(make("ol", {}, ...entries.map((entry) => {
    const { time, level, component, message, ...fields } = entry;
    const clock = new Date(time).toLocaleTimeString([], { hour12: false });
    return make("li", {},
      make("time", { datetime: time, title: time }, clock),
      make("span", { class: `level ${level}` }, level),
      make("span", { class: "text" },
        make("span", { class: "component" }, component ? `${component}: ` : ""), message,
        ...Object.entries(fields).flatMap(([key, value]) =>
          [" ", make("span", { class: "field" }, `${key}=${value}`)])));
  })));
}

// --- everything, for who looks for something particular ---

export class MetricTable {
  constructor(body, filter) {
    this.body = body;
    this.filter = filter;
    this.rows = new Map();
    filter.addEventListener("input", () => this.#select());
  }

  update(history) {
    const latest = history.latest();
    const before = history.before(history.readings.length - 1, 4.5);
    for (const family of latest.stats.metrics) {
      const format = readings.formatOf(family);
      for (const series of family.series) {
        const row = this.#row(family, series);
        const { value, rate } = row;
        if (family.kind === "histogram") {
          const said = (name) => readings.text(format(series[name]));
          value.textContent = `${readings.text(readings.count(series.count))} · p50 ${said("p50")} · p99 ${said("p99")} · max ${said("max")}`;
        } else {
          value.textContent = readings.text(format(series.value));
        }
        const speed = family.kind === "counter"
          ? readings.rate(latest, before, family.name, series.labels) : null;
        rate.textContent = speed === null ? "" : readings.text(readings.perSecond(speed));
      }
    }
  }

  #row(family, series) {
    const labels = Object.entries(series.labels ?? {}).map(([k, v]) => `${k}="${v}"`).join(", ");
    const key = `${family.name}{${labels}}`;
    if (!this.rows.has(key)) {
      const row = { value: make("td", { class: "number" }), rate: make("td", { class: "number" }) };
      row.line = make("tr", { title: family.help },
        make("td", { class: "name" }, family.name, " ",
          make("span", { class: "labels" }, labels ? `{${labels}}` : "")),
        row.value, row.rate);
      this.rows.set(key, row);
      this.body.append(row.line);
      this.#select();
    }
    return this.rows.get(key);
  }

  #select() {
    const wanted = this.filter.value.trim().toLowerCase();
    for (const [key, { line }] of this.rows) line.hidden = !key.toLowerCase().includes(wanted);
  }
}
