// The events that were found, each with a box to tick.

import { h, refill, words } from "./dom.js";
import { place } from "./format.js";

/** Fill `node`; `toggled(event, ticked)` when a box is used. */
export function eventList(node, format, toggled) {
  const list = { all: [], count: 0 };
  list.show = (events, picked, adding) => {
    const known = new Set(adding ? list.all.map(({ uid }) => uid) : []);
    list.all = adding ? [...list.all, ...events.filter(({ uid }) => !known.has(uid))] : events;
    list.count = list.all.length;
    refill(node, list.all, () => list.all.map((event) => row(event, format, toggled)));
    for (const box of node.querySelectorAll("input")) box.checked = picked.has(box.value);
  };
  list.untick = (uid) => {
    for (const box of node.querySelectorAll("input")) if (box.value === uid) box.checked = false;
  };
  node.addEventListener("keydown", (event) => walk(node, event));
  return list;
}

function row(event, format, toggled) {
  const off = event.status === "cancelled" || over(event);
  const box = h("input", { type: "checkbox", value: event.uid, disabled: off });
  box.addEventListener("change", () => toggled(event, box.checked));
  const text = h("span", { class: "event-words" }, h("span", { class: "event-name" }, words(event.summary)), details(event, format));
  const label = h("label", { class: off ? "event off" : "event" }, box, calendarLeaf(event.start.local, format), text);
  label.append(h("span", { class: "marks" }, ...marks(event)));
  return h("li", {}, label);
}

/** Month, day and weekday as on a leaf of a calendar. */
function calendarLeaf(iso, format) {
  const part = (options) => format.part(iso, options);
  return h(
    "span",
    { class: "leaf" },
    h("span", { class: "leaf-month" }, part({ month: "short" })),
    h("span", { class: "leaf-day" }, part({ day: "numeric" })),
    h("span", { class: "leaf-weekday" }, part({ weekday: "short" })),
  );
}

function details(event, format) {
  const time = event.start.local.length > 10 ? format.hour(event.start.local) : "All day";
  const zone = place(event.start.timezone);
  const line = h("span", { class: "quiet" }, `${time} ${zone}`);
  if (event.location) line.append(" · ", words(event.location));
  return line;
}

function marks(event) {
  const told = [];
  if (event.status === "cancelled") told.push("Cancelled");
  else if (over(event)) told.push("Over");
  if (event.recurrence) told.push("Repeats");
  if (event.untrusted) told.push("By mail");
  return told.map((text) => h("span", { class: "mark" }, text));
}

/** True for what is past; of a series, the server found an instance that is not. */
export function over({ recurrence, end }) {
  return !recurrence && Date.parse(end.utc) < Date.now();
}

/** Arrow keys go from box to box. */
function walk(node, event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const boxes = [...node.querySelectorAll("input:not(:disabled)")];
  const next = boxes[boxes.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
