"""Stop an organizer or everything at the next claim, and let it go on; STOP by mail of a key's owner."""

from __future__ import annotations

from typing import ClassVar

from engine.commands import bulk_changes, notices, text
from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer
from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.keys import Key
from engine.model.messages import Notice
from engine.model.stops import EVERYTHING, Stop
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_NAME_MAX = 200


class Stopped(Done):
    """What is stopped or goes on; `changed`: it was not so before."""

    organizer: str
    stopped: bool
    changed: bool


class StopSending(Command[Stopped]):
    """Have an organizer's mail wait from the next claim on, or everyone's; nothing that is owed is lost."""

    free: ClassVar[bool] = True

    organizer: str = EVERYTHING
    stopped: bool = True

    async def carry_out(self, work: Work) -> Stopped:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS."""
        organizer = text.address(self.organizer) if self.organizer else EVERYTHING
        _may_stop(work, organizer)
        before = any(stop.organizer == organizer for stop in await work.unit.stops())
        if self.stopped:
            stop = Stop(organizer=organizer, since=work.now, stopped_by=work.actor.audited)
            await work.unit.stop(stop)
        else:
            await work.unit.resume(organizer)
            await bulk_changes.begin(work, BulkChange(action=BulkAction.RELEASE, organizer=organizer))
        return Stopped(organizer=organizer, stopped=self.stopped, changed=before != self.stopped)


def _may_stop(work: Work, organizer: str) -> None:
    """Operators stop everything; a key with the verb `approve` stops the address it acts for."""
    own = bool(organizer) and work.actor.kind == "agent" and work.actor.owns(organizer)
    if own and Verb.APPROVE in work.verbs:
        return
    may_administer(work.actor)


class OwnerStopped(Done):
    """The keys that are stopped now."""

    keys: tuple[Key, ...]


class StopByOwner(Command[OwnerStopped]):
    """Stop all keys that an address owns, or the one that is named by its name or id."""

    named: str = ""

    async def carry_out(self, work: Work) -> OwnerStopped:
        """Raises Refused: UNKNOWN_KEY where the address owns none."""
        owner = work.actor.address
        own = [key for key in await work.unit.keys_owned(owner) if not key.ended(work.now)]
        if work.actor.kind != "owner" or not own:
            raise Refused(Code.UNKNOWN_KEY, "This address owns no keys.")
        wanted = self.named.strip().lower()[:_NAME_MAX]
        chosen = [key for key in own if wanted and wanted in {key.id, key.name.lower()}] or own
        stopped = [key if key.stopped else key.model_copy(update={"stopped": work.now}) for key in chosen]
        for key in stopped:
            await work.unit.save_key(key)
        message = notices.message(work, owner, owner, _notice(stopped), None)
        await work.unit.add_messages([message], priority=0)
        return OwnerStopped(keys=tuple(stopped))

    def subject(self) -> str:
        return "keys"


def _notice(keys: list[Key]) -> Notice:
    lines = [f"- {key.id}{f' “{key.name}”' if key.name else ''}, for {key.address}" for key in keys]
    text_ = (
        "Stopped. These keys change nothing any more, and what they owe waits:\n" + "\n".join(lines) + "\n\n"
        "What a mail server was being handed at that moment may still arrive. To let them go on, resume them at the "
        "server's command line or by a key that may approve.\n"
    )
    return Notice(subject="Stopped", text=text_)
