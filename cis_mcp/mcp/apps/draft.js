// A draft: what one person would get, how many are skipped, and the button that sends it.

import { h, refill, words } from "./dom.js";
import { tried } from "./sending.js";

/** Fill `node`; keep(campaign) remembers sample and token, which only the draft's own answer has. */
export function draft(node, act) {
  let kept = null;
  const keep = (campaign) => {
    kept = campaign;
  };
  const update = (campaign) => {
    if (campaign?.state !== "draft") return;
    const token = kept?.confirm_token;
    const sample = kept?.sample;
    refill(node, [campaign.id, campaign.valid, campaign.total, token, sample], () => [
      sample ? letter(sample) : null,
      h("p", {}, summary(campaign)),
      ...(token && campaign.valid ? sendButton(campaign, () => act("start", token)) : []),
    ].filter(Boolean));
  };
  return { keep, update };
}

function summary({ valid, total, skipped_total: skipped }) {
  const left = skipped ? " The others are skipped; the reasons stand below." : "";
  return `${valid} of ${total} ${total === 1 ? "person" : "people"} would be invited.${left}`;
}

function letter({ to, subject, start, location, description }) {
  const line = (label, text) => (text ? [h("dt", {}, label), h("dd", {}, words(text))] : []);
  const rows = [...line("To", to), ...line("Subject", subject), ...line("When", start), ...line("Where", location)];
  return h("div", { class: "letter" }, h("dl", {}, ...rows), h("p", { class: "letter-text" }, words(description)));
}

function sendButton({ valid }, start) {
  const said = h("p", { class: "error", role: "alert", hidden: true });
  const label = valid === 1 ? "Send 1 invite" : `Send ${valid} invites`;
  const node = h("button", { type: "button", class: "main" }, label);
  node.addEventListener("click", () => tried(node, said, start));
  return [node, said];
}
