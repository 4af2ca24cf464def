"use strict";
const state = document.getElementById("state");

async function asked(config, path) {
  const headers = { "x-api-key": config.key };
  return fetch(config.server + path, { headers, redirect: "manual" });
}

/* An event with a box to tick; its texts come as HTML that the server has escaped. */
function row(event) {
  const item = document.createElement("li");
  const when = new Date(event.dtstart * 1000).toLocaleString();
  item.innerHTML = `<label><input type="checkbox" name="uid"> ${event.summary_html} <small></small></label>`;
  item.querySelector("input").value = event.uid;
  item.querySelector("small").textContent = when;
  return item;
}

/* The server answers with a redirect once the invite is owed. */
async function sent(config, uid, email) {
  const query = new URLSearchParams({ email, origin: "webform" });
  const response = await asked(config, `/event/${encodeURIComponent(uid)}/invite?${query}`);
  return response.type === "opaqueredirect";
}

async function send(config, form) {
  const chosen = new FormData(form);
  const uids = chosen.getAll("uid");
  if (!uids.length) return "Choose an event first.";
  const results = await Promise.all(uids.map((uid) => sent(config, uid, chosen.get("email"))));
  const failed = results.filter((ok) => !ok).length;
  if (failed) return `${failed} of ${uids.length} invites could not be sent. Check the address.`;
  return uids.length === 1 ? "Your invite is on its way." : `Your ${uids.length} invites are on their way.`;
}

async function start() {
  const config = await (await fetch("config.json")).json();
  const response = await asked(config, `/organizer/${encodeURIComponent(config.organizer)}/events`);
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  const events = (await response.json()).filter((event) => event.status !== "CANCELLED");
  document.getElementById("events").append(...events.map(row));
  state.textContent = `${events.length} events`;
  const form = document.querySelector("form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    state.textContent = await send(config, form);
  });
}

start().catch((error) => { state.textContent = `The events cannot be shown now. ${error.message}`; });
