// The newest campaigns, each a button that opens it.

import { h, refill, words } from "./dom.js";

const NAMED = 20;

/** Fill `node` with `campaigns`; `open(campaign)` when one is chosen. */
export function campaignList(node, campaigns, format, open) {
  refill(node, campaigns, () =>
    campaigns.length
      ? [h("ul", { class: "campaigns" }, ...campaigns.map((one) => h("li", {}, entry(one, format, open))))]
      : [h("p", { class: "quiet" }, "There are no campaigns yet.")],
  );
}

function entry(campaign, format, open) {
  const gone = campaign.counts.sent ?? 0;
  const whole = Object.values(campaign.counts).reduce((sum, count) => sum + count, 0);
  const bar = h("span", { class: "mini", "aria-hidden": "true" }, h("span", { class: "mini-done" }));
  bar.firstChild.style.width = `${whole ? (gone / whole) * 100 : 0}%`;
  const when = campaign.started ? format.day(campaign.started) : "not started";
  return h(
    "button",
    { type: "button", class: "campaign", onclick: () => open(campaign) },
    h("span", { class: "campaign-name", "data-uid": campaign.uid }, words(campaign.id)),
    h("span", { class: `state s-${campaign.state}` }, campaign.state),
    h("span", { class: "quiet" }, `${campaign.kind} · ${when} · ${format.number(gone)} of ${format.number(whole)}`),
    bar,
  );
}

/** Put the names of the events in the place of the ids, for the newest; `nameOf(uid)` asks the server. */
export async function nameThem(node, campaigns, nameOf) {
  for (const uid of [...new Set(campaigns.map((one) => one.uid))].slice(0, NAMED)) {
    const name = await nameOf(uid);
    for (const label of node.querySelectorAll(".campaign-name")) {
      if (label.dataset.uid === uid && name) label.replaceChildren(words(name));
    }
  }
}
