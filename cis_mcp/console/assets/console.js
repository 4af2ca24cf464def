// The console works without this. With it: what moves is shown as it moves, and an error gets the focus.
document.getElementById("problem")?.focus();

const parts = [...document.querySelectorAll("[data-live]")];
if (parts.some((part) => part.dataset.live === "moving")) setTimeout(again, 1000);

// Asks for this very page, and puts in place what has changed; a part that has not keeps its focus.
async function again() {
  let moving = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok && !answer.redirected) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts) {
        const fresh = page.getElementById(part.id);
        moving = fresh?.dataset.live === "moving";
        if (fresh && fresh.innerHTML !== part.innerHTML) part.innerHTML = fresh.innerHTML;
      }
    }
  } catch {
    // The server may be away for a moment; the page stays as it is until it answers.
  }
  if (moving) setTimeout(again, 1000);
}
