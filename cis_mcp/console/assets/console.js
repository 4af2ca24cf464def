// The console works without this. With it: what moves is shown as it moves, and an error gets the focus.
document.getElementById("problem")?.focus();

const live = document.querySelector("[data-live]");
if (live) follow(live);

function follow(part) {
  const again = async () => {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok && !answer.redirected) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("[data-live]");
        if (fresh && fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
        if (!fresh || fresh.dataset.live === "still") return;
      }
    } catch {
      // The server may be away for a moment; the page stays as it is until it answers.
    }
    setTimeout(again, 1000);
  };
  if (part.dataset.live !== "still") setTimeout(again, 1000);
}
