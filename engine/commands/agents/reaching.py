"""Judge an address that a caller names before this server asks it: a request is a way out, whatever its answer."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from engine.commands.agents.bounds import refuse_links
from engine.commands.base import Command, Done, Work


class ReachOut(Command[Done]):
    """Let the server ask for what is at an address, by the caller's keys as they are now."""

    url: str
    verb: str

    async def carry_out(self, work: Work) -> Done:
        """Raises Refused: NOT_ALLOWED, OUT_OF_BOUNDS."""
        work.require(self.verb)
        refuse_links(work, work.bounds, [self.url])
        return Done()

    def subject(self) -> str:
        """What the record names it by: the host, since a path may be a secret."""
        return urlsplit(self.url).hostname or ""


class ReadList(ReachOut):
    """Let the server read a list that the operator allows; a draft of it waits for nobody."""

    free: ClassVar[bool] = True

    async def carry_out(self, work: Work) -> Done:
        """Raises Refused: NOT_ALLOWED, OUT_OF_BOUNDS."""
        work.require(self.verb)
        return Done()
