// The console works without this. With it: what moves is shown as it moves, and an error gets the focus.
document.getElementById("problem")?.focus();

// What is to be copied has a button for it, which only works with a script.
function copying(place) {
  for (const text of place.querySelectorAll("[data-copy]")) {
    if (text.nextElementSibling?.matches("[data-copies]")) continue;
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Copy" });
    button.dataset.copies = "";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    });
    text.after(button);
  }
}

const parts = [...document.querySelectorAll("[data-live]")];
const shown = new Map(parts.map((part) => [part, part.innerHTML]));
copying(document);
if (parts.some((part) => part.dataset.live === "moving")) setTimeout(again, 1000);

// Asks for this very page, and puts in place what has changed; a part that has not keeps its focus. The server does not count
// it as use of the session.
async function again() {
  let moving = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html", "X-Polling": "1" } });
    // The session is over: what is shown stays.
    if (answer.redirected) return;
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts) {
        const fresh = page.getElementById(part.id);
        moving = fresh?.dataset.live === "moving";
        if (!fresh || fresh.innerHTML === shown.get(part)) continue;
        shown.set(part, fresh.innerHTML);
        part.innerHTML = fresh.innerHTML;
        copying(part);
      }
    }
  } catch {
    // The server may be away for a moment; the page stays as it is until it answers.
  }
  if (moving) setTimeout(again, 1000);
}

// The preview follows the form; without this its button shows it.
const look = document.querySelector("button[formtarget]");
let typing;
if (look) {
  look.form.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => look.form.checkValidity() && look.form.requestSubmit(look), 400);
  });
  look.form.checkValidity() && look.form.requestSubmit(look);
}

// A double click sends a form once: its buttons are off as soon as its values are taken. They are on again where the page
// is come back to, and after a while, since an answer that is a file leaves the page as it is.
document.addEventListener("submit", ({ target, submitter }) => {
  if (target.method !== "post" || submitter?.formTarget) return;
  const buttons = [...target.querySelectorAll("button:enabled")];
  const off = (disabled) => buttons.forEach((button) => Object.assign(button, { disabled }));
  setTimeout(off, 0, true);
  setTimeout(off, 5000, false);
  addEventListener("pageshow", () => off(false), { once: true });
});
