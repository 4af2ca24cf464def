"""Stop or resume the mail of one organizer, or all mail, from the next claim on; STOP by mail from a key's owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from engine.commands import bulk_changes, notices, text
from engine.commands.agents.digests import key_line
from engine.commands.agents.readable import read_by_a_key
from engine.commands.agents.standing import live
from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer
from engine.mail.locale.language import Language, noop
from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.keys import Key
from engine.model.messages import Notice
from engine.model.stops import EVERYTHING, Stop
from engine.model.verbs import Verb
from engine.refusals import Code, Refused


class Stopped(Done):
    """What is stopped or resumed; `changed`: it was not so before."""

    organizer: str
    stopped: bool
    changed: bool


class StopSending(Command[Stopped]):
    """Hold an organizer's mail, or all mail, from the next claim on; nothing that is owed is lost."""

    free: ClassVar[bool] = True

    organizer: str = EVERYTHING
    stopped: bool = True

    async def carry_out(self, work: Work) -> Stopped:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS."""
        organizer = text.address(self.organizer) if self.organizer else EVERYTHING
        await _may_stop(work, organizer)
        before = await _stop_of(work, organizer)
        if self.stopped:
            await _stop(work, organizer, before)
        else:
            _refuse_lifting(work, before)
            await work.unit.resume(organizer)
            await bulk_changes.begin(work, BulkChange(action=BulkAction.RELEASE, organizer=organizer))
        return Stopped(organizer=organizer, stopped=self.stopped, changed=bool(before) != self.stopped)


async def _stop(work: Work, organizer: str, before: Stop | None) -> None:
    """Stop its mail. A stop that more people may lift becomes the actor's own, and keeps its time."""
    if before is None or _weight(work.actor.audited) > _weight(before.stopped_by):
        since = before.since if before else work.now
        await work.unit.stop(Stop(organizer=organizer, since=since, stopped_by=work.actor.audited))


def _weight(stopped_by: str) -> int:
    """How few may lift what was stopped so: a key's stop any key and person, an owner's they and the operator."""
    return {"agent": 0, "owner": 1}.get(stopped_by.partition(":")[0], 2)


async def _stop_of(work: Work, organizer: str) -> Stop | None:
    return next((stop for stop in await work.unit.stops() if stop.organizer == organizer), None)


def _refuse_lifting(work: Work, stop: Stop | None) -> None:
    """A key lifts what a key stopped; what a person stopped, a person lifts: their own stop, or the operator any."""
    if stop and work.actor.kind == "owner" and stop.stopped_by != work.actor.audited:
        raise Refused(Code.NOT_ALLOWED, "Someone else stopped it.", "Ask the operator to resume it.")
    if stop and work.actor.by_key and not stop.stopped_by.startswith("agent:"):
        raise Refused(
            Code.NOT_ALLOWED,
            "A person stopped it, so no key can resume it.",
            "Ask the operator to resume it.",
        )


async def _may_stop(work: Work, organizer: str) -> None:
    """Operators stop everything; a key with the verb `approve` the address it acts for, people their own mail."""
    if work.actor.kind == "owner" and organizer == work.actor.address:
        if await read_by_a_key(work, organizer):
            raise Refused(Code.NOT_ALLOWED, "A key acts for this address.", "Ask the operator to resume it.")
        return
    own = bool(organizer) and work.actor.kind == "agent" and work.actor.owns(organizer)
    if own and Verb.APPROVE in work.verbs:
        return
    may_administer(work.actor)


class OwnerStopped(Done):
    """The keys that are stopped now; `organizer`: the organizer whose own mail is stopped, if they own no keys."""

    keys: tuple[Key, ...] = ()
    organizer: str = ""


class StopByOwner(Command[OwnerStopped]):
    """Stop all keys that an address owns, or the one that is named by its name or id; else the organizer's own mail."""

    named: str = ""
    alone: bool = Field(
        False, description="true: only the key that is named; if there is none, nothing is stopped"
    )
    own_mail: bool = Field(True, description="false: keys alone, said at the token of an invite to somebody")

    async def carry_out(self, work: Work) -> OwnerStopped:
        """Raises Refused: UNKNOWN_KEY if the address owns none, and is no organizer who says STOP and no more."""
        owner = work.actor.address
        own = await live(work.unit, await work.unit.keys_owned(owner), work.now)
        if work.actor.kind != "owner":
            raise Refused(Code.UNKNOWN_KEY, "This address owns no keys.")
        return await self._keys(work, own) if own else await self._organizer(work)

    async def _organizer(self, work: Work) -> OwnerStopped:
        organizer = work.actor.address
        own = self.own_mail and not self.named.strip() and await work.unit.knows_organizer(organizer)
        if not own or await read_by_a_key(work, organizer):
            raise Refused(Code.UNKNOWN_KEY, "This address owns no keys.")
        await _stop(work, organizer, await _stop_of(work, organizer))
        message = notices.message(
            work, organizer, organizer, _own_mail(work, await notices.language_of(work, organizer)), None
        )
        await work.unit.add_messages([message], priority=0)
        return OwnerStopped(organizer=organizer)

    async def _keys(self, work: Work, own: Sequence[Key]) -> OwnerStopped:
        owner = work.actor.address
        wanted = self.named.strip().lower()
        chosen = [key for key in own if wanted and wanted in {key.id, key.name.lower()}]
        if not chosen and self.alone:
            raise Refused(Code.UNKNOWN_KEY, "You have no live key of that name.")
        chosen = chosen or list(own)
        if len(chosen) > work.unit.items_per_unit:
            # Those under another of them stop with it.
            ids = {key.id for key in chosen}
            chosen = [key for key in chosen if ids.isdisjoint(key.above)]
        values = {"stopped": work.now, "stopped_by": work.actor.kind}
        # Also of one that another key stopped: from now on no key lets it go on.
        stopped = [key.model_copy(update={**values, "stopped": key.stopped or work.now}) for key in chosen]
        for key in stopped:
            await work.unit.save_key(key)
        notice = _notice(work, stopped, await notices.language_of(work, owner))
        message = notices.message(work, owner, owner, notice, None)
        await work.unit.add_messages([message], priority=0)
        return OwnerStopped(keys=tuple(stopped))

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "keys"


def _own_mail(work: Work, language: Language) -> Notice:
    say = language.say
    stopped = say("Stopped. None of your mail leaves any more; what is queued waits.")
    text_ = f"{stopped}\n\n{say(_UNDER_WAY)} {_let_go_on(work, language)}\n"
    return Notice(subject=say("Stopped"), text=text_)


def _notice(work: Work, keys: list[Key], language: Language) -> Notice:
    say = language.say
    listed = "\n".join(f"- {key_line(key, language)}" for key in keys)
    stopped = say("Stopped. These keys can change nothing any more, and their queued mail waits:")
    only = say("No key can resume them.")
    text_ = f"{stopped}\n{listed}\n\n{say(_UNDER_WAY)} {_let_go_on(work, language)} {only}\n"
    return Notice(subject=say("Stopped"), text=text_)


_UNDER_WAY = noop("A mail that was being handed to a mail server at that moment may still arrive.")


def _let_go_on(work: Work, language: Language) -> str:
    """Where a person lifts the stop: on a page, with the proof of a mail, or at the machine."""
    page = work.settings.page("console/agents")
    if not page:
        return language.say("To resume, ask the operator of this server.")
    told = language.say("To resume, sign in with this address and press the button:")
    return f"{told}\n{page}\n"
