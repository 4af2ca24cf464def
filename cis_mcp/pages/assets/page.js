// The page works without this. With it: filtering is instant, ticks are counted, times are also shown in the
// visitor's zone, and the form says that a person used it.
const form = document.querySelector("form[data-page], form[data-event]");
if (form) begin(form);

function begin(form) {
  const events = document.getElementById("events");
  const chosen = document.getElementById("chosen");
  const count = document.querySelector(".count");
  const send = form.querySelector("button.main");
  const texts = JSON.parse(form.dataset.texts);
  const lang = document.documentElement.lang;
  const numbers = new Intl.NumberFormat(`${lang}-u-nu-latn`, { useGrouping: "always" });
  const plural = new Intl.PluralRules(lang);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const some = (name, n, values = {}) =>
    fill(texts[name][plural.select(n)] ?? texts[name].other, { ...values, n: numbers.format(n) });
  const filter = form.querySelector(".filter");
  let rows = null;
  let loading = null;
  const asked = form.elements.lang?.value;

  // A program that runs scripts and submits forms presses no key and moves no pointer.
  const used = (event) => {
    if (event.isTrusted && form.elements.h) form.elements.h.value = "1";
  };
  // The reader's address is nobody else's business: not the history's, not that of a link that is passed on.
  if ("link" in form.dataset && location.search) history.replaceState(null, "", form.action);
  for (const kind of ["pointerdown", "keydown", "touchstart"]) addEventListener(kind, used, { passive: true });

  function read() {
    return [...(events?.querySelectorAll("li") ?? [])].map((item) => {
      const title = item.querySelector("b").textContent;
      const pieces = title.split(/\s+(at|@|vs\.?|v\.?|versus)\s+/i);
      const last = pieces.length === 3 && /^(at|@)$/i.test(pieces[1]);
      const group = item.closest("fieldset");
      const own = item.querySelector("small")?.textContent ?? "";
      return {
        item, group,
        text: `${item.textContent.replace(own, "")} ${group.querySelector("h2").textContent}`.toLowerCase(),
        home: (last ? pieces[2] : pieces[0])?.trim(),
        away: (last ? pieces[0] : pieces[2])?.trim(),
        place: item.querySelector(".place")?.textContent ?? "",
        month: (item.querySelector("time")?.dateTime ?? "") && group.dataset.m,
      };
    });
  }

  // What stands there already is not laid out anew.
  const put = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
  };

  function tally() {
    const ticked = [...form.querySelectorAll("input[name=e]:checked")];
    const unseen = ticked.filter((box) => box.closest("[hidden]")).length;
    const n = ticked.length;
    if (chosen && events) {
      put(chosen, n ? some(unseen ? "unseen" : "chosen", n, { unseen: numbers.format(unseen) }) : texts.choose);
      put(send, n ? some("send", n) : texts.none);
    }
  }

  const value = (name) => (form.elements[name]?.value ?? "").trim();
  const filtered = () => ["q", "team", "place", "month"].some(value);

  async function whole() {
    if (form.dataset.whole === "1") return;
    loading ??= fetch(`${form.dataset.page}?all=1${asked ? `&lang=${asked}` : ""}`)
      .then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)))
      .then((html) => {
        const page = new DOMParser().parseFromString(html, "text/html");
        const ticked = new Set([...form.querySelectorAll("input[name=e]:checked")].map((box) => box.value));
        events.replaceChildren(...page.getElementById("events").childNodes);
        for (const box of events.querySelectorAll("input[name=e]")) box.checked = ticked.has(box.value);
        document.querySelector(".kept")?.remove();
        document.querySelector(".rest")?.remove();
        form.dataset.whole = "1";
        rows = null;
        ownTimes();
      });
    await loading;
  }

  async function show() {
    if (filtered()) await whole();
    rows ??= read();
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
    if (count) count.textContent = some(filtered() ? "shown" : "events", n);
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
    chosen.textContent = texts.nothing;
    events.querySelector("input[name=e]")?.focus();
  });

  function ownTimes() {
    const hours = form.dataset.hours === "12";
    const two = (n) => String(n).padStart(2, "0");
    const clock = (at) => {
      const [hour, minute] = [at.getHours(), two(at.getMinutes())];
      if (!hours) return `${two(hour)}:${minute}`;
      return fill(hour < 12 ? texts.am : texts.pm, { clock: `${(hour + 11) % 12 + 1}:${minute}` });
    };
    const times = [...document.querySelectorAll("time[datetime$=Z]")];
    let day;
    const note = (time) => {
      const at = new Date(time.dateTime);
      const own = clock(at);
      if (own === time.textContent.trim()) return;
      day ??= new Intl.DateTimeFormat(lang, { weekday: "long" });
      const small = document.createElement("small");
      const there = time.dataset.day ?? time.closest("fieldset")?.querySelector("h2").textContent ?? "";
      const here = day.format(at);
      small.textContent = fill(there.includes(here) ? texts.own : texts.ownDay, { time: own, day: here });
      time.closest(".when, dd").append(" ", small);
    };
    // A few at a time, so that nobody who taps meanwhile waits.
    const go = () => {
      for (const time of times.splice(0, 20)) if (!("own" in time.dataset)) note(time, time.dataset.own = "");
      if (times.length) setTimeout(go);
    };
    go();
  }

  ownTimes();
  tally();
  document.getElementById("problem")?.focus();
}
