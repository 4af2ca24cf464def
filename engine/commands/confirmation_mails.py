"""The mails that ask the owner of an address whether a mail is theirs."""

from __future__ import annotations

import re

from engine.commands import notices
from engine.mail.locale.language import ENGLISH, Language, noop
from engine.mail.outgoing import words
from engine.model.confirmations import Confirmation
from engine.model.events import Event
from engine.model.messages import Notice
from engine.settings import Settings

_TITLE_SHOWN = 80
_LINK = re.compile(r"(?:https?|ftp)://\S*|www\.\S*", re.IGNORECASE)
_REGISTERS = noop(
    "Once it is registered, events that you mail here are created, and people invited in your name."
)


def confirm(confirmation: Confirmation, settings: Settings, language: Language = ENGLISH) -> Notice:
    """Asks the owner of an address whether a mail in their name is theirs; it quotes nothing of it."""
    say = language.say
    reached = say(
        "A mail in your name, {address}, reached {where}. Nothing in it proves that you sent it, so it waits and has "
        "changed nothing.",
        address=confirmation.address,
        where=_reached(confirmation, settings, language),
    )
    return _asking(
        confirmation,
        settings,
        say("Did you send this? Please confirm"),
        reached,
        confirmation.what,
        _by_reply(confirmation, settings, language),
        say("If you did not, do nothing: nothing will happen."),
        _once(confirmation, language),
    )


def _asking(confirmation: Confirmation, settings: Settings, subject: str, *paragraphs: str) -> Notice:
    """A mail whose answer confirms."""
    text = "\n\n".join(paragraphs) + "\n"
    return Notice(subject=subject, text=text, reply_to=settings.mailbox("confirm", confirmation.code))


def _by_reply(confirmation: Confirmation, settings: Settings, language: Language) -> str:
    """How a mail is confirmed: by an answer, or on a page."""
    page = settings.page(f"confirm/{confirmation.code}")
    if not page:
        return language.say("If you sent it, reply to this mail with any text.")
    told = language.say(
        "If you sent it, reply to this mail with any text, or open this page and press its button:"
    )
    return f"{told}\n{page}"


def _once(confirmation: Confirmation, language: Language) -> str:
    return language.say(
        "This works once, until {time} UTC.", time=words.moment(confirmation.expires, language)
    )


def _reached(confirmation: Confirmation, settings: Settings, language: Language) -> str:
    """Where and when the mail came; never a receipt token, for it may be somebody else's."""
    mailbox = settings.mailbox(confirmation.mailbox.partition("+")[0])
    time = words.moment(confirmation.created, language)
    return language.say("{mailbox} on {time} UTC", mailbox=mailbox, time=time)


def unproven(what: str, uid: str, language: Language = ENGLISH) -> Notice:
    """The notice about an unproven mail, to the address that it names; it quotes nothing of the mail."""
    told = language.say(
        "A mail in your name came to this server, and nothing in it proves that you sent it. Result: {what}.",
        what=what,
    )
    text = f"{told}\n" + (f"uid: {uid}\n" if uid else "")
    return Notice(subject=language.say("A mail in your name"), text=text)


def first_proof(confirmation: Confirmation, settings: Settings, language: Language = ENGLISH) -> Notice:
    """Asks an organizer whether a mail that would reach many people is theirs, since what proves it is new."""
    say = language.say
    reached = say(
        "A mail in your name, {address}, reached {domain}. What proves that you sent it was not seen here before: "
        "another mail server, or a new key. So it waits and has changed nothing.",
        address=confirmation.address,
        domain=settings.domain,
    )
    others = say(
        "Other mail of yours that came the same way is released with it, and later mail that comes the same way is "
        "not held."
    )
    forged = say(
        "If you did not, do nothing: nothing will happen. But someone can send mail as you: tell {address}, and the "
        "people who run your mail.",
        address=settings.mailbox("postmaster"),
    )
    return _asking(
        confirmation,
        settings,
        say("Did you send this to all these people? Please confirm"),
        reached,
        confirmation.what,
        _by_reply(confirmation, settings, language),
        others,
        forged,
        _once(confirmation, language),
    )


def registration(confirmation: Confirmation, settings: Settings, language: Language = ENGLISH) -> Notice:
    """Asks the sender of a proven mail whether to register their address as an organizer."""
    say, page = language.say, settings.page(f"confirm/{confirmation.code}")
    reached = say(
        "Your mail reached {where}. {address} is not registered here yet, so the mail waits.",
        where=_reached(confirmation, settings, language),
        address=confirmation.address,
    )
    how = say("To register, reply to this mail with any text.")
    if page:
        told = say("To register, reply to this mail with any text, or open this page and press its button:")
        how = f"{told}\n{page}"
    until = say("This works until {time} UTC.", time=words.moment(confirmation.expires, language))
    return _asking(
        confirmation,
        settings,
        say("Confirm your address to create events"),
        reached,
        say(_REGISTERS),
        how,
        say("If you did not send that mail, do nothing."),
        until,
    )


def naming(event: Event, language: Language = ENGLISH) -> str:
    """An event by its title, without links, and its time."""
    title = _LINK.sub("[link]", " ".join(event.summary.split()))[:_TITLE_SHOWN]
    return f"“{title}” ({notices.when(event.span, language)})"
