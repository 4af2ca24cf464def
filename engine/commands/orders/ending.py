"""Plans that end: their organizers are notified once, and nothing else changes for them."""

from __future__ import annotations

from engine.commands import notices
from engine.commands.base import Command, Work
from engine.commands.notifying import Progress
from engine.commands.orders import mails
from engine.model.plans import FREE

_AT_ONCE = 20


class ReportEndedPlans(Command[Progress]):
    """Notify organizers whose plan has ended, once each; nothing else changes for them."""

    async def carry_out(self, work: Work) -> Progress:
        """Owe some notices of plans that have ended; `worked` is false if there are none. Refuses nothing."""
        most = min(_AT_ONCE, max(1, work.unit.items_per_unit // 3))
        ended = await work.unit.ended_enrolments(work.now, most)
        free = work.settings.plans_by_name.get(FREE)
        for one in ended:
            await work.unit.save_enrolment(one.model_copy(update={"reported": True}))
            notice = mails.ended(one, free, await notices.language_of(work, one.organizer))
            message = notices.message(work, one.organizer, one.organizer, notice, None)
            await work.unit.add_messages([message], priority=0)
        return Progress(worked=bool(ended))
