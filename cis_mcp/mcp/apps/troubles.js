// Who was not reached: mails that failed, with the mail server's words, and rows that were skipped.

import { h, refill, say, words } from "./dom.js";
import { reason } from "./format.js";

/** Fill `node` below `title`; update(campaign or null, format); any(campaign) says whether there is something to tell. */
export function troubles(node, title) {
  const any = (campaign) => Boolean(campaign && (campaign.failures.length || campaign.skipped_total));
  const update = (campaign, format) => {
    if (!any(campaign)) return;
    const { failures, skipped, skipped_total: total } = campaign;
    say(title, failures.length ? "Not delivered" : "Not invited");
    refill(node, [failures, skipped, total], () => [
      ...(failures.length ? [failed(failures)] : []),
      ...(total ? [skippedRows(skipped, total, !failures.length, format)] : []),
    ]);
  };
  return { any, update };
}

function failed(failures) {
  const row = ({ email, code, answer }) =>
    h("tr", {}, cell(email), cell(reason(code)), cell(answer || "–"));
  return table(["Address", "Reason", "What the mail server said"], failures.map(row));
}

function skippedRows(skipped, total, open, format) {
  const row = ({ row: number, email, code }) =>
    h("tr", {}, h("td", {}, format.number(number)), cell(email), cell(reason(code)));
  const title = `${format.count(total, "row was", "rows were")} skipped`;
  const more = total > skipped.length ? h("p", { class: "quiet" }, `The first ${skipped.length} are shown.`) : null;
  return h("details", { open }, h("summary", {}, title), table(["Row", "Address", "Reason"], skipped.map(row)), more);
}

function table(titles, rows) {
  const head = titles.map((title) => h("th", { scope: "col" }, title));
  const whole = h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows));
  // What scrolls must be reachable by keyboard.
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": titles.join(", ") }, whole);
}

function cell(text) {
  return h("td", {}, words(text));
}
