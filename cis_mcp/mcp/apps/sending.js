// How far the mails are: a bar, its numbers, the speed, and buttons to pause and go on.

import { legend, stacked } from "./charts.js";
import { h, say } from "./dom.js";

const KINDS = [
  { key: "sent", label: "Sent", always: true },
  { key: "sending", label: "Sending now" },
  { key: "pending", label: "Waiting", always: true },
  { key: "deferred", label: "To be tried again" },
  { key: "failed", label: "Failed", always: true },
  { key: "withdrawn", label: "Withdrawn" },
];
const STATES = {
  draft: "draft",
  scheduled: "scheduled",
  running: "sending",
  paused: "paused",
  finished: "finished",
  cancelled: "cancelled",
};
const WHAT = { invite: "Campaign", update: "Update", cancellation: "Cancellation" };
const SAMPLES_MS = 20_000;

/** True while a campaign sends, or soon will. */
export function active(campaign) {
  return campaign?.state === "running" || campaign?.state === "scheduled";
}

/** Fill `node`, and `slot` with buttons; `act(action)` does them. update(campaign or null, counters, format). */
export function sending(node, slot, act) {
  const figure = h("strong");
  const exact = h("span", { class: "quiet" });
  const bar = stacked(KINDS, "Mails taken by mail servers");
  const numbers = legend(KINDS, { shares: false });
  const speed = h("p", { class: "quiet" });
  const said = h("p", { class: "error", role: "alert", hidden: true });
  const pause = button("pause", "Pause sending", act, said);
  const resume = button("resume", "Go on sending", act, said);
  slot.replaceChildren(pause, resume);
  node.replaceChildren(h("p", { class: "figure" }, figure, exact), bar.node, numbers.node, speed, said);
  const pace = new Pace();
  const update = (campaign, counters, format) => {
    const counts = grouped(campaign ? campaign.counts : counters.delivery);
    const whole = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const spoken = `${format.number(counts.sent)} of ${format.count(whole, "mail", "mails")} sent`;
    say(figure, format.share(counts.sent, whole));
    say(exact, spoken);
    bar.update(counts, whole, counts.sent, spoken);
    numbers.update(counts, whole, format);
    say(speed, campaign ? story(campaign, pace.of(campaign.id, counts), counts, format) : "");
    pause.hidden = !active(campaign);
    resume.hidden = campaign?.state !== "paused";
  };
  return { update, headline: (campaign) => `${WHAT[campaign.kind] ?? "Campaign"} · ${STATES[campaign.state]}` };
}

function button(action, label, act, said) {
  const node = h("button", { type: "button", class: "plain", hidden: true }, label);
  node.addEventListener("click", () => tried(node, said, () => act(action)));
  return node;
}

/** Do `action` with `node` out of use meanwhile; what went wrong is told in `said`. */
export async function tried(node, said, action) {
  node.disabled = true;
  said.hidden = true;
  try {
    await action();
  } catch (error) {
    say(said, error.message);
    said.hidden = false;
  }
  node.disabled = false;
}

function grouped({ waiting = 0, queued = 0, ...counts }) {
  return { sent: 0, failed: 0, ...counts, pending: waiting + queued };
}

function story(campaign, perSecond, counts, format) {
  const left = counts.pending + (counts.sending ?? 0);
  switch (campaign.state) {
    case "scheduled":
      return `Begins ${format.day(campaign.at)}.`;
    case "paused":
      return `${campaign.note || "Paused."} ${format.count(left, "mail waits", "mails wait")}.`;
    case "running":
      if (!perSecond) return "Sending…";
      return `About ${format.number(Math.round(perSecond))} a second, ${format.duration(left / perSecond)} left.`;
    default:
      return campaign.finished ? `${campaign.state === "cancelled" ? "Cancelled" : "Finished"} ${format.day(campaign.finished)}.` : "";
  }
}

/** Mails a second over the last seconds, as seen from here. */
class Pace {
  #id = "";
  #samples = [];

  of(id, counts) {
    const now = performance.now();
    if (id !== this.#id) this.#samples = [];
    this.#id = id;
    const gone = counts.sent + counts.failed;
    this.#samples = [...this.#samples.filter(({ at }) => now - at < SAMPLES_MS), { at: now, gone }];
    const [first] = this.#samples;
    const seconds = (now - first.at) / 1000;
    return seconds > 0.5 ? (gone - first.gone) / seconds : 0;
  }
}
