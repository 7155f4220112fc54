// What /stats says, made into figures: sums, rates, quantiles of the last seconds, and numbers as
// people read them. Nothing here touches the page.

// One answer of /stats, with its metrics by name.
export class Reading {
  constructor(stats) {
    this.stats = stats;
    this.uptime = stats.uptime_seconds;
    this.families = new Map(stats.metrics.map((family) => [family.name, family]));
  }

  has(name) {
    return this.families.has(name);
  }

  // The sum over a counter's or gauge's series, of those with the given labels; null without any.
  value(name, labels = {}) {
    const family = this.families.get(name);
    if (!family) return null;
    const wanted = Object.entries(labels);
    const series = family.series.filter((one) =>
      wanted.every(([key, value]) => one.labels && one.labels[key] === value));
    return series.length === 0 ? null : series.reduce((sum, one) => sum + one.value, 0);
  }

  // A histogram's series as one: { count, sum, buckets: [[upper bound, cumulative], …] }.
  histogram(name) {
    const family = this.families.get(name);
    if (!family || family.kind !== "histogram") return null;
    const [first, ...others] = family.series;
    const total = { ...first, buckets: first.buckets.map((bucket) => [...bucket]) };
    for (const other of others) {
      total.count += other.count;
      total.sum += other.sum;
      total.max = Math.max(total.max, other.max);
      other.buckets.forEach(([, cumulative], i) => { total.buckets[i][1] += cumulative; });
    }
    return total;
  }
}

// The readings of the last minutes.
export class History {
  constructor(seconds = 300) {
    this.seconds = seconds;
    this.readings = [];
  }

  add(reading) {
    const last = this.latest();
    const restarted =
      last && (reading.uptime < last.uptime || reading.stats.pid !== last.stats.pid);
    if (restarted) this.readings = [];
    this.readings.push(reading);
    const oldest = reading.uptime - this.seconds - 10;
    while (this.readings[0].uptime < oldest) this.readings.shift();
  }

  latest() {
    return this.readings[this.readings.length - 1];
  }

  // The seconds that charts show: as much as there is, from one minute on.
  window() {
    const age = this.latest().uptime - this.readings[0].uptime;
    return Math.min(this.seconds, Math.max(60, age));
  }

  // The reading that is at least `seconds` older than number `index`, or the oldest.
  before(index, seconds) {
    const at = this.readings[index].uptime - seconds;
    let i = index;
    while (i > 0 && this.readings[i].uptime > at) i -= 1;
    return this.readings[i];
  }

  // [[uptime, f(reading, reading some seconds before)], …], null where there is nothing to say.
  series(read, seconds = 1) {
    return this.readings.map((reading, i) => {
      const before = this.before(i, seconds * 0.9);
      return [reading.uptime, read(reading, before)];
    });
  }
}

// A counter's growth per second between two readings.
export function rate(reading, before, name, labels) {
  const elapsed = reading.uptime - before.uptime;
  const now = reading.value(name, labels);
  const then = before.value(name, labels);
  if (elapsed <= 0 || now === null || then === null) return null;
  return Math.max(0, now - then) / elapsed;
}

// The quantile of what a histogram got between two readings, interpolated inside its bucket.
export function recentQuantile(reading, before, name, q) {
  const now = reading.histogram(name);
  const then = before.histogram(name);
  if (!now || !then || reading === before) return null;
  const count = now.count - then.count;
  if (count <= 0) return null;
  const rank = q * count;
  let lower = 0;
  let below = 0;
  for (let i = 0; i < now.buckets.length; i += 1) {
    const [upper, cumulative] = now.buckets[i];
    const upTo = cumulative - then.buckets[i][1];
    if (upTo >= rank && upTo > below) {
      return Math.min(now.max, lower + ((upper - lower) * (rank - below)) / (upTo - below));
    }
    lower = upper;
    below = Math.max(below, upTo);
  }
  return now.max;
}

// The mean of what a histogram got between two readings.
export function recentMean(reading, before, name) {
  const now = reading.histogram(name);
  const then = before.histogram(name);
  if (!now || !then || now.count <= then.count) return null;
  return (now.sum - then.sum) / (now.count - then.count);
}

// --- numbers for people: [text, unit] ---

function digits(value) {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function count(value) {
  if (value === null) return ["–", ""];
  const size = Math.abs(value);
  if (size >= 1e9) return [digits(value / 1e9), "G"];
  if (size >= 1e6) return [digits(value / 1e6), "M"];
  if (size >= 1e4) return [digits(value / 1e3), "k"];
  return [digits(value), ""];
}

export function perSecond(value) {
  const [text, unit] = count(value);
  return [text, `${unit}/s`];
}

export function duration(seconds) {
  if (seconds === null) return ["–", ""];
  if (seconds === 0) return ["0", "ms"];
  if (seconds < 1e-3) return [digits(seconds * 1e6), "µs"];
  if (seconds < 1) return [digits(seconds * 1e3), "ms"];
  return [digits(seconds), "s"];
}

export function bytes(value) {
  if (value === null) return ["–", ""];
  let size = value;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (Math.abs(size) < 1024 || unit === "GiB") return [digits(size), unit];
    size /= 1024;
  }
  return ["–", ""];
}

export function percent(share) {
  if (share === null) return ["–", ""];
  const value = share * 100;
  if (value === 0) return ["0", "%"];
  return [value < 0.01 ? "< 0.01" : digits(value), "%"];
}

export const text = ([number, unit]) => (unit ? `${number} ${unit}` : number).replace(" /s", "/s");

// "3 d 4 h", "12 min 5 s".
export function span(seconds) {
  const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const shown = [];
  let rest = Math.floor(seconds);
  for (const [unit, size] of parts) {
    if (rest >= size || (unit === "s" && shown.length === 0)) {
      shown.push(`${Math.floor(rest / size)} ${unit}`);
      rest %= size;
    }
  }
  return shown.slice(0, 2).join(" ");
}

// How to show a family's values, by its unit.
export function formatOf(family) {
  if (family.unit === "seconds") return duration;
  if (family.unit === "bytes") return bytes;
  if (family.unit === "ratio") return percent;
  return count;
}
