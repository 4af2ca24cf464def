// The dashboard: what a campaign is doing, and who answered what, kept up to date while somebody looks.

import { answers } from "./answers.js";
import { Host, refusalOf } from "./bridge.js";
import { campaignList, nameThem } from "./campaignlist.js";
import { ranked } from "./charts.js";
import { h, say, words } from "./dom.js";
import { draft } from "./draft.js";
import { channel, Format, place, program } from "./format.js";
import { Poller, Rhythm } from "./poller.js";
import { active, sending } from "./sending.js";
import { dress } from "./theme.js";
import { tiles } from "./tiles.js";
import { troubles } from "./troubles.js";
import { offerUndo } from "./undo.js";
import { waits } from "./waits.js";

const PARTS = ["tiles", "draft", "answers", "sending", "origins", "clients", "troubles", "control-slot", "pulse"];

const host = new Host("cis-dashboard");
const at = (id) => document.getElementById(id);
const poller = new Poller(load, failing);
const rhythm = new Rhythm();

/** What is shown: {campaignId, uid} or {scope, key}; null: nothing yet, or the list of campaigns. */
let subject = null;
/** Uid of the event whose words stand at the top, and the list to go back to. */
let titled = "";
let campaigns = [];
let format = new Format();
let panels = null;

host.on("ui/notifications/tool-result", shown);
host.on("ui/notifications/tool-cancelled", () => notice("The call was cancelled, so there is nothing to show."));
host.on("ui/resource-teardown", () => poller.stop());
at("refresh").addEventListener("click", () => (subject ? poller.now() : relist()));

await host.connect();
format = new Format(host.context.locale);
dress(host);
panels = {
  tiles: tiles(at("tiles")),
  answers: answers(at("answers-body")),
  sending: sending(at("sending-body"), at("control-slot"), act),
  draft: draft(at("draft-body"), act),
  troubles: troubles(at("troubles-body"), at("troubles-title")),
};

/** The answer of the tool that this page was opened for. */
function shown(result) {
  if (result.isError) return notice(refusalOf(result).message);
  const data = result.structuredContent ?? {};
  offer(data.undo);
  if (data.campaign) open({ campaignId: data.campaign.id, uid: data.campaign.uid }, data.campaign);
  else if (data.campaigns) list(data.campaigns);
  else if (data.rsvp) open({ scope: data.scope, key: data.key || undefined }, null, data);
  else notice("There is nothing to show for this call.");
}

/** Show `wanted`, first by what is known of it already. */
function open(wanted, campaign, counters = null) {
  subject = wanted;
  at("list").hidden = true;
  at("control-slot").hidden = false;
  panels.draft.keep(campaign);
  at("back-slot").replaceChildren(...(campaigns.length ? [backButton()] : []));
  show(campaign, counters);
  poller.now();
}

function list(found) {
  campaigns = found;
  subject = null;
  titled = "";
  poller.stop();
  for (const id of PARTS) at(id).hidden = true;
  at("back-slot").replaceChildren();
  head("Campaigns", "Newest campaigns", format.count(found.length, "campaign", "campaigns"));
  campaignList(at("list"), found, format, (one) => open({ campaignId: one.id, uid: one.uid }, one));
  at("list").hidden = false;
  nameThem(at("list"), found, nameOf).catch(failing);
  ready();
}

function backButton() {
  return h("button", { type: "button", class: "plain", onclick: relist }, "All campaigns");
}

/** Ask for the list of campaigns, and show it. */
async function relist() {
  try {
    list((await host.callTool("get_campaign", {})).campaigns);
  } catch (error) {
    failing(error);
  }
}

async function nameOf(uid) {
  return (await host.callTool("get_event", { uid })).event.summary;
}

/** Ask the server for what is shown; gives back when to ask again. */
async function load() {
  const wanted = subject;
  if (!wanted) return null;
  const [campaign, counters] = await Promise.all([campaignOf(wanted), countersOf(wanted), entitle(wanted)]);
  if (wanted !== subject) return 0;
  show(campaign, counters);
  return rhythm.next([wanted, campaign, counters], slowest(campaign, counters));
}

