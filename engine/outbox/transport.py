"""What the dispatcher asks of a way out of the house."""

from __future__ import annotations

from typing import Protocol

from engine.model import Value


class Envelope(Value):
    """One mail as a mail server takes it: sender, one recipient, bytes with CRLF (rule 12)."""

    sender: str
    recipient: str
    content: bytes


class Accepted(Value):
    """A mail server took the mail; `answer` is what it said."""

    answer: str


class Rejected(Exception):  # noqa: N818 -- an answer, not a fault
    """A mail server, or the way to it, said no.

    `permanent`: never try this mail again. Otherwise it may go later. `answer`: the server's own words.
    """

    def __init__(self, answer: str, *, permanent: bool) -> None:
        super().__init__(answer)
        self.answer = answer
        self.permanent = permanent


class Transport(Protocol):
    """A way out; `send` may be called up to `connections` times at once."""

    connections: int

    async def send(self, envelope: Envelope) -> Accepted:
        """Hand one mail over. Raises Rejected."""
        ...

    async def close(self) -> None: ...
