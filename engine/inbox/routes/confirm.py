"""The answer of the owner of an address: the mail that waits is theirs. By mail to confirm+code@, or by the page."""

from __future__ import annotations

from contextlib import suppress

from engine.commands.answers.confirmations import UseConfirmation, usable
from engine.engine import SYSTEM, Engine
from engine.inbox.handling.once import apply_once
from engine.inbox.handling.received import MailAction, Outcome, ReceivedMail, ignored, turned_down
from engine.inbox.quarantine import Quarantine
from engine.model.actors import Actor
from engine.model.confirmations import Confirmation, ConfirmationKind
from engine.refusals import Code, Refused

_AT_ONCE = 100
"""Mails that are looked at again right after a confirmation; more are looked at in the background."""


async def handle(engine: Engine, received: ReceivedMail) -> Outcome:
    """Any mail that a person writes to confirm+code@ confirms; the code is known to its owner alone."""
    mail = received.mail
    if mail.report or mail.automatic or received.envelope.sender == "":
        return ignored(Code.AUTOMATIC_MAIL, "An automatic mail cannot confirm anything.")
    if await engine.store.held_by_code(received.mailbox.token):
        return ignored(Code.NO_CHANGE, "A reply decides nothing; decide on the page that the mail links to.")
    try:
        found = await _let_through(engine, received.mailbox.token)
    except Refused as no:
        return turned_down(no)
    outcome = Outcome(action=MailAction.CONFIRMED, detail=f"mail {found.mail} is handled")
    actor = Actor(kind="attendee", address=found.address)
    use = UseConfirmation(code=found.code)
    became = await apply_once(engine, received, use, actor, outcome=lambda _: outcome)
    await look_again(engine)
    return became


async def by_page(engine: Engine, code: str) -> Confirmation:
    """Confirm by the page's button. Raises Refused: CONFIRM_TOKEN_INVALID, UNKNOWN_MAIL."""
    found = await _let_through(engine, code)
    await engine.apply(UseConfirmation(code=code), Actor(kind="attendee", address=found.address))
    await look_again(engine)
    return found


async def look_again(engine: Engine) -> list[str]:
    """Take mail in again whose proofs were vouched for, or whose sender was registered, while it waited.

    Some at a time; returns the ids under which they are to be handled now.
    """
    names: list[str] = []
    for held in await engine.store.proven_since(engine.clock(), _AT_ONCE):
        name = await Quarantine(engine).again(held)
        if name is None:
            continue  # looked at again when its file is there
        if name:
            names.append(name)
        with suppress(Refused):  # used up meanwhile
            await engine.apply(UseConfirmation(code=held.code), SYSTEM)
    return names


async def waiting(engine: Engine, code: str) -> Confirmation:
    """What would be confirmed, changing nothing. Raises Refused: CONFIRM_TOKEN_INVALID."""
    return usable(await engine.store.confirmation(code), engine.clock())


async def _let_through(engine: Engine, code: str) -> Confirmation:
    """Let the mail through before the code is used up: a crash between the two asks for nothing but a repeat."""
    found = await waiting(engine, code)
    if found.kind is ConfirmationKind.REGISTRATION:
        return found
    await Quarantine(engine).confirmed(found)
    return found
