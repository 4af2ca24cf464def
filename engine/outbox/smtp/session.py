"""Mails over one SMTP connection: a round trip each where the server pipelines (RFC 2920)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from engine.model.base import Value
from engine.outbox.smtp.reply_stream import Handler, Line
from engine.outbox.smtp.wire import Extensions, SmtpReply, body, commands
from engine.outbox.transport import Accepted, Envelope, Rejected, Settle

_CLOSING = 421
_MAILS_MOST = 1_000


class Patience(Value):
    """How long to wait, in seconds; RFC 5321, 4.5.3.2 would wait minutes for everything."""

    connect: float = 30.0
    answer: float = 60.0
    end_of_data: float = 300.0
    idle: float = 10.0


@dataclass(slots=True)
class _Transaction:
    """The mail that the server is being asked to take."""

    index: int
    content: bytes
    refusal: Rejected | None = None


def _ignore(index: int, outcome: Accepted | Rejected) -> None:
    """Nothing is settled before the first delivery."""


class DeliverySession:
    """Takes over a connection on which EHLO, and TLS and login where wanted, are done.

    While the body of one mail is on its way, MAIL, RCPT and DATA of the next are already behind it.
    """

    def __init__(self, transport: asyncio.Transport, offers: Extensions, patience: Patience) -> None:
        self._line = Line(transport, self._broken)
        self._offers = offers
        self._patience = patience
        self._envelopes: Sequence[Envelope] = ()
        self._settle: Settle = _ignore
        self._upcoming = 0
        self._unsent: list[tuple[bytes, Handler]] = []
        self._behind = 0
        self._current: _Transaction | None = None
        self._in_data: int | None = None
        self._reset_first = False
        self._done: asyncio.Future[None] | None = None
        self._mails = 0
        self.answered = 0

    @property
    def ended(self) -> str:
        """Why the connection is gone; empty while it is not."""
        return self._line.ended

    @property
    def following(self) -> int:
        """Index of the first mail of the last delivery that has not been settled."""
        return self._current.index if self._current else self._upcoming

    @property
    def worn(self) -> bool:
        """True once the connection has carried as many mails as one should."""
        return self._mails >= _MAILS_MOST

    async def deliver(self, envelopes: Sequence[Envelope], first: int, settled: Settle) -> None:
        """Hand over mails from `envelopes[first]` on, in order, until the connection ends or is worn.

        A mail that was not yet on its way when the connection ended is left unsettled (see `following`),
        unless it was the first on this connection.
        """
        self._envelopes, self._settle = envelopes, settled
        self._upcoming, self._current = first, None
        if self.ended:
            return
        self._done = asyncio.get_running_loop().create_future()
        self._begin_next()
        self._line.watch(self._patience.answer)
        try:
            await self._done
        except asyncio.CancelledError:
            self._line.end("sending was called off")
            raise
        finally:
            self._line.rest()

    async def quit(self) -> None:
        """Say goodbye and close."""
        await self._line.quit()

    # What is said

    def _begin_next(self, before: bytes = b"") -> None:
        """Say `before` and what the next mail needs said; where nothing is left, the delivery is done."""
        self._current = self._next_transaction()
        if before or self._unsent:
            self._send(before)
        else:
            self._finish()

    def _next_transaction(self) -> _Transaction | None:
        transaction = None
        while transaction is None and self._upcoming < len(self._envelopes) and not self.worn:
            self._upcoming += 1
            transaction = self._prepare(self._upcoming - 1)
        return transaction

    def _prepare(self, index: int) -> _Transaction | None:
        """The mail at `index` with its commands; None if this server could never take it."""
        envelope = self._envelopes[index]
        try:
            mail, rcpt, data = commands(envelope, self._offers)
        except Rejected as rejected:
            self._settle(index, rejected)
            return None
        self._unsent = [(mail, self._on_mail), (rcpt, self._on_rcpt), (data, self._on_data)]
        if self._reset_first:
            self._unsent.insert(0, (b"RSET\r\n", self._on_reset))
            self._reset_first = False
        self._mails += 1
        return _Transaction(index, envelope.content)

    def _send(self, before: bytes = b"") -> None:
        """Say `before` and the next commands: all of them where the server pipelines, else one."""
        count = len(self._unsent) if self._offers.pipelining else 1
        sent, self._unsent = self._unsent[:count], self._unsent[count:]
        behind = b"".join([command for command, _ in sent])
        self._behind = len(behind)
        self._line.say(before + behind, [handler for _, handler in sent])
        self._wait()

    def _end_data(self, ending: bytes, handler: Handler) -> None:
        """Say what ends the DATA of one mail, and behind it the commands of the next."""
        self._line.expect(handler)
        if self._offers.pipelining:
            self._begin_next(ending)
        else:
            self._behind = 0
            self._line.say(ending, [])
            self._wait()

    def _wait(self) -> None:
        self._line.wait(self._patience.answer if self._in_data is None else self._patience.end_of_data)

    # What is answered

    def _on_reset(self, reply: SmtpReply) -> None:
        self._wait()
        if not reply.yes:
            self._line.end(reply.words)
        elif not self._offers.pipelining:
            self._send()

    def _on_mail(self, reply: SmtpReply) -> None:
        self._on_address(reply, before_recipient=True)

    def _on_rcpt(self, reply: SmtpReply) -> None:
        self._on_address(reply, before_recipient=False)

    def _on_address(self, reply: SmtpReply, before_recipient: bool) -> None:
        """A refusal is kept until DATA is answered too, if that is already said."""
        self._wait()
        transaction = self._current
        assert transaction is not None, "an address is answered while a mail is asked for"
        if reply.code == _CLOSING or not (reply.yes or reply.no):
            self._line.end(reply.words)
            return
        if reply.no and not transaction.refusal:
            transaction.refusal = reply.rejection(before_recipient=before_recipient)
        if not self._unsent:
            return
        if transaction.refusal:
            self._refused(transaction, transaction.refusal)
        else:
            self._send()

    def _on_data(self, reply: SmtpReply) -> None:
        self._wait()
        transaction = self._current
        assert transaction is not None, "DATA is answered while a mail is asked for"
        if reply.code == _CLOSING or reply.yes:
            self._line.end(reply.words)
        elif reply.no:
            self._refused(transaction, transaction.refusal or reply.rejection())
        elif transaction.refusal:
            # RFC 2920, 3.1: a server that waits for a mail without a recipient gets a lone dot.
            self._current = None
            self._answered(transaction.index, transaction.refusal)
            self._end_data(b".\r\n", self._on_void)
        else:
            self._current, self._in_data = None, transaction.index
            self._end_data(body(transaction.content), self._on_end)

    def _refused(self, transaction: _Transaction, rejected: Rejected) -> None:
        """The MAIL of a refused mail may stand, so the next one begins with RSET."""
        self._unsent = []
        self._reset_first = True
        self._answered(transaction.index, rejected)
        self._begin_next()

    def _on_end(self, reply: SmtpReply) -> None:
        if not (reply.yes or reply.no):
            self._line.end(reply.words)
            return
        index, self._in_data = self._in_data, None
        self._wait()
        assert index is not None, "the end of data is answered while a mail is given"
        self._answered(index, Accepted(answer=reply.words) if reply.yes else reply.rejection())
        if reply.code == _CLOSING:
            self._line.end(reply.words)
        elif self._current is None:
            self._begin_next()

    def _on_void(self, reply: SmtpReply) -> None:
        """A lone dot was answered; its mail is settled already."""
        self._wait()
        if reply.code == _CLOSING:
            self._line.end(reply.words)
        elif self._current is None:
            self._begin_next()

    def _answered(self, index: int, outcome: Accepted | Rejected) -> None:
        self.answered += 1
        self._settle(index, outcome)

    # How it ends

    def _finish(self) -> None:
        if self._done and not self._done.done():
            self._done.set_result(None)

    def _broken(self, why: str, unsent: int) -> None:
        """Settle what was on its way; where some of a body is still here, the server cannot have the mail."""
        in_data, self._in_data = self._in_data, None
        if in_data is not None:
            in_doubt = unsent <= self._behind
            self._settle(in_data, Rejected(why, permanent=False, server=True, in_doubt=in_doubt))
        transaction = self._current
        if transaction and transaction.refusal:
            self._current = None
            self._answered(transaction.index, transaction.refusal)
        elif transaction and not self.answered:
            self._current = None
            self._settle(transaction.index, Rejected(why, permanent=False, server=True))
        self._finish()
