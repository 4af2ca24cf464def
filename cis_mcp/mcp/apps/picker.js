// The schedule picker: find events, tick some, have the invites sent to one address.

import { basket } from "./basket.js";
import { Host, refusalOf } from "./bridge.js";
import { say } from "./dom.js";
import { eventList, over } from "./eventlist.js";
import { Format } from "./format.js";
import { months } from "./months.js";
import { outcomes } from "./outcomes.js";
import { dress } from "./theme.js";
import { chips } from "./understood.js";
import { offerUndo } from "./undo.js";
import { waits } from "./waits.js";

const TYPING_MS = 400;
const PAGE = 50;

const host = new Host("cis-picker");
const at = (id) => document.getElementById(id);

/** The arguments of the last search, first those of the call that this page was opened for. */
let asking = {};
let format = new Format();
let month = "";
let cursor = null;
/** Counts searches, so that an answer that comes late is known as such. */
let asked = 0;
let typing = 0;
let panels = null;

host.on("ui/notifications/tool-input", ({ arguments: given = {} }) => {
  asking = given;
  at("query").value = given.query ?? "";
});
host.on("ui/notifications/tool-result", opened);
host.on("ui/notifications/tool-cancelled", () => search());
host.on("ui/resource-teardown", () => clearTimeout(typing));

await host.connect();
format = new Format(host.context.locale);
dress(host);
panels = {
  basket: basket(at, format, send, (uid) => panels.events.untick(uid)),
  events: eventList(at("events"), format, (event, ticked) => panels.basket.toggle(event, ticked)),
};
months(at("months"), new Date(), format, (chosen) => {
  month = chosen;
  search();
});
at("find").addEventListener("click", () => search());
at("more").addEventListener("click", () => ask({ ...asking, cursor }));
at("again").addEventListener("click", () => around(false));
at("query").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => search(), TYPING_MS);
});
at("query").addEventListener("keydown", (event) => {
  if (event.key === "Enter") search();
});

/** The answer of the search that this page was opened for. */
function opened(result) {
  if (result.isError) return notice(refusalOf(result).message);
  show(result.structuredContent ?? {}, false);
}

/** Search for what stands in the field and the month that is pressed. */
function search() {
  clearTimeout(typing);
  const { organizer, timezone, status } = asking;
  // The month goes into the words: so it is a month on each event's own clock.
  const query = [at("query").value.trim(), month && `in ${month}`].filter(Boolean).join(" ");
  return ask({ organizer, timezone, status, query, limit: PAGE });
}

async function ask(args) {
  const mine = ++asked;
  at("page").setAttribute("aria-busy", "true");
  try {
    const found = await answerTo(args);
    if (mine === asked) show(found, Boolean(args.cursor));
  } catch (error) {
    if (mine === asked) notice(error.message);
  }
}

/** What the server finds; past events are left out, but only where the words don't speak of time (`after` rules). */
async function answerTo(args) {
  asking = args;
  const found = await host.callTool("search_events", args);
  const timed = args.after || args.before || args.cursor || found.understood.spans.length;
  if (timed || !found.events.some(over)) return found;
  asking = { ...args, after: new Date().toISOString() };
  return host.callTool("search_events", asking);
}

function show({ events = [], next_cursor: next = null, understood }, adding) {
  cursor = next;
  panels.events.show(events, panels.basket.picked, adding);
  chips(at("understood"), understood ?? {}, format);
  at("more").hidden = !next;
  at("notice").hidden = true;
  if (!events.length && !adding) notice("No event was found. Try fewer or other words.");
  say(at("found"), `${format.count(panels.events.count, "event", "events")}${next ? ", and there are more" : ""}`);
  ready();
}

/** Send one invite for each picked event; throws Refusal where none could be asked for. */
async function send(uids, email) {
  const done = await host.callTool("send_invite", { uids, email });
  outcomes(at, done, panels.basket.picked, format);
  panels.basket.sent(done.invites);
  panels.events.show(panels.events.all, panels.basket.picked, false);
  offerUndo(host, at("undo-slot"), done.undo, () => host.tellModel("The person took those invites back: nobody hears of them."));
  around(true);
  const counted = Object.entries(done.counts).map(([status, count]) => `${count} ${status}`);
  const told = `In the schedule picker the person had invites sent for ${uids.length} events: ${counted.join(", ")}. ${waits(done.held)}`.trim();
  await host.tellModel(told);
}

/** Show what was sent in the place of the form, or the form again. */
function around(sent) {
  at("sent").hidden = !sent;
  document.querySelector(".basket").hidden = sent;
  (sent ? at("sent") : at("query")).focus();
}

function notice(text) {
  say(at("notice"), text);
  at("notice").hidden = false;
  ready();
}

function ready() {
  at("page").setAttribute("aria-busy", "false");
}
