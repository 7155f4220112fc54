// The dashboard: asks /stats every second and /log every three, and shows what it finds. It knows
// metrics by the form of their names, so every role gets a page.
import { byId, Counters, Figure, Lines, MetricTable, showChecks, showLog, showSections } from "./panels.js";
import { bytes, count, duration, History, percent, perSecond, rate, Reading, recentMean, recentQuantile, span, text } from "./readings.js";

const interval = 1000;
const tokenKey = "babilu-admin-token";
const latencyWindow = 5;  // seconds of samples behind each point of the latency chart

const history = new History();
const table = new MetricTable(byId("metrics"), byId("filter"));
const counters = new Counters(byId("role-counters"));
let panels = null;
let ticks = 0;

// --- talking to the endpoint ---

async function ask(path, method = "GET") {
  const token = sessionStorage.getItem(tokenKey);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return fetch(path, { method, headers, cache: "no-store", signal: AbortSignal.timeout(5000) });
}

function askForToken(wrong) {
  sessionStorage.removeItem(tokenKey);
  byId("content").hidden = true;
  byId("drain").hidden = true;
  byId("login-error").textContent = wrong ? "That is not the token of this process." : "";
  if (byId("login").hidden) {
    byId("login").hidden = false;
    byId("token").focus();
  }
  setPhase("locked", "");
  byId("about").textContent = "admin endpoint";
  byId("guarded-links").hidden = true;
}

// --- panels, chosen once by what there is ---

const families = (reading, kind, pattern) =>
  [...reading.families.values()].filter((family) => family.kind === kind && pattern.test(family.name));

// The prefix of the metrics that count requests: "babilu_proxy".
function requestPrefix(reading) {
  const prefixes = families(reading, "counter", /_requests_total$/)
    .map(({ name }) => name.slice(0, -"_requests_total".length))
    .filter((prefix) => !prefix.endsWith("_admin"));
  return prefixes.find((prefix) => reading.has(`${prefix}_request_duration_seconds`)) ?? prefixes[0];
}

