// Donut, stacked bar and ranked bars. Colours come from classes of our own; numbers stand beside as text.

import { h, refill, s, say, words } from "./dom.js";

const RADIUS = 42;
const AROUND = 2 * Math.PI * RADIUS;
const GAP = 1.6;
const RANKED_MAX = 6;

/** A ring of `kinds` ({key, label}); update(counts, big, small, spoken) moves its parts. */
export function donut(kinds) {
  const arcs = new Map(kinds.map(({ key }) => [key, arc(`arc c-${key}`)]));
  const big = s("text", { class: "donut-big", x: 60, y: 60 });
  const small = s("text", { class: "donut-small", x: 60, y: 76 });
  const node = s("svg", { class: "donut", viewBox: "9 9 102 102", role: "img" });
  node.append(arc("arc track"), ...arcs.values(), big, small);
  const update = (counts, centre, below, spoken) => {
    const whole = kinds.reduce((sum, { key }) => sum + (counts[key] ?? 0), 0);
    const several = kinds.filter(({ key }) => counts[key]).length > 1;
    let from = 0;
    for (const { key } of kinds) from += place(arcs.get(key), from, counts[key] ?? 0, whole, several);
    say(big, centre);
    say(small, below);
    node.setAttribute("aria-label", spoken);
  };
  return { node, update };
}

/** A bar of `kinds` side by side, with a progress role; update(counts, whole, done, spoken). */
export function stacked(kinds, label) {
  const parts = new Map(kinds.map(({ key }) => [key, h("span", { class: `part c-${key}` })]));
  const node = h("div", { class: "stacked", role: "progressbar", "aria-label": label, "aria-valuemin": 0 });
  node.append(...parts.values());
  const update = (counts, whole, done, spoken) => {
    for (const [key, part] of parts) part.style.width = `${whole ? ((counts[key] ?? 0) / whole) * 100 : 0}%`;
    node.setAttribute("aria-valuemax", whole || 1);
    node.setAttribute("aria-valuenow", done);
    node.setAttribute("aria-valuetext", spoken);
  };
  return { node, update };
}

/** What the colours mean, with numbers: a list; update(counts, whole, format). */
export function legend(kinds, { shares = true } = {}) {
  const node = h("ul", { class: "legend" });
  const rows = new Map(kinds.map((kind) => [kind.key, legendRow(kind, shares)]));
  node.append(...[...rows.values()].map((row) => row.node));
  const update = (counts, whole, format) => {
    for (const { key, always } of kinds) {
      const row = rows.get(key);
      const count = counts[key] ?? 0;
      row.node.hidden = !always && !count;
      say(row.count, format.number(count));
      if (shares) say(row.share, format.share(count, whole));
    }
  };
  return { node, update };
}

/** The most frequent of `counts` as bars; the rest is one bar. Names are data. */
export function ranked(node, counts, format, nameOf) {
  const rows = shortened(merged(counts, nameOf));
  const most = Math.max(1, ...rows.map(([, count]) => count));
  refill(node, rows, () =>
    rows.map(([name, count]) => {
      const bar = h("span", { class: "ranked-bar", "aria-hidden": "true" });
      bar.style.width = `${(count / most) * 100}%`;
      const label = h("span", { class: "ranked-name" }, words(name));
      return h("li", {}, label, h("span", { class: "ranked-count" }, format.number(count)), bar);
    }),
  );
  return rows.length;
}

function arc(className) {
  const turned = "rotate(-90 60 60)";
  return s("circle", { class: className, cx: 60, cy: 60, r: RADIUS, fill: "none", transform: turned });
}

function place(circle, from, count, whole, several) {
  const length = whole ? (count / whole) * AROUND : 0;
  const drawn = Math.max(length - (several ? GAP : 0), count ? 0.6 : 0);
  circle.style.strokeDasharray = `${drawn} ${AROUND}`;
  circle.style.strokeDashoffset = `${-from}`;
  circle.style.visibility = count ? "visible" : "hidden";
  return length;
}

function legendRow({ key, label }, shares) {
  const count = h("span", { class: "legend-count" });
  const share = h("span", { class: "legend-share" });
  const node = h("li", {}, h("span", { class: `dot c-${key}`, "aria-hidden": "true" }));
  node.append(h("span", { class: "legend-label" }, label), count, ...(shares ? [share] : []));
  return { node, count, share };
}

function merged(counts, nameOf) {
  const sums = new Map();
  for (const [raw, count] of Object.entries(counts)) {
    const name = nameOf(raw);
    if (count) sums.set(name, (sums.get(name) ?? 0) + count);
  }
  return [...sums].sort((one, other) => other[1] - one[1]);
}

function shortened(rows) {
  if (rows.length <= RANKED_MAX) return rows;
  const rest = rows.slice(RANKED_MAX - 1);
  const sum = rest.reduce((total, [, count]) => total + count, 0);
  return [...rows.slice(0, RANKED_MAX - 1), [`${rest.length} others`, sum]];
}
