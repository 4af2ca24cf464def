// The button that takes back what was just done, for as long as nobody has heard of it.

import { h } from "./dom.js";
import { tried } from "./sending.js";

/** Put into `slot` the button for the `undo` of an answer, until its time is over; `done()` follows on a press. */
export function offerUndo(host, slot, undo, done) {
  slot.replaceChildren();
  const left = undo ? Date.parse(undo.until) - Date.now() : 0;
  if (!(left > 0)) return;
  const said = h("p", { class: "error", role: "alert", hidden: true });
  const node = h("button", { type: "button", class: "plain" }, "Undo");
  const over = setTimeout(() => slot.replaceChildren(), left);
  node.addEventListener("click", () =>
    tried(node, said, async () => {
      await host.callTool("undo", { id: undo.id });
      clearTimeout(over);
      slot.replaceChildren(h("span", { class: "quiet", role: "status" }, "Undone: nobody is notified."));
      await done();
    }),
  );
  slot.replaceChildren(node, said);
}
