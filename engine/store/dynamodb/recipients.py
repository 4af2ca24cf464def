"""Which recipients exist, for the mail server that asks before a mail is sent."""

from __future__ import annotations

from collections.abc import Collection

from engine.store.dynamodb.attendees import AttendeeQuestions
from engine.store.dynamodb.confirmations import CONFIRMATIONS
from engine.store.dynamodb.held import HELD
from engine.store.dynamodb.keys import KeyQuestions


class Recipients(KeyQuestions, AttendeeQuestions):
    """The inbox's questions about addresses."""

    async def tokens(self, asked: Collection[str]) -> set[str]:
        """Those of `asked` that belong to an attendee, a confirmation or a held action."""
        codes = {one.code for one in await self.rows.many(CONFIRMATIONS, [(token,) for token in asked])}
        rest = [token for token in dict.fromkeys(asked) if token not in codes]
        held = {token for token in rest if await self.rows.first_by(HELD, "code", token)}
        people = {token for token in rest if token not in held and await self.attendee_by_token(token)}
        return codes | held | people

    def token_now(self, token: str) -> bool | None:
        """None, since this cannot be answered without waiting."""
        return None

    async def organizes(self, address: str) -> bool:
        """True if this address owns an event, or owned one, or a key acts for it."""
        return await self.organizer(address) is not None or bool(await self.keys_for(address))
