"""Notify the owner of an address of the outcome of mails: at once, but at most one mail a minute."""

from __future__ import annotations

from engine.commands import notices
from engine.commands.base import Command, Done, Work
from engine.model.messages import Notice
from engine.store.protocol import NOTICE_PAUSE

SHOWN = 20
"""Notices that one mail sums up; of further ones it says how many there are."""


async def notify(work: Work, to: str, notice: Notice, event_uid: str | None) -> None:
    """Owe `to` the notice: now, or together with others a minute after the last one."""
    if await work.unit.may_notify(to, work.now, NOTICE_PAUSE):
        await owe(work, to, notice, event_uid)
    else:
        await work.unit.gather(to, notice, event_uid, NOTICE_PAUSE, SHOWN)


async def owe(work: Work, to: str, notice: Notice, event_uid: str | None) -> None:
    """Owe an organizer a notice; what proved their mails until now counts as told once it has arrived."""
    if await work.unit.unannounced_proofs(to):
        notice = notices.warned(notice, work.settings, await notices.language_of(work, to))
    message = notices.message(work, to, to, notice, event_uid)
    await work.unit.add_messages([message], priority=0)
    await work.unit.proofs_announced(to, message.message_id)


class Progress(Done):
    """Whether anything was done, so that the caller asks again at once."""

    worked: bool


class SendGathered(Command[Progress]):
    """Owe the next address whose minute is over one mail that sums up what was gathered for it."""

    async def carry_out(self, work: Work) -> Progress:
        """Owe one person's gathered notices; `worked` is false if none is due. Refuses nothing."""
        to = await work.unit.next_gathered(work.now, NOTICE_PAUSE)
        if to is None:
            return Progress(worked=False)
        gathered, more = await work.unit.take_gathered(to, work.now)
        if not gathered and not more:
            # They named a person who has been forgotten since.
            return Progress(worked=True)
        if len(gathered) == 1 and not more:
            ((notice, event_uid),) = gathered
            await owe(work, to, notice, event_uid)
        else:
            language = await notices.language_of(work, to)
            await owe(work, to, notices.gathered([notice for notice, _ in gathered], more, language), None)
        return Progress(worked=True)
