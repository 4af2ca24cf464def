"""The outcome of a change, as a sentence above the page that it leads to."""

from __future__ import annotations

from engine.mail.locale.language import noop

DONE = {
    "approved": noop("Approved: it is carried out."),
    "refused": noop("Refused: nothing was changed, and nobody was mailed."),
    "stopped": noop("Stopped. Unsent mail waits, and is not lost."),
    "resumed": noop("It goes on."),
    "revoked": noop("That key has ended for good."),
    "widened": noop("That bound is wider now. What was refused can be asked again."),
    "on": noop("On the list: no more mail goes there."),
    "off": noop("Off the list."),
    "dropped": noop("Put away; nothing was done."),
    "undone": noop("Undone: nobody is notified."),
    "settled": noop("Set."),
    "pictured": noop("The page shows it from now on."),
    "created": noop("Created. Nobody was told: invite people below."),
    "changed": noop("Changed. Those whom it concerns are being mailed."),
    "copied": noop("Five mails are on their way."),
    "branded": noop("Saved: the next page and mail will look like this."),
    "unbranded": noop("As it was before anything was set."),
    "unchanged": noop("Nothing changed, and nobody is mailed."),
    "cancelled": noop("Cancelled. Those who are invited are being mailed."),
    "invited": noop("The invite is on its way."),
    "already": noop("That person was invited before; nothing was sent now."),
    "report": noop("The report goes to the organizer by mail."),
    "started": noop("Started."),
    "paused": noop("Paused. Unsent mail waits."),
    "withdrawn": noop("Cancelled. Mail that was already sent cannot be recalled."),
    "reminded": noop("They are being asked again."),
    "scheduled": noop("Set. Type Yes to start it."),
    "switched": noop("Set."),
    "bounded": noop("These are its bounds now; its unsent mail is judged by them."),
    "live": noop("Live: what is posted from now on is carried out."),
    "replayed": noop("It is handled anew."),
    "posted": noop("It is posted again."),
    "exporting": noop("It is being made. You may leave the page, and find it here again."),
    "deleted": noop("Deleted."),
    "answered": noop("Your answer is on its way."),
    "answered-before": noop("This very answer was sent before; nothing was sent now."),
    "made": noop("Made. Its code is below."),
    "shown-before": noop(
        "This form was sent before, and made this. Its secret was shown then; if you do not have it, make another."
    ),
    "saved": noop("Saved."),
    "ended": noop("Ended: whoever opens it is told so."),
    "restored": noop("In use again."),
    "online": noop("On the web, as it is now."),
    "offline": noop("Off the web."),
    "published": noop("Every event has a page of its own now, also those to come."),
    "unpublished": noop("Off the web; pages that were made one by one stay."),
    "chosen": noop("You see what this organizer has."),
}
"""What a change came to, by the word in the address, so that no link can make us say anything else."""
