"""A second line behind sender authentication: who proves themselves in a new way reaches few people at first.

A proof is a key, a signing domain or a network that mail came from. It is known for an organizer once they, or the
operator, have vouched for a mail that had it; or a day after a mail with it was first carried out, if the organizer's
notice of that has arrived. So a forger gains nothing by a harmless mail right before the harmful one, and cannot do
it unseen. Mails with new proofs reach so many people in a day altogether: several small ones are no way around it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import timedelta

from engine.commands import confirmation_mails, notices
from engine.commands.answers.confirmations import EXPIRES
from engine.commands.base import Done, Work
from engine.commands.campaigns.campaigns import CampaignDone
from engine.commands.events.events import EventDone
from engine.commands.randomness import TOKEN_LENGTH
from engine.commands.tables.batch import BatchDone
from engine.mail.locale.language import Language
from engine.model.base import Value
from engine.model.confirmations import Confirmation, ConfirmationKind

GROWN = timedelta(days=1)
"""How long a proof is new. Mails with new proofs are counted over the same time."""
_ASKED_MOST = 5
"""Questions of this kind to one organizer in a day; what waits besides is the operator's to release."""
_PROOFS_MAX = 20
_EVENTS_SHOWN = 10


class IntendedChange(Value):
    """What a mail would do to one event, and how many people would be mailed of it."""

    action: str
    uid: str
    people: int


class Proven(Value):
    """Whose mail it is, and what proves that; `mail` tells it at one of our mailboxes."""

    organizer: str
    proofs: tuple[str, ...]
    mail: str

    @property
    def digests(self) -> tuple[str, ...]:
        """The proofs as the store knows them."""
        return tuple(hashlib.sha256(proof.encode()).hexdigest() for proof in self.proofs[:_PROOFS_MAX])


class HeldProof(Value):
    """A mail that waits for the organizer's word on its proofs."""

    mail: str
    mailbox: str
    proven: Proven
    doings: tuple[IntendedChange, ...]

    @property
    def people(self) -> int:
        """How many people it would mail."""
        return sum(doing.people for doing in self.doings)


class NewProof(Exception):  # noqa: N818 -- the change is undone, and its mail waits
    """A change would mail more people than a mail with a new proof may reach."""

    def __init__(self, doings: Sequence[IntendedChange]) -> None:
        super().__init__("the proof is new")
        self.doings = tuple(doings)


def doings(done: Done) -> tuple[IntendedChange, ...]:
    """What came of a command, as far as people are mailed of it."""
    if done.held:
        return ()
    match done:
        case CampaignDone():
            found = [IntendedChange(action="invite", uid=done.event.uid, people=done.campaign.valid)]
        case BatchDone():
            found = [IntendedChange(action=o.action, uid=o.uid, people=o.notified) for o in done.outcomes]
        case EventDone():
            action = "cancel" if done.event.cancelled else "update"
            found = [IntendedChange(action=action, uid=done.event.uid, people=done.notified)]
        case _:
            found = []
    return tuple(doing for doing in found if doing.people)


async def weigh(work: Work, proven: Proven, found: Sequence[IntendedChange]) -> None:
    """Count the people whom a mail reaches, where its proofs are new. Raises NewProof where that is too many."""
    people = sum(doing.people for doing in found)
    if not people or await known(work, proven):
        return
    since = work.now - GROWN
    before, _ = await work.unit.on_trial(proven.organizer, since)
    if before + people > work.settings.first_proof_max:
        raise NewProof(found)
    await work.unit.add_on_trial(proven.organizer, proven.mail, people, work.now, since)


async def reserve(work: Work, proven: Proven, found: Sequence[IntendedChange]) -> None:
    """As `weigh`, for all that a mail of several parts is about to do; harmless to repeat for the same mail."""
    _, last = await work.unit.on_trial(proven.organizer, work.now - GROWN)
    if last != proven.mail:
        await weigh(work, proven, found)


async def known(work: Work, proven: Proven) -> bool:
    """True if one of the proofs is known for the organizer."""
    return await work.unit.knows_proof(proven.organizer, proven.digests, work.now - GROWN)


async def learn(work: Work, proven: Proven) -> None:
    """Note the proofs of a mail that was carried out; the organizer's next notice warns of new ones."""
    warn = not await known(work, proven)
    await work.unit.note_proofs(proven.organizer, proven.digests, work.now, warn=warn)


async def vouched(work: Work, organizer: str, digests: Collection[str]) -> None:
    """The organizer, or the operator for them, has said that mails with these proofs are theirs."""
    await work.unit.note_proofs(organizer, digests, work.now, sure=True)


async def released(work: Work, waited: Sequence[Confirmation]) -> None:
    """The operator lets a mail through that waited for these: that vouches for what proves it."""
    for found in waited:
        if found.kind is ConfirmationKind.FIRST_PROOF:
            await vouched(work, found.address, found.proofs)


async def ask(work: Work, held: HeldProof) -> None:
    """Write down that a mail waits, and ask its organizer, unless they are asked about the same proofs already."""
    organizer, digests = held.proven.organizer, held.proven.digests
    kind = ConfirmationKind.FIRST_PROOF
    others = await work.unit.open_since(organizer, work.now - GROWN, kind, _ASKED_MOST)
    alike = any(set(digests) & set(other.proofs) for other in others)
    language = await notices.language_of(work, organizer)
    confirmation = Confirmation(
        kind=kind,
        code=work.randomness.word(TOKEN_LENGTH),
        mail=held.mail,
        mailbox=held.mailbox,
        address=organizer,
        what=await _what(work, held, language),
        created=work.now,
        expires=work.now + EXPIRES,
        asked=not alike and len(others) < _ASKED_MOST,
        proofs=digests,
    )
    await work.unit.add_confirmation(confirmation)
    if confirmation.asked:
        notice = confirmation_mails.first_proof(confirmation, work.settings, language)
        await work.unit.add_messages([notices.message(work, organizer, organizer, notice, None)], priority=0)


async def _what(work: Work, held: HeldProof, language: Language) -> str:
    """What confirming does, in our own words and those that the events have now: the mail's own do not count yet."""
    lines = [await _line(work, doing, language) for doing in held.doings[:_EVENTS_SHOWN]]
    rest = held.doings[_EVENTS_SHOWN:]
    if rest:
        people = language.number(sum(d.people for d in rest))
        lines.append(
            language.say(
                "It affects {count} more events, and mails {people} people about them.",
                count=language.number(len(rest)),
                people=people,
            )
        )
    return " ".join(lines)


async def _line(work: Work, doing: IntendedChange, language: Language) -> str:
    event, say = await work.unit.event(doing.uid), language.say
    named = confirmation_mails.naming(event, language) if event else say("an event of yours")
    people = language.number(doing.people)
    match doing.action:
        case "invite":
            return say("It invites {people} people to {event}.", people=people, event=named)
        case "create":
            return say("It creates {event}, and invites {people} people to it.", people=people, event=named)
        case "cancel":
            return say("It cancels {event}, and mails {people} people about it.", people=people, event=named)
        case _:
            return say("It changes {event}, and mails {people} people about it.", people=people, event=named)
