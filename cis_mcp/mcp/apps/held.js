// A held action: exactly what a yes does, and the buttons of whoever may say it. A press is the key's own word.

import { Host, refusalOf } from "./bridge.js";
import { h, refill, say, words } from "./dom.js";
import { Format } from "./format.js";
import { Poller, Rhythm } from "./poller.js";
import { tried } from "./sending.js";
import { dress } from "./theme.js";

const SLOWEST_MS = 15_000;
const STATES = {
  waiting: "Waits for a yes",
  approved: "Approved: it is carried out",
  refused: "Refused: nothing was done",
  expired: "Nobody decided in time: nothing was done",
  void: "Void: nothing was done",
  replaced: "A newer change waits in its place",
};

const host = new Host("cis-held");
const at = (id) => document.getElementById(id);
const poller = new Poller(load, (error) => notice(error.message));
const rhythm = new Rhythm();

let id = "";
let decided = false;
let format = new Format();

host.on("ui/notifications/tool-result", opened);
host.on("ui/notifications/tool-cancelled", () => notice("The call was cancelled, so there is nothing to show."));
host.on("ui/resource-teardown", () => poller.stop());
at("yes").addEventListener("click", () => tried(at("yes"), at("wrong"), () => decide("approve")));
at("no").addEventListener("click", () => tried(at("no"), at("wrong"), () => decide("refuse")));

await host.connect();
format = new Format(host.context.locale);
dress(host);

/** The answer of the call that this page was opened for. */
function opened(result) {
  if (result.isError) return notice(refusalOf(result).message);
  const held = result.structuredContent?.held;
  if (!held) return notice("There is nothing to show for this call.");
  id = held.id;
  decided = false;
  show(held);
  poller.now();
}

async function load() {
  const { held } = await host.callTool("get_held_action", { id });
  if (decided) return null; // it may have been asked before, and what was decided is shown
  show(held);
  return held.state === "waiting" ? rhythm.next(held, SLOWEST_MS) : null;
}

function show(held) {
  at("page").setAttribute("aria-busy", "false");
  at("notice").hidden = true;
  const waits = held.state === "waiting";
  say(at("state"), STATES[held.state] ?? held.state);
  at("action").replaceChildren(words(held.action), ": ", words(held.title));
  at("who").replaceChildren(waits ? "Decides: " : "Decided by: ", words(held.decided_by), waits ? `, until ${format.day(held.until)}` : "");
  facts(held);
  mail(held.sample);
  at("decide").hidden = !(waits && held.decidable);
}

function facts({ people, reasons, notified, why, state, differences }) {
  const rows = [["People mailed", state === "approved" ? format.number(notified) : `at least ${format.number(people)}`]];
  rows.push(["Waits because of", reasons.join(", ").replaceAll("_", " ")]);
  if (why) rows.push(["Why", why]);
  refill(at("facts"), rows, () => rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, words(value))]));
  refill(at("changes"), differences, () => [h("table", {}, h("tbody", {}, ...differences.map(change)))]);
  at("changes").hidden = !differences.length;
  at("shown").hidden = false;
}

function change({ field, before, after }) {
  return h("tr", {}, h("th", { scope: "row" }, words(field)), h("td", {}, h("del", {}, words(before))), h("td", {}, h("ins", {}, words(after))));
}

function mail({ subject, text }) {
  at("mail").hidden = !subject;
  at("mail-subject").replaceChildren(words(subject ?? ""));
  at("mail-text").replaceChildren(words(text ?? ""));
}

async function decide(decision) {
  const why = at("why").value.trim();
  if (decision === "refuse" && !why) throw new Error("A No needs a reason.");
  const { held } = await host.callTool("decide_held_action", { id, decision, why });
  decided = true;
  show({ ...held, decidable: false });
  await host.tellModel(`The person decided the held action ${id}: ${held.state}.`);
}

function notice(text) {
  say(at("notice"), text);
  at("notice").hidden = false;
  at("page").setAttribute("aria-busy", "false");
}
