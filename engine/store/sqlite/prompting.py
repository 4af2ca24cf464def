"""Counts of mails that we send because strangers wrote, so that they stay few."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.model.counters import Prompt, Prompts
from engine.store.sqlite.session import Session

_KEPT = timedelta(days=2)


class PromptRecords(Session):
    """The part of a unit of work for mails that strangers prompt."""

    async def add_prompt(self, prompt: Prompt) -> None:
        """Count a mail that a stranger prompts; entries too old to count are deleted."""
        await self.run("DELETE FROM prompted WHERE at < ?", [(prompt.at - _KEPT).timestamp()])
        await self.run(
            "INSERT INTO prompted(at, kind, address, domain, organizer) VALUES (?,?,?,?,?)",
            [prompt.at.timestamp(), prompt.kind, prompt.address, prompt.domain, prompt.organizer],
        )

    async def prompts(self, like: Prompt, since: datetime) -> Prompts:
        """How many mails of the kind of `like` were prompted after `since`."""
        row = await self.one(
            "SELECT count(*) AS n, sum(address = ?) AS address, sum(domain = ?) AS domain, "
            "sum(organizer = ?) AS organizer FROM prompted WHERE at > ? AND kind = ?",
            [like.address, like.domain, like.organizer, since.timestamp(), like.kind],
        )
        if row is None or not row["n"]:
            return Prompts()
        return Prompts(address=row["address"], domain=row["domain"], organizer=row["organizer"], all=row["n"])
