"""One SMTP connection that is kept busy: a round trip a mail where the server pipelines (RFC 2920)."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.model import Value
from engine.outbox.transport import Accepted, Envelope, Rejected
from engine.outbox.wire import Offers, Reply, ReplyReader, Unreadable, body, commands

log = logging.getLogger(__name__)

_READ_BYTES = 16_384
_GOODBYE_S = 2.0
_CLOSING = 421

Outcome = Accepted | Rejected
Settle = Callable[[int, Outcome], None]
Step = tuple[bytes, Callable[[Reply], None]]


class Patience(Value):
    """How long to wait, in seconds; RFC 5321, 4.5.3.2 would wait minutes for everything."""

    connect: float = 30.0
    answer: float = 60.0
    end_of_data: float = 300.0
    idle: float = 10.0


class Unanswered(Rejected):
    """The connection ended before the server answered; the mail may go later.

    `in_doubt`: the server had all of the mail, so it may have taken it.
    """

    def __init__(self, answer: str, *, in_doubt: bool) -> None:
        super().__init__(answer, permanent=False)
        self.in_doubt = in_doubt


@dataclass(slots=True)
class _Letter:
    """The mail that the server is being asked to take."""

    index: int
    content: bytes
    refusal: Reply | None = None


class Session(asyncio.BufferedProtocol):
    """Takes over a connection on which EHLO, and TLS and login where wanted, are done.

    While the body of one mail is on its way, MAIL, RCPT and DATA of the next are already behind it.
    """

    def __init__(self, transport: asyncio.Transport, offers: Offers, patience: Patience) -> None:
        self._transport = transport
        self._offers = offers
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._reader = ReplyReader()
        self._expected: deque[Callable[[Reply], None]] = deque()
        self._unsaid: list[Step] = []
        self._envelopes: Sequence[Envelope] = ()
        self._settled: Settle | None = None
        self._upcoming = self._until = 0
        self._asking: _Letter | None = None
        self._giving: int | None = None
        self._behind = 0
        self._reset_first = False
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._done: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self.mails = 0
        self.answered = 0
        self.ended = ""
        transport.set_protocol(self)

    @property
    def following(self) -> int:
        """Index of the first mail of the last delivery that has not been settled."""
        return self._asking.index if self._asking else self._upcoming

    async def deliver(self, envelopes: Sequence[Envelope], first: int, most: int, settled: Settle) -> None:
        """Hand over up to `most` mails from `envelopes[first]` on, in order; never raises.

        A mail that was not yet on its way when the connection ended is left unsettled (see `following`),
        unless it was the first on this connection.
        """
        self._envelopes, self._settled = envelopes, settled
        self._upcoming, self._until = first, min(len(envelopes), first + most)
        self._done = self._loop.create_future()
        if self.ended:
            return
        self._ask()
        self._watch()
        try:
            await self._done
        except asyncio.CancelledError:
            self._break("sending was called off")
            raise
        finally:
            if self._timer:
                self._timer.cancel()

    # What is said

    def _ask(self, before: bytes = b"") -> None:
        """Write `before` and what the next mail needs said; where nothing is left, the delivery is done."""
        self._asking = self._next_letter()
        if before or self._unsaid:
            self._say(before)
        else:
            self._finish()

    def _next_letter(self) -> _Letter | None:
        letter = None
        while letter is None and self._upcoming < self._until:
            self._upcoming += 1
            letter = self._prepare(self._upcoming - 1)
        return letter

    def _prepare(self, index: int) -> _Letter | None:
        envelope = self._envelopes[index]
        try:
            mail, rcpt, data = commands(envelope, self._offers)
        except Rejected as rejected:
            self._settle(index, rejected)
            return None
        self._unsaid = [(mail, self._on_address), (rcpt, self._on_address), (data, self._on_data)]
        if self._reset_first:
            self._unsaid.insert(0, (b"RSET\r\n", self._on_reset))
            self._reset_first = False
        self.mails += 1
        return _Letter(index, envelope.content)

    def _say(self, before: bytes = b"") -> None:
        """Write `before` and the next commands: all of them where the server pipelines, else one."""
        count = len(self._unsaid) if self._offers.pipelining else 1
        said, self._unsaid = self._unsaid[:count], self._unsaid[count:]
        behind = b"".join([command for command, _ in said])
        self._behind = len(behind)
        self._expected.extend([expected for _, expected in said])
        self._transport.write(before + behind)
        self._wait()

    def _give(self, letter: _Letter) -> None:
        """Write the body, and the next mail's commands behind it."""
        self._giving = letter.index
        self._expected.append(self._on_end)
        self._write_then_ask(body(letter.content))

    def _write_then_ask(self, ending: bytes) -> None:
        if self._offers.pipelining:
            self._ask(ending)
            return
        self._behind = 0
        self._transport.write(ending)
        self._wait()

    # What is answered

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where asyncio puts what arrives."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Read the answers that have come, and go on."""
        try:
            for reply in self._reader.feed(bytes(self._buffer[:nbytes])):
                self._answer(reply)
        except Unreadable as unreadable:
            self._break(str(unreadable))

    def _answer(self, reply: Reply) -> None:
        closing = reply.code == _CLOSING and self._giving is None
        if closing or not self._expected:
            self._break(reply.words if closing else "the server answered what it was not asked")
            return
        self._expected.popleft()(reply)
        self._wait()

    def _on_reset(self, reply: Reply) -> None:
        if not reply.yes:
            self._break(reply.words)
        elif not self._offers.pipelining:
            self._say()

    def _on_address(self, reply: Reply) -> None:
        """MAIL and RCPT: a refusal is kept until DATA is answered too, if that is already said."""
        assert self._asking is not None, "an address is answered while a mail is asked for"
        if not (reply.yes or reply.no):
            self._break(reply.words)
            return
        if reply.no and not self._asking.refusal:
            self._asking.refusal = reply
        if not self._unsaid:
            return
        if self._asking.refusal:
            self._refused(self._asking.refusal)
        else:
            self._say()

    def _on_data(self, reply: Reply) -> None:
        letter = self._asking
        assert letter is not None, "DATA is answered while a mail is asked for"
        if reply.no:
            self._refused(letter.refusal or reply)
        elif reply.yes:
            self._break(f"the server answered DATA with {reply.words}")
        elif letter.refusal:
            # RFC 2920, 3.1: a server that waits for a mail without a recipient gets a lone dot.
            self._asking = None
            self._settle(letter.index, letter.refusal.rejection)
            self._expected.append(self._on_void)
            self._write_then_ask(b".\r\n")
        else:
            self._asking = None
            self._give(letter)

    def _refused(self, reply: Reply) -> None:
        """Settle the mail that was asked for; its MAIL may stand, so the next one begins with RSET."""
        assert self._asking is not None, "a mail is refused while it is asked for"
        self.answered += 1
        self._unsaid = []
        self._reset_first = True
        self._settle(self._asking.index, reply.rejection)
        self._ask()

    def _on_end(self, reply: Reply) -> None:
        if not (reply.yes or reply.no):
            self._break(f"the server answered a mail with {reply.words}")
            return
        index, self._giving = self._giving, None
        assert index is not None, "the end of data is answered while a mail is given"
        self.answered += 1
        self._settle(index, Accepted(answer=reply.words) if reply.yes else reply.rejection)
        if reply.code == _CLOSING:
            self._break(reply.words)
        elif self._asking is None:
            self._ask()

    def _on_void(self, reply: Reply) -> None:
        """A lone dot was answered, whatever with: its mail is settled already."""
        self.answered += 1
        if self._asking is None:
            self._ask()

    def _settle(self, index: int, outcome: Outcome) -> None:
        assert self._settled is not None, "mails are settled during a delivery"
        try:
            self._settled(index, outcome)
        except Exception:
            log.exception("what became of a mail could not be told")

    # How it ends

    def _wait(self) -> None:
        patience = self._patience.answer if self._giving is None else self._patience.end_of_data
        self._deadline = self._loop.time() + patience

    def _watch(self) -> None:
        """Look once in a while whether the server is late; most answers come long before."""
        if self._loop.time() >= self._deadline:
            self._break("the server did not answer in time")
        elif self._done and not self._done.done():
            self._timer = self._loop.call_at(self._deadline, self._watch)

    def _finish(self) -> None:
        if self._done and not self._done.done():
            self._done.set_result(None)

    def _break(self, why: str) -> None:
        """End the connection at once, and settle what was on its way."""
        if self.ended:
            return
        self.ended = why
        in_doubt = self._transport.get_write_buffer_size() <= self._behind
        self._transport.abort()
        self._expected.clear()
        self._unsaid = []
        giving, self._giving = self._giving, None
        if giving is not None:
            self._settle(giving, Unanswered(why, in_doubt=in_doubt))
        self._drop_asking(why)
        self._finish()

    def _drop_asking(self, why: str) -> None:
        """A mail whose body is still here may go by another connection, unless this one never worked."""
        letter = self._asking
        if letter is None or (self.answered and not letter.refusal):
            return
        self._asking = None
        rejection = letter.refusal.rejection if letter.refusal else Unanswered(why, in_doubt=False)
        self._settle(letter.index, rejection)

    def eof_received(self) -> None:
        self._break("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(f"the connection was lost: {exc or 'closed'}")
        if not self._closed.done():
            self._closed.set_result(None)

    async def quit(self) -> None:
        """Say goodbye, wait two seconds at most for the answer, and close."""
        if not self.ended:
            self.ended = "closed"
            self._expected.append(lambda _: self._transport.close())
            self._transport.write(b"QUIT\r\n")
            try:
                async with asyncio.timeout(_GOODBYE_S):
                    await asyncio.shield(self._closed)
            except TimeoutError:
                log.debug("a mail server did not say goodbye")
        self._transport.abort()
        await self._closed
