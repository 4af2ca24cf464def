// The coming months as buttons, one of which is pressed.

import { h } from "./dom.js";

const SHOWN = 12;

/** Fill `node`; `choose(month)` gets “May 2027”, as the search understands it, or "" for any. */
export function months(node, today, format, choose) {
  const buttons = [button("Any month", "", true), ...coming(today).map((iso) => ofMonth(iso, format))];
  node.replaceChildren(...buttons);
  node.addEventListener("click", ({ target }) => {
    const chosen = target.closest("button");
    if (!chosen) return;
    for (const one of buttons) one.setAttribute("aria-pressed", String(one === chosen));
    choose(chosen.dataset.month);
  });
}

function ofMonth(iso, format) {
  const year = iso.slice(5, 7) === "01" ? { year: "numeric" } : {};
  const english = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });
  return button(format.part(iso, { month: "short", ...year }), english.format(new Date(`${iso}T00:00Z`)), false);
}

function button(label, month, pressed) {
  return h("button", { type: "button", class: "month", "aria-pressed": String(pressed), "data-month": month }, label);
}

function coming(today) {
  const first = today.getFullYear() * 12 + today.getMonth();
  return Array.from({ length: SHOWN }, (_, later) => {
    const [year, month] = [Math.floor((first + later) / 12), ((first + later) % 12) + 1];
    return `${year}-${String(month).padStart(2, "0")}-01`;
  });
}
