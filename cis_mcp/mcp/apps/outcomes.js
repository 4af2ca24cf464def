// What became of the invites that were asked for.

import { h, say, words } from "./dom.js";
import { reason } from "./format.js";
import { waits } from "./waits.js";

const STATUS = {
  sent: { sign: "✓", label: "Sent" },
  queued: { sign: "…", label: "On its way" },
  already_invited: { sign: "✓", label: "Was invited before" },
  held: { sign: "…", label: "Waits for approval" },
  failed: { sign: "!", label: "Not sent" },
};

/** Show `done`, the data of send_invite for several events; `picked` has their names. */
export function outcomes(at, done, picked, format) {
  const failed = done.counts.failed ?? 0;
  const good = done.invites.length - failed;
  const head = `${format.count(good, "invite", "invites")} for `;
  at("sent-title").replaceChildren(head, words(done.email), failed ? ` · ${format.number(failed)} not sent` : "");
  say(at("waits"), waits(done.held));
  at("outcomes").replaceChildren(...done.invites.map((one) => outcome(one, picked.get(one.uid))));
}

function outcome({ status, code, message }, event) {
  const { sign, label } = STATUS[status];
  const why = code ? h("span", { class: "quiet" }, words(message || reason(code))) : null;
  return h(
    "li",
    { class: `outcome o-${status}` },
    h("span", { class: "sign", "aria-hidden": "true" }, sign),
    h("span", {}, words(event?.summary ?? ""), h("span", { class: "quiet" }, ` ${label}`), ...(why ? [h("br"), why] : [])),
  );
}