async function campaignOf({ campaignId }) {
  if (!campaignId) return null;
  return (await host.callTool("get_campaign", { campaign_id: campaignId })).campaign;
}

function countersOf({ uid, scope, key }) {
  return host.callTool("get_stats", uid ? { scope: "event", key: uid } : { scope, key });
}

/** Put the event's words at the top; they are asked for once. */
async function entitle(about) {
  const { uid, scope, key } = about;
  const wanted = uid ?? (scope === "event" ? key : "");
  if (!wanted) return head("Statistics", scope === "system" ? "The whole system" : "Organizer", key ?? "");
  if (titled === wanted) return;
  const { event } = await host.callTool("get_event", { uid: wanted });
  if (about !== subject) return; // something else is shown by now
  titled = wanted;
  const cancelled = event.status === "cancelled" ? "Cancelled · " : "";
  const where = event.location ? ` · ${event.location}` : "";
  const times = `${format.span(event.start, event.end, event.all_day)} (${place(event.start.timezone)})`;
  head("Event", event.summary, `${cancelled}${times}${where}`);
}

/** Show what is known; either may be null. */
function show(campaign, counters) {
  const live = active(campaign) || counters?.delivery.sending > 0;
  at("pulse").hidden = !live;
  at("notice").hidden = true;
  showCampaign(campaign, counters);
  showCounters(counters, campaign?.state === "draft");
  say(at("updated"), `${live ? "Live · updated" : "Updated"} ${format.moment(new Date())}`);
  ready();
}

function showCampaign(campaign, counters) {
  if (campaign) say(at("kind"), panels.sending.headline(campaign));
  panels.sending.update(campaign, counters, format);
  panels.draft.update(campaign);
  panels.troubles.update(campaign, format);
  at("draft").hidden = campaign?.state !== "draft";
  at("sending").hidden = campaign?.state === "draft";
  at("troubles").hidden = !panels.troubles.any(campaign);
}

/** Of a draft that is the first, there is nothing to count yet. */
function showCounters(counters, drafted) {
  const none = !counters || (drafted && !counters.attendees);
  for (const id of ["tiles", "answers", "origins", "clients"]) at(id).hidden = none;
  if (none) return;
  panels.tiles.update(counters, format);
  panels.answers.update(counters, format);
  at("origins").hidden = !ranked(at("origins-body"), counters.origin, format, channel);
  at("clients").hidden = !ranked(at("clients-body"), counters.prodid, format, program);
}

/** The longest that may pass between two questions, in milliseconds, while nothing changes. */
function slowest(campaign, { rsvp }) {
  if (campaign?.state === "running") return 3_000;
  return rsvp.noaction > 0 || active(campaign) ? 15_000 : 60_000;
}

/** Start, pause or resume; then show what became of it. */
async function act(action, confirmToken) {
  const args = { campaign_id: subject.campaignId, action };
  if (confirmToken) args.confirm_token = confirmToken;
  const done = await host.callTool("control_campaign", args);
  offer(done.undo);
  await poller.now();
  const waiting = waits(done.held);
  await host.tellModel(`In the dashboard the person chose “${action}” for campaign ${args.campaign_id}. ${waiting}`.trim());
  // It stands beside the button, which does nothing more before the yes.
  if (waiting) throw new Error(waiting);
}

/** The button that takes back what an answer did, if it can be. */
function offer(undo) {
  offerUndo(host, at("undo-slot"), undo, async () => {
    await poller.now();
    await host.tellModel("In the dashboard the person undid what was started: nobody is notified.");
  });
}

function head(kind, title, when) {
  say(at("kind"), kind);
  at("title").replaceChildren(words(title || "Without a name"));
  at("when").replaceChildren(words(when));
}

function failing(error, wait) {
  const again = wait ? ` Asking again in ${format.duration(wait / 1000)}.` : "";
  notice(`${error.message}${again}`);
}

function notice(text) {
  if (at("title").textContent === "Loading…") head("Calendar invites", subject ? "Event" : "Nothing to show", "");
  say(at("notice"), text);
  at("notice").hidden = false;
  ready();
}

function ready() {
  at("page").setAttribute("aria-busy", "false");
}