const titleOf = (prefix) => (name) => {
  const words = name.slice(prefix.length + 1).replace(/_total$/, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

function trafficPanels(prefix) {
  const requests = `${prefix}_requests_total`;
  const errors = `${prefix}_request_errors_total`;
  const refused = `${prefix}_requests_refused_total`;
  const latency = `${prefix}_request_duration_seconds`;
  const failed = (r, b) => (rate(r, b, errors) ?? 0) + (rate(r, b, refused) ?? 0);
  const asked = (r, b) => {
    const answered = rate(r, b, requests);
    return answered === null ? null : answered + (rate(r, b, refused) ?? 0);
  };
  const share = (r, b) => {
    const all = asked(r, b);
    if (all === null) return null;
    return all === 0 ? 0 : failed(r, b) / all;
  };
  const quantile = (q) => (r, b) => recentQuantile(r, b, latency, q);
  const total = (reading, name) => text(count(reading.value(name) ?? 0));
  return [
    new Figure({ title: "Requests per second", read: asked, format: perSecond, axis: count, small: false,
      note: (r) => `${total(r, requests)} answered since the start` }),
    new Figure({ title: "Error rate", read: share, over: 2, format: percent, colour: "red",
      small: false, floor: 0.01, alarming: (value) => value > 0.01,
      note: (r) => `${total(r, errors)} errors, ${total(r, refused)} refused since the start` }),
    new Lines({ title: `Latency, last ${latencyWindow} s`, over: latencyWindow, format: duration,
      series: [{ name: "p50", colour: "accent", read: quantile(0.5) },
        { name: "p90", colour: "gold", read: quantile(0.9) },
        { name: "p99", colour: "red", read: quantile(0.99) }],
      note: (r) => {
        const all = r.histogram(latency);
        if (!all) return "";
        return `since the start: ${text(duration(all.p50))} · ${text(duration(all.p90))} · ${text(duration(all.p99))}, max ${text(duration(all.max))}`;
      } }),
  ];
}

function gaugePanels(reading, prefix) {
  return families(reading, "gauge", new RegExp(`^${prefix}_`)).map(({ name, help }) =>
    new Figure({ title: titleOf(prefix)(name), help, read: (r) => r.value(name), floor: 1,
      format: name.endsWith("_bytes") ? bytes : count,
      alarming: (value) => value === 0 && /_links(_up)?$/.test(name) }));
}

function storePanels() {
  const committed = { end: "committed" };
  const name = (rest) => `babilu_store_${rest}`;
  return [
    new Figure({ title: "Commits", format: perSecond,
      read: (r, b) => rate(r, b, name("commits_total")), over: 2,
      note: (r) => `${text(count(r.value(name("commits_total"))))} since the start` }),
    new Figure({ title: "Units written", format: perSecond,
      read: (r, b) => rate(r, b, name("units_total"), committed), over: 2,
      note: (r, h) => {
        const mean = recentMean(r, h.before(h.readings.length - 1, 10), name("group_units"));
        return mean === null ? "" : `${mean.toFixed(1)} in one commit`;
      } }),
    new Figure({ title: "Commit time, p99", format: duration, over: 10,
      read: (r, b) => recentQuantile(r, b, name("group_seconds"), 0.99),
      note: (r) => `max ${text(duration(r.histogram(name("group_seconds"))?.max ?? null))}` }),
    new Figure({ title: "Units read", format: perSecond,
      read: (r, b) => rate(r, b, name("reads_total")), over: 2 }),
    new Figure({ title: "Units waiting", format: count, floor: 1,
      read: (r) => r.value(name("waiting_units")),
      note: (r) => `${text(count(r.value(name("refused_total")) ?? 0))} refused since the start` }),
  ];
}

function processPanels() {
  const files = (r) => r.stats.process.open_fds ?? null;
  return [
    new Figure({ title: "Processor", format: percent, over: 2, floor: 0.1,
      read: (r, b) => rate(r, b, "process_cpu_seconds_total"),
      note: () => "100 % is one core" }),
    new Figure({ title: "Memory", format: bytes, binary: true,
      read: (r) => r.value("process_resident_memory_bytes"), note: () => "resident" }),
    new Figure({ title: "Open files", format: count, floor: 1, read: files,
      alarming: (value) => value > 0.9 * history.latest().stats.process.max_fds,
      note: (r) => `of ${text(count(r.stats.process.max_fds ?? null))}` }),
    new Figure({ title: "Threads", format: count, floor: 1,
      read: (r) => r.value("process_threads") }),
  ];
}

function fill(section, holder, figures) {
  byId(section).hidden = figures.length === 0;
  byId(holder).replaceChildren(...figures.map((figure) => figure.element));
  return figures;
}

// A role may register its metrics a little after its start; so this is asked of every reading.
function choosePanels(reading) {
  const prefix = requestPrefix(reading);
  const has = {
    prefix,
    gauges: prefix ? families(reading, "gauge", new RegExp(`^${prefix}_`)).length : 0,
    store: reading.has("babilu_store_commits_total"),
    process: reading.has("process_resident_memory_bytes"),
  };
  const key = JSON.stringify(has);
  if (panels?.key === key) return;
  const role = prefix ? prefix.slice(prefix.lastIndexOf("_") + 1) : "";
  byId("role-title").textContent = role.charAt(0).toUpperCase() + role.slice(1);
  panels = {
    key,
    prefix,
    all: [
      ...fill("traffic", "traffic-charts", prefix ? trafficPanels(prefix) : []),
      ...fill("role", "role-tiles", prefix ? gaugePanels(reading, prefix) : []),
      ...fill("store", "store-tiles", has.store ? storePanels() : []),
      ...fill("process", "process-tiles", has.process ? processPanels() : []),
    ],
  };
}

// --- the page as a whole ---

function setPhase(words, kind) {
  const pill = byId("phase");
  if (pill.textContent !== words) pill.textContent = words;
  pill.className = `pill ${kind}`;
}

function showState(stats) {
  const { name, version, phase, ready, uptime_seconds: uptime, pid } = stats;
  byId("name").textContent = name;
  byId("about").textContent =
    [`up ${span(uptime)}`, version && `version ${version}`, pid && `process ${pid}`]
      .filter(Boolean).join(" · ");
  const unready = phase === "ready" && !ready;
  setPhase(unready ? "not ready" : phase, unready ? "bad" : phase === "ready" ? "good" : "warn");
  byId("drain").hidden = phase !== "ready" && phase !== "starting";
  document.title = `${unready ? "✕ " : ""}${name} – Babilu`;
}

function show(stats) {
  const reading = new Reading(stats);
  history.add(reading);
  showState(stats);
  showChecks(stats);
  choosePanels(reading);
  for (const panel of panels.all) panel.update(history);
  if (panels.prefix) {
    const own = families(reading, "counter", new RegExp(`^${panels.prefix}_`));
    counters.update(history, own, titleOf(panels.prefix));
  }
  showSections(stats);
  if (byId("all").open) table.update(history);
  byId("guarded-links").hidden = sessionStorage.getItem(tokenKey) !== null;
  byId("login").hidden = true;
  byId("content").hidden = false;
}

async function tick() {
  const hadToken = sessionStorage.getItem(tokenKey) !== null;
  const reply = await ask("/stats");
  if (reply.status === 401) {
    askForToken(hadToken);
    return;
  }
  if (!reply.ok) throw new Error(`/stats: ${reply.status}`);
  show(await reply.json());
  if (ticks % 3 === 0) showLog(await (await ask("/log")).json());
  ticks += 1;
}

async function run() {
  // While the page asks for the token there is nothing to ask the process.
  if (byId("login").hidden) {
    try {
      await tick();
      document.querySelector("main").classList.remove("stale");
    } catch (error) {
      console.warn(error);
      document.querySelector("main").classList.add("stale");
      setPhase("unreachable", "bad");
    }
  }
  setTimeout(run, interval);
}

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(tokenKey, byId("token").value.trim());
  byId("token").value = "";
  tick().catch(() => { byId("login-error").textContent = "The process does not answer."; });
});
byId("all").addEventListener("toggle", () => {
  if (byId("all").open && history.latest()) table.update(history);
});
byId("drain").addEventListener("click", () => {
  byId("drain-error").textContent = "";
  byId("drain-dialog").showModal();
});
byId("drain-cancel").addEventListener("click", () => byId("drain-dialog").close());
byId("drain-confirm").addEventListener("click", async () => {
  try {
    const reply = await ask("/drain", "POST");
    if (reply.status === 401) askForToken(true);
    if (reply.ok || reply.status === 401) byId("drain-dialog").close();
    else byId("drain-error").textContent = await reply.text();
  } catch {
    byId("drain-error").textContent = "The process does not answer.";
  }
});
run();
