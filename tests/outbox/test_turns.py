"""Answers on many lines are dealt with a few lines at a time, each line's in order, and none is lost at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.outbox.smtp.reply_stream import Line, Turns
from engine.outbox.smtp.wire import SmtpReply


class _Wire(asyncio.Transport):
    """A connection that forgets what is said."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        return None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        return None


def _line(heard: list[str], name: str) -> Line:
    line = Line(_Wire(), lambda why, _: heard.append(f"{name} ended"))

    def handler(reply: SmtpReply) -> None:
        heard.append(f"{name} {reply.code}")

    line.say(b"", [handler, handler])
    return line


def _comes(line: Line, data: bytes) -> None:
    line.get_buffer(-1)[: len(data)] = data
    line.buffer_updated(len(data))


async def test_other_work_gets_its_turn_between_the_lines() -> None:
    heard: list[str] = []
    lines = [_line(heard, str(n)) for n in range(40)]
    for line in lines:
        _comes(line, b"250 ok\r\n")
    assert heard == []
    turns = 0
    while len(heard) < 40:
        before = len(heard)
        await asyncio.sleep(0)
        assert len(heard) - before <= 8
        turns += 1
    assert turns >= 5
    assert heard == [f"{n} 250" for n in range(40)]


async def test_what_was_said_before_the_end_still_counts() -> None:
    ends: list[Callable[[Line], None]] = [Line.eof_received, lambda line: line.connection_lost(None)]
    for end in ends:
        heard: list[str] = []
        line = _line(heard, "a")
        _comes(line, b"250 ok\r\n354 go\r\n")
        end(line)
        await asyncio.sleep(0)
        assert heard == ["a 250", "a 354", "a ended"]


async def test_the_lines_of_one_loop_share_their_turns() -> None:
    loop = asyncio.get_running_loop()
    assert Turns.of(loop) is Turns.of(loop)
    assert _line([], "a")._turns is Turns.of(loop)
