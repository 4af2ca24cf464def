"""What is said of mail services of ours, as messages: the words of an operator's own stand as they were written."""

from __future__ import annotations

from engine.mail.locale.language import noop

SAID = (
    noop(
        "Add a block for your own HTML to the newsletter and paste the button's code; or set a link on any "
        "words and paste the plain link."
    ),
    noop(
        "Send the newsletter to a list that holds you alone, not a preview: previews leave the tag as it is. "
        "The page must show your address. Its test mails may carry __test_email__ instead."
    ),
    noop(
        "Send the newsletter to a list that holds you alone, not a preview: previews leave the tag as it is. "
        "The page must show your address."
    ),
    noop("Dynamic templates: the data of each mail must carry “email”."),
    noop(
        "Send the newsletter to a list that holds you alone, not a preview: previews leave the tag as it is. "
        "The page must show your address. An address with “+” arrives only if the service's click tracking "
        "leaves it as it is: try one."
    ),
    noop("Leave the tag exactly as it is, without blanks."),
    noop("Add an e-mail card to the post and paste the code there: tags work in no other card."),
    noop("Set a link on a button of the post and paste the plain link. Readers type their address."),
    noop("Send the post to yourself and press the button."),
    noop(
        "Replace [email] in the code by your service's tag for the reader's address, percent-encoded where it"
        " can do that."
    ),
    noop(
        "The link is signed: [signature] is HMAC-SHA256 of the address as it stands in the link before "
        "encoding, with the key, in hexadecimal digits."
    ),
    noop("The link is signed. Its key is shown to whoever may make links."),
    noop("The link is signed; keep its code secret until it is sent."),
    noop("Another service, or your own mails"),
)
"""Steps and trials, and the one name that is no name."""
