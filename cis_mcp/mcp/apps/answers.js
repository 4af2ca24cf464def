// The ring of answers with its numbers.

import { donut, legend } from "./charts.js";

const KINDS = [
  { key: "accepted", label: "Yes", always: true },
  { key: "tentative", label: "Maybe", always: true },
  { key: "declined", label: "No", always: true },
  { key: "delegated", label: "Sends somebody else" },
  { key: "noaction", label: "No answer", always: true },
];

/** Fill `node`; update(counters, format). */
export function answers(node) {
  const ring = donut(KINDS);
  const numbers = legend(KINDS);
  node.replaceChildren(ring.node, numbers.node);
  const update = ({ attendees, rsvp }, format) => {
    const answered = attendees - rsvp.noaction;
    const counted = KINDS.map(({ key, label }) => `${label} ${format.number(rsvp[key] ?? 0)}`).join(", ");
    ring.update(rsvp, format.share(answered, attendees), "answered", `Answers: ${counted}.`);
    numbers.update(rsvp, attendees, format);
  };
  return { update };
}
