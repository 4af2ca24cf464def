"""The interface of a mail transport."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol


# Plain tuples: one of each is made for every mail.
class Envelope(NamedTuple):
    """One mail as a mail server takes it: sender, one recipient, bytes with CRLF (promise 12)."""

    sender: str
    recipient: str
    content: bytes
    row: str = ""
    """Of the ledger, for services that name it in what they report; empty for none."""
    event_uid: str = ""


class Accepted(NamedTuple):
    """A mail server took the mail; `answer` is what it said, `transport_id` what it calls the mail, if it says so."""

    answer: str
    transport_id: str = ""


class Rejected(Exception):  # noqa: N818 -- an answer, not a fault
    """A mail server, or the connection to it, refused the mail.

    `permanent`: never try this mail again. Otherwise it may go later. `answer`: the server's own words.
    `server`: it speaks of us or of the server, not of this mail or its recipient. `in_doubt`: the whole mail
    was handed over and no answer came, so it may arrive. `throttled`: too much was sent; `spent`: for this day.
    """

    def __init__(
        self,
        answer: str,
        *,
        permanent: bool,
        server: bool = False,
        in_doubt: bool = False,
        throttled: bool = False,
        spent: bool = False,
    ) -> None:
        super().__init__(answer)
        self.answer = answer
        self.permanent = permanent
        self.server = server
        self.in_doubt = in_doubt
        self.throttled = throttled
        self.spent = spent


Settle = Callable[[int, Accepted | Rejected], None]
"""Is told what became of the mail with that index, once for each."""


class Transport(Protocol):
    """A mail transport; `send_many` may be called up to `connections` times at once."""

    connections: int

    async def send_many(self, envelopes: Sequence[Envelope], settled: Settle) -> None:
        """Hand mails over in order, and report the outcome of each as soon as it is known.

        Where this is cancelled, what is left is settled as rejected first.
        """
        ...

    async def close(self) -> None: ...


async def send_each(
    send: Callable[[Envelope], Awaitable[Accepted]], envelopes: Sequence[Envelope], settled: Settle
) -> None:
    """`send_many` for a transport that takes one mail at a time."""
    following = 0
    try:
        for index, envelope in enumerate(envelopes):
            following = index + 1
            try:
                accepted = await send(envelope)
            except Rejected as rejected:
                settled(index, rejected)
            else:
                settled(index, accepted)
    except asyncio.CancelledError:
        for index in range(max(0, following - 1), len(envelopes)):
            # The one that was on its way may have arrived: no one waited for the answer.
            underway = index == following - 1
            words = "sending was called off"
            settled(index, Rejected(words, permanent=False, server=True, in_doubt=underway))
        raise
