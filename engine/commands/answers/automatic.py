"""Store an automatic reply of an attendee's mail program, such as an absence note, which does not answer the invite."""

from __future__ import annotations

from pydantic import Field

from engine.commands import text
from engine.commands.base import Command, Done, Work
from engine.refusals import Code, Refused

KEPT_MAX = 20
"""Automatic replies of one attendee to one event that are kept."""
_WORDS_MAX = 500


class AutomaticReplyDone(Done):
    """The event, and whether the reply is kept with its attendee."""

    uid: str
    kept: bool


class RecordAutomaticReply(Command[AutomaticReplyDone]):
    """Keep an automatic reply with the attendee at whose token it came; nothing else changes."""

    token: str
    title: str = Field("", description="the Subject of the mail")
    words: str = ""

    async def carry_out(self, work: Work) -> AutomaticReplyDone:
        """Raises Refused: UNKNOWN_TOKEN."""
        attendee = await work.unit.attendee_by_token(self.token)
        if attendee is None:
            raise Refused(Code.UNKNOWN_TOKEN, "No invite was sent with this address.")
        comment = ". ".join(filter(None, (self.title, " ".join(self.words.split()))))
        kept = await work.unit.note_automatic_reply(
            attendee.event_uid, attendee.email, text.cut(comment, _WORDS_MAX), work.now, KEPT_MAX
        )
        return AutomaticReplyDone(uid=attendee.event_uid, kept=kept)
