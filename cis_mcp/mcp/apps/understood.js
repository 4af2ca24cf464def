// How the server read the words of a search, as small labels.

import { h, refill, words } from "./dom.js";

const DAY = { month: "short", day: "numeric", year: "numeric" };

/** Fill `node` from `understood` of search_events. */
export function chips(node, understood, format) {
  const { spans = [], weekdays = [], hours = [], words: found = [], corrections = {}, unknown = [] } = understood;
  const plain = [
    ...spans.map((span) => spanWords(span, format)),
    ...weekdays,
    ...hours,
    ...found,
    ...Object.entries(corrections).map(([was, now]) => `${was} → ${now}`),
  ].filter(Boolean);
  refill(node, [plain, unknown], () => [
    ...plain.map((text) => h("li", { class: "chip" }, words(text))),
    ...unknown.map((text) => h("li", { class: "chip missing" }, "not found: ", words(text))),
  ]);
  node.hidden = !plain.length && !unknown.length;
}

function spanWords({ start, end, start_utc: startUtc, end_utc: endUtc }, format) {
  const [from, until] = [start ?? startUtc, end ?? endUtc];
  const day = (iso) => format.part(iso, DAY);
  if (from && until) return wholeDays(from, until) ? daysWords(from, until, format) : `${day(from)} – ${day(until)}`;
  return from ? `from ${day(from)}` : until ? `before ${day(until)}` : "";
}

function wholeDays(from, until) {
  return from.slice(11, 16) === "00:00" && until.slice(11, 16) === "00:00";
}

function daysWords(from, until, format) {
  const last = new Date(Date.parse(`${until.slice(0, 10)}T00:00Z`) - 86_400_000).toISOString();
  const month = from.slice(8, 10) === "01" && until.slice(8, 10) === "01" && from.slice(0, 7) === last.slice(0, 7);
  if (month) return format.part(from, { month: "long", year: "numeric" });
  const [one, other] = [format.part(from, DAY), format.part(last, DAY)];
  return one === other ? one : `${one} – ${other}`;
}
