"""Forgets what a person said, or what was said about them, in values that are others'."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.model.counters import Intake
from engine.model.forgetting import names, without
from engine.model.forgotten import held_without, intake_without, notice_without, posting_without, undo_without
from engine.model.held import HeldAction
from engine.model.messages import Message, MessageState
from engine.model.undo import Undoable
from engine.refusals import Code
from engine.store.dynamodb.held import HeldActions
from engine.store.dynamodb.ledger import Ledger
from engine.store.dynamodb.notices import TELLING, Gathered, Telling
from engine.store.dynamodb.owed import Owed
from engine.store.dynamodb.requests import INTAKES
from engine.store.dynamodb.undos import UNDOS
from engine.store.dynamodb.webhooks import POSTINGS, KeptPosting


class WordsForgotten(HeldActions, Ledger):
    """The part of a unit of work that forgets a person in held actions, postings and notices."""

    async def forget_words(self, value: Any, address: str, alias: str, now: datetime) -> bool:
        """Forget the person in a value of these kinds; False if it is of another."""
        if isinstance(value, HeldAction):
            await self.save_held(held_without(value, address, alias, now))
        elif isinstance(value, KeptPosting):
            await self._forget_posting(value, address, alias)
        elif isinstance(value, Undoable):
            await self.rows.put(UNDOS, undo_without(value, address, alias))
        elif isinstance(value, Intake) and names(value.detail, address) and not names(value.id, address):
            await self.rows.put(INTAKES, intake_without(value, address, alias))
        elif isinstance(value, Telling):
            await self.rows.put(TELLING, _untold(value, address, alias))
        elif isinstance(value, Owed) and tells(value.message, address):
            await self._forget_notice(value, address, alias, now)
        else:
            return False
        return True

    async def _forget_posting(self, kept: KeptPosting, address: str, alias: str) -> None:
        new = posting_without(kept.outgoing, address, alias)
        if new is None:
            await self.rows.drop(POSTINGS, kept.posting.id)
        else:
            await self.rows.put(POSTINGS, kept.model_copy(update={"outgoing": new}))

    async def _forget_notice(self, owed: Owed, address: str, alias: str, now: datetime) -> None:
        """Empty a mail to somebody else once it is settled; before, withdraw it if its words name the person."""
        message = owed.message
        if message.state.pending and not await self.unheld([owed]):
            return
        assert message.notice is not None, "it names the person"
        notice = notice_without(message.notice, address, alias)
        if message.state.pending and notice is None:
            ended = {"state": MessageState.WITHDRAWN, "code": Code.FORGOTTEN.value, "settled": now}
            message = message.model_copy(update=ended)
        message = message.model_copy(update={"notice": notice if message.state.pending else None})
        renamed = Message.model_validate_json(without(message.model_dump_json(), address, alias))
        await self.save_row(owed, owed.model_copy(update={"message": renamed}))


def tells(message: Message, address: str) -> bool:
    """True for a mail to somebody else that names the person."""
    notice = message.notice
    return notice is not None and message.email != address and names(notice.model_dump_json(), address)


def _untold(telling: Telling, address: str, alias: str) -> Telling:
    kept = [
        Gathered(notice=notice, event_uid=one.event_uid)
        for one in telling.waiting
        if (notice := notice_without(one.notice, address, alias))
    ]
    return telling.model_copy(update={"waiting": tuple(kept)})
