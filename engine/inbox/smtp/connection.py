"""One connection of the listener: bytes become commands and mails, answers become bytes (RFC 5321, 2920)."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Coroutine
from typing import Any, cast

from engine.inbox.smtp.data import DataReader
from engine.inbox.smtp.listener_state import ListenerState

log = logging.getLogger(__name__)

_LINE_MAX = 2_048
_AHEAD_MAX = 65_536
"""Bytes that a client may send ahead of our answers."""
_GOODBYE_S = 2.0
_TROUBLE = "451 4.3.0 Something is wrong here, try again later"


class Connection(asyncio.Protocol):
    """Passes on commands and mails in order, however their bytes arrive, and limits how long they may take."""

    def __init__(self, state: ListenerState) -> None:
        self.state = state
        self.peer = ""
        self.buffer = bytearray()
        self.reader: DataReader | None = None
        self.work: asyncio.Task[None] | None = None
        """What the client has to wait for."""
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._entered = False
        self._answers: list[str] = []
        self._write_paused = False
        self._leaving: str | None = None
        self._left: float | None = None
        self._began = self._last_input = self._loop.time()
        self._commands = 0
        self._errors = 0

    @abstractmethod
    def command_came(self, line: bytes) -> None:
        """Answer one command, given without the end of its line."""

    @abstractmethod
    def mail_came(self, reader: DataReader) -> None:
        """Answer one complete mail."""

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]).partition("%")[0] if peer else ""
        self._entered = self.state.enter(self)
        if not self._entered:
            self.hang_up("421 4.7.0 Too many connections, try again later")
            return
        self.answer(f"220 {self.state.domain} ESMTP Calendar Invite Server")
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self.buffer.clear()
        if self.reader:
            self.reader.release()
            self.reader = None
        if self._entered:
            self._entered = False
            self.state.leave(self)

    def eof_received(self) -> bool:
        self._leaving = ""
        return self.work is not None and not self.secure

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._go_on()

    def data_received(self, data: bytes) -> None:
        if not self._alive():
            return
        self.buffer += data
        self._go_on()
        if len(self.buffer) > _AHEAD_MAX and self._transport:
            self._transport.pause_reading()

    # what the listener and the commands call

    @property
    def secure(self) -> bool:
        return bool(self._transport and self._transport.get_extra_info("sslcontext"))

    def answer(self, words: str) -> None:
        self._answers.append(words)

    def refuse(self, words: str) -> None:
        """Answer with an error; after too many of them the client is disconnected."""
        self.answer(words)
        self._errors += 1
        if self._errors >= self.state.bounds.errors:
            self.hang_up("421 4.7.0 Too many errors")

    def hang_up(self, last_words: str) -> None:
        """Close the connection, saying why."""
        if self._transport and self._alive():
            self.answer(last_words)
            self._flush()
            self._left = self._loop.time()
            self._transport.close()

    def retire(self, last_words: str) -> None:
        """Close the connection as soon as what is being done for the client is done and answered."""
        if self.work:
            self._leaving = last_words
        else:
            self.hang_up(last_words)

    def drop(self, now: float) -> None:
        """Abort the connection of a client that does not react to its closing."""
        if self._transport and self._left is not None and now - self._left > _GOODBYE_S:
            self._transport.abort()

    def overdue(self, now: float, *, stressed: bool) -> bool:
        """True if the client has kept us waiting for too long."""
        if self.work:
            return False
        bounds = self.state.bounds
        allowed = bounds.stressed_s if stressed else bounds.silence_s
        if self.reader:
            allowed = bounds.stressed_s if stressed else bounds.data_s
            allowed += self.reader.received / bounds.bytes_per_s
        return now - self._last_input > allowed or now - self._began > bounds.session_s

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Start slow work; the client's next command waits for it."""
        self._flush()
        self.work = self._loop.create_task(self._safely(work))

    async def start_tls(self, handshake_s: float) -> None:
        """Go on under TLS. Raises OSError where the client cannot agree; the connection is closed then."""
        plain, tls = self._transport, self.state.tls
        assert plain and tls, "said to somebody who is there, offered where there is a certificate"
        try:
            secured = await self._loop.start_tls(
                plain, self, tls, server_side=True, ssl_handshake_timeout=handshake_s
            )
        except OSError as error:
            plain.abort()
            self.connection_lost(error)
            raise
        self._transport = secured

    def pause(self) -> None:
        """Read no more until the work that follows is done."""
        if self._transport:
            self._transport.pause_reading()

    # the flow

    def _alive(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def _flush(self) -> None:
        """Send the answers that are ready, together."""
        words = "".join(f"{answer}\r\n" for answer in self._answers if answer)
        self._answers.clear()
        if words and self._transport and self._alive():
            self._transport.write(words.encode())

    def _go_on(self) -> None:
        """Take in what is there, until it is our turn to do something that takes time."""
        while self.work is None and not self._write_paused and self._alive() and self._read_next():
            pass
        self._flush()
        if self._transport and self.work is None and self._alive() and len(self.buffer) <= _AHEAD_MAX:
            self._transport.resume_reading()

    def _read_next(self) -> bool:
        """Take one command, or what there is of a mail, off the buffer; False if more must come first."""
        return self._read_data(self.reader) if self.reader else self._read_command()

    def _read_command(self) -> bool:
        end = self.buffer.find(b"\n", 0, _LINE_MAX)
        if end < 0:
            if len(self.buffer) >= _LINE_MAX:
                self.hang_up("500 5.5.2 The line is too long")
            return False
        line = bytes(self.buffer[:end]).removesuffix(b"\r")
        del self.buffer[: end + 1]
        self._last_input = self._loop.time()
        self._commands += 1
        if self._commands > self.state.bounds.commands:
            self.hang_up("421 4.7.0 Too many commands")
        else:
            self.command_came(line)
        return True

    def _read_data(self, reader: DataReader) -> bool:
        rest = reader.feed(self.buffer)
        self.buffer.clear()
        if rest is None:
            return False
        self.buffer += rest
        self._last_input = self._loop.time()
        self.reader = None
        self._commands = 0
        self.mail_came(reader)
        return True

    async def _safely(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("an SMTP command failed")
            self.answer(_TROUBLE)
        self.work = None
        self._last_input = self._loop.time()
        if self._leaving is not None:
            self.hang_up(self._leaving)
        self._go_on()
