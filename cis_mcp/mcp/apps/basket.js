// What is picked, whom it goes to, and the button that sends it.

import { h, say, words } from "./dom.js";

const MOST = 50;

/** `send(uids, email)` does it; `dropped(uid)` when an event is taken out here. */
export function basket(at, format, send, dropped) {
  const picked = new Map();
  const draw = () => {
    const count = picked.size;
    say(at("picked"), count ? `${format.count(count, "event is", "events are")} picked.` : "Nothing is picked yet.");
    say(at("send"), count ? `Send ${format.count(count, "invite", "invites")}` : "Send invites");
    at("clear").hidden = !count;
    at("send").disabled = !count;
    at("tags").replaceChildren(...[...picked.values()].map((event) => tag(event, format, drop)));
  };
  const drop = (uid) => {
    picked.delete(uid);
    dropped(uid);
    draw();
    (at("tags").querySelector("button") ?? at("email")).focus();
  };
  const toggle = (event, ticked) => {
    if (ticked) picked.set(event.uid, event);
    else picked.delete(event.uid);
    draw();
  };
  const sent = (invites) => {
    for (const { uid, status } of invites) if (status !== "failed") picked.delete(uid);
    draw();
  };
  at("clear").addEventListener("click", () => [...picked.keys()].forEach(drop));
  at("send").addEventListener("click", () => submit(at, [...picked.keys()], send));
  at("email").addEventListener("keydown", ({ key }) => key === "Enter" && at("send").click());
  at("email").addEventListener("input", () => complain(at, ""));
  return { picked, toggle, sent };
}

async function submit(at, uids, send) {
  const email = at("email").value.trim();
  const fault = wrong(at("email"), email, uids);
  complain(at, fault);
  if (fault) return at("email").focus();
  at("send").disabled = true;
  try {
    await send(uids, email);
  } catch (error) {
    complain(at, error.message);
    at("send").disabled = false;
  }
}

function wrong(field, email, uids) {
  if (uids.length > MOST) return `At most ${MOST} events can be sent at once; take some out.`;
  if (!email) return "Where to? Enter an e-mail address.";
  return field.checkValidity() ? "" : "That is no e-mail address. Write it as name@example.com.";
}

function complain(at, text) {
  say(at("wrong"), text);
  at("wrong").hidden = !text;
  at("email").setAttribute("aria-invalid", String(Boolean(text)));
}

function tag(event, format, drop) {
  const day = format.part(event.start.local, { month: "short", day: "numeric" });
  const label = `Take out ${event.summary}, ${day}`;
  const cross = h("button", { type: "button", "aria-label": label, onclick: () => drop(event.uid) }, "×");
  return h("li", { class: "tag" }, h("span", {}, `${day} · `, words(event.summary)), cross);
}
