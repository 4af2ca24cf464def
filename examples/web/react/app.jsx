import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

function asked(config, path) {
  return fetch(config.server + path, { headers: { "x-api-key": config.key }, redirect: "manual" });
}

async function events(config) {
  const response = await asked(config, `/organizer/${encodeURIComponent(config.organizer)}/events`);
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return (await response.json()).filter((event) => event.status !== "CANCELLED");
}

/* The server answers with a redirect once the invite is owed. */
async function sent(config, uid, email) {
  const query = new URLSearchParams({ email, origin: "webform" });
  const response = await asked(config, `/event/${encodeURIComponent(uid)}/invite?${query}`);
  return response.type === "opaqueredirect";
}

/* The texts of an event come as HTML that the server has escaped. */
function Event({ event, email, config }) {
  const [state, setState] = useState("");
  const send = async (submitted) => {
    submitted.preventDefault();
    setState("Sending…");
    setState((await sent(config, event.uid, email)) ? "Your invite is on its way." : "It could not be sent.");
  };
  return (
    <li>
      <form onSubmit={send}>
        <span dangerouslySetInnerHTML={{ __html: event.summary_html }} />{" "}
        <small>{new Date(event.dtstart * 1000).toLocaleString()}</small>{" "}
        <button disabled={!email}>Send me this invite</button> <span role="status">{state}</span>
      </form>
    </li>
  );
}

function App({ config }) {
  const [shown, setShown] = useState([]);
  const [problem, setProblem] = useState("");
  const [email, setEmail] = useState("");
  useEffect(() => {
    events(config).then(setShown, (error) => setProblem(`The events cannot be shown now. ${error.message}`));
  }, [config]);
  return (
    <main>
      <h1>Our events</h1>
      <label>
        Your address <input type="email" autoComplete="email" value={email} onChange={(e) => setEmail(e.target.value)} />
      </label>
      <ul>{shown.map((event) => <Event key={event.uid} event={event} email={email} config={config} />)}</ul>
      <p role="alert">{problem}</p>
    </main>
  );
}

async function start() {
  const config = await (await fetch("config.json")).json();
  createRoot(document.getElementById("app")).render(<App config={config} />);
}

start();
