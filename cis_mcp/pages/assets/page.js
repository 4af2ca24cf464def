// The page works without this. With it: filtering is instant, ticks are counted, times are also shown in the
// visitor's zone, and the form says that a person used it.
const form = document.querySelector("form[data-page], form[data-event]");
if (form) begin(form);

function begin(form) {
  const events = document.getElementById("events");
  const chosen = document.getElementById("chosen");
  const count = document.querySelector(".count");
  const send = form.querySelector("button.main");
  const label = "Send me the invites";
  const filter = form.querySelector(".filter");
  let rows = [];
  let loading = null;

  // A program that runs scripts and submits forms presses no key and moves no pointer.
  const used = (event) => {
    if (event.isTrusted && form.elements.h) form.elements.h.value = "1";
  };
  // The reader's address is nobody else's business: not the history's, not that of a link that is passed on.
  if ("link" in form.dataset && location.search) history.replaceState(null, "", location.pathname);
  for (const kind of ["pointerdown", "keydown", "touchstart"]) addEventListener(kind, used, { passive: true });

  function read() {
    rows = [...(events?.querySelectorAll("li") ?? [])].map((item) => {
      const title = item.querySelector("b").textContent;
      const pieces = title.split(/\s+(at|@|vs\.?|v\.?|versus)\s+/i);
      const last = pieces.length === 3 && /^(at|@)$/i.test(pieces[1]);
      const group = item.closest("fieldset");
      return {
        item, group,
        text: `${item.textContent} ${group.querySelector("h2").textContent}`.toLowerCase(),
        home: (last ? pieces[2] : pieces[0])?.trim(),
        away: (last ? pieces[0] : pieces[2])?.trim(),
        place: item.querySelector(".place")?.textContent ?? "",
        month: (item.querySelector("time")?.dateTime ?? "") && group.dataset.m,
      };
    });
  }

  function tally() {
    const ticked = [...form.querySelectorAll("input[name=e]:checked")];
    const unseen = ticked.filter((box) => box.closest("[hidden]")).length;
    const n = ticked.length;
    if (chosen && events) {
      chosen.textContent = n
        ? `${n} chosen${unseen ? ` (${unseen} not shown just now)` : ""}.`
        : "Choose above what you want in your calendar.";
      send.textContent = n > 1 ? `Send me these ${n} invites` : n ? "Send me this invite" : label;
    }
  }

  const value = (name) => (form.elements[name]?.value ?? "").trim();
  const filtered = () => ["q", "team", "place", "month"].some(value);

  async function whole() {
    if (form.dataset.whole === "1") return;
    loading ??= fetch(`${form.dataset.page}?all=1`)
      .then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)))
      .then((html) => {
        const page = new DOMParser().parseFromString(html, "text/html");
        const ticked = new Set([...form.querySelectorAll("input[name=e]:checked")].map((box) => box.value));
        events.replaceChildren(...page.getElementById("events").childNodes);
        for (const box of events.querySelectorAll("input[name=e]")) box.checked = ticked.has(box.value);
        document.querySelector(".kept")?.remove();
        document.querySelector(".rest")?.remove();
        form.dataset.whole = "1";
        read();
        ownTimes();
      });
    await loading;
  }

  async function show() {
    if (filtered()) await whole();
    const words = value("q").toLowerCase().split(/\s+/).filter(Boolean);
    const [team, side, place, month] = ["team", "side", "place", "month"].map(value);
    let n = 0;
    const full = new Set();
    for (const row of rows) {
      const plays = !team || (side ? team === row[side] : team === row.home || team === row.away);
      const fits = plays && (!place || place === row.place) && (!month || month === row.month) &&
        words.every((word) => row.text.includes(word));
      if (row.item.hidden === fits) row.item.hidden = !fits;
      if (fits) { n += 1; full.add(row.group); }
    }
    for (const group of new Set(rows.map((row) => row.group))) group.hidden = !full.has(group);
    if (count) count.textContent = filtered() ? `${n.toLocaleString("en")} shown` : `${n.toLocaleString("en")} events`;
    tally();
    return n;
  }

  if (filter) {
    let waiting;
    filter.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => show().catch(() => {}), 80);
    });
    filter.querySelector("button").addEventListener("click", (event) => {
      if (form.dataset.asking) return;
      event.preventDefault();
      // What no row has word for word, the server may understand: “weekend evenings in May”.
      const ask = () => {
        form.dataset.asking = "1";
        event.target.click();
      };
      show().then((n) => n || ask(), ask);
    });
  }
  form.addEventListener("change", (event) => {
    if (event.target.name === "e") tally();
  });
  form.elements.email?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    form.requestSubmit(send);
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter !== send || !events) return;
    if (form.querySelector("input[name=e]:checked")) return;
    event.preventDefault();
    chosen.textContent = "Nothing is chosen yet: tick what you want in your calendar.";
    events.querySelector("input[name=e]")?.focus();
  });

  function ownTimes() {
    const hours = form.dataset.hours === "12";
    const clock = new Intl.DateTimeFormat("en-GB", { hour: hours ? "numeric" : "2-digit", minute: "2-digit", hour12: hours });
    const day = new Intl.DateTimeFormat("en-GB", { weekday: "long" });
    for (const time of document.querySelectorAll("time[datetime$=Z]:not([data-own])")) {
      time.dataset.own = "";
      const at = new Date(time.dateTime);
      const own = clock.format(at);
      if (own === time.textContent.trim()) continue;
      const note = document.createElement("small");
      const there = time.dataset.day ?? time.closest("fieldset")?.querySelector("h2").textContent ?? "";
      const here = day.format(at);
      note.textContent = `${own} your time${there.includes(here) ? "" : `, ${here}`}`;
      time.closest(".when, dd").append(" ", note);
    }
  }

  read();
  ownTimes();
  tally();
  document.getElementById("problem")?.focus();
}
