// The four numbers that are asked for first.

import { h, say } from "./dom.js";

const TILES = [
  { key: "invited", label: "Invited" },
  { key: "answered", label: "Answered" },
  { key: "coming", label: "Said Yes" },
  { key: "sent", label: "Mails sent" },
];

/** Fill `node`, a dl; update(counters, format). */
export function tiles(node) {
  const shown = new Map(TILES.map(({ key, label }) => [key, tile(label)]));
  node.replaceChildren(...[...shown.values()].map((one) => one.node));
  const update = ({ attendees, rsvp, delivery }, format) => {
    const answered = attendees - rsvp.noaction;
    const mails = Object.values(delivery).reduce((sum, count) => sum + count, 0);
    const set = (key, value, note) => {
      say(shown.get(key).value, value);
      say(shown.get(key).note, note);
    };
    set("invited", format.number(attendees), attendees === 1 ? "person" : "people");
    set("answered", format.share(answered, attendees), `${format.number(answered)} of ${format.number(attendees)}`);
    set("coming", format.number(rsvp.accepted), `${format.share(rsvp.accepted, answered)} of the answers`);
    set("sent", format.number(delivery.sent), `of ${format.count(mails, "mail", "mails")}`);
  };
  return { update };
}

function tile(label) {
  const value = h("dd", { class: "tile-value" });
  const note = h("dd", { class: "tile-note" });
  return { node: h("div", { class: "tile" }, h("dt", {}, label), value, note), value, note };
}
