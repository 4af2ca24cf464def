"""Close undecided actions and ended keys when their time is over, and tell those responsible once."""

from __future__ import annotations

from engine.commands import notices, notifying
from engine.commands.approvals import approval_mails
from engine.commands.approvals.delivering import fail_held
from engine.commands.base import Command, Work
from engine.commands.notifying import Progress
from engine.mail.locale.language import Language
from engine.model.held import HeldAction, HeldState, HoldReason
from engine.model.keys import Key
from engine.model.messages import Notice

_AT_ONCE = 20
_TOLD = "key-ended"
"""Whose memory it is that an owner was told of the end of a key."""


def end_of(key: Key) -> str:
    """Under what an owner's being told is remembered: the key and the moment, as a key may be given more time."""
    return f"{key.id} {key.ends.isoformat() if key.ends else ''}"


class ExpireHeld(Command[Progress]):
    """Close actions that were not decided in time, and tell whoever was asked."""

    async def carry_out(self, work: Work) -> Progress:
        """Close some actions that no one decided in time; `worked` is false if none is left. Refuses nothing."""
        expired = await work.unit.expired_held(work.now, min(_AT_ONCE, max(1, work.unit.items_per_unit // 6)))
        for held in expired:
            closed = held.model_copy(update={"state": HeldState.EXPIRED, "decided": work.now})
            await work.unit.save_held(closed)
            await fail_held(work, closed)
            await _tell(work, closed)
        return Progress(worked=bool(expired))


async def _tell(work: Work, held: HeldAction) -> None:
    """The decider hears that it counts as refused; so does an organizer whose own change it was."""
    to = {held.address} | ({held.organizer} if HoldReason.ORGANIZER in held.reasons else set())
    for address in sorted(to - {""}):
        notice = approval_mails.expired(held, await notices.language_of(work, address))
        await notifying.notify(work, address, notice, held.command.event_uid or None)


class TellEnded(Command[Progress]):
    """Tell the owner of a key that has ended what of its mail is left, once an end, if any is."""

    key_id: str

    async def carry_out(self, work: Work) -> Progress:
        """Owe the owner a notice if mail of the key waits. Refuses nothing."""
        key = await work.unit.key(self.key_id)
        if key is None or not key.ended(work.now) or await work.unit.remembered(_TOLD, end_of(key)):
            return Progress(worked=False)
        await work.unit.remember(_TOLD, end_of(key), "", "", work.now)
        mails = await work.unit.mails_of_ended(key.id)
        if mails and key.owner:
            notice = _ended(key, mails, await notices.language_of(work, key.owner))
            message = notices.message(work, key.owner, key.owner, notice, None)
            await work.unit.add_messages([message], priority=0)
        return Progress(worked=True)


def _ended(key: Key, mails: int, language: Language) -> Notice:
    count, named = language.number(mails), f"{key.id} “{key.name}”" if key.name else key.id
    if key.revoked:
        what = language.say(
            "The key {key}, for {address}, was revoked, and {count} mails that it owed have not left.",
            key=named,
            address=key.address,
            count=count,
        )
    else:
        what = language.say(
            "The key {key}, for {address}, has expired, and {count} mails that it owed have not left.",
            key=named,
            address=key.address,
            count=count,
        )
    rest = language.say(
        "Invites, reminders and lists among them are withdrawn. Changes and cancellations for people who are invited "
        "already wait; at the server's command line, “key owed {id} --send” sends them and “--drop” drops them.",
        id=key.id,
    )
    subject = language.say("A key of yours has ended: {key}", key=key.name or key.id)
    return Notice(subject=subject, text=f"{what}\n\n{rest}\n")
