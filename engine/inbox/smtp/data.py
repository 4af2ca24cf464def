"""The data of one mail as it arrives: its end, dot-stuffing, and forbidden bytes (RFC 5321, 4.1.1.4, 4.5.2)."""

from __future__ import annotations

from engine.inbox.smtp.bounds import Memory

_END = b"\r\n.\r\n"
_START = b"\r\n"
"""Stands before the data, so that its first line may be the dot that ends it."""
_OWN = 65_536
"""Bytes that every mail may hold without asking."""
_ASKED = 262_144
"""How much is asked for at a time."""

TOO_LARGE = "552 5.3.4 The mail is larger than this server takes"
NO_ROOM = "452 4.3.1 Too much mail at once, try again later"
BARE = "554 5.6.0 Lines must end with CR LF; this mail has a CR or an LF alone"


class DataReader:
    """Collects one mail; a forbidden one is read to its end without being kept, and then refused.

    Only CR LF . CR LF ends a mail, and a CR or an LF alone is refused: a server that takes them for a line's
    end and one that does not see different mails in the same bytes (SMTP smuggling).

    Each piece is checked as it comes, and the mail copied once: whoever waits for the loop waits for no whole mail.
    """

    def __init__(self, limit: int, memory: Memory) -> None:
        self._limit = limit
        self._memory = memory
        self._reserved = 0
        self._open = _START
        """What came last, where a mark may have begun."""
        self._held = bytearray()
        self.received = 0
        self.refusal = ""

    def feed(self, data: bytes | bytearray) -> bytes | None:
        """Add bytes; returns those after the end of the mail once it has come, until then None."""
        self.received += len(data)
        piece = self._open + data
        end = piece.find(_END)
        cut = _apart(piece) if end < 0 else end + len(_START)
        self._open = piece[cut:]
        if not self.refusal:
            self._hold(piece[:cut])
        return None if end < 0 else piece[end + len(_END) :]

    def _hold(self, piece: bytes) -> None:
        self._held += piece.replace(b"\r\n.", b"\r\n")
        wanted = len(self._held) - _OWN - self._reserved
        if _bare(piece):
            self.refusal = BARE
        elif len(self._held) - len(_START) > self._limit:
            self.refusal = TOO_LARGE
        elif wanted > 0 and not self._ask(max(wanted, _ASKED)):
            self.refusal = NO_ROOM
        if self.refusal:
            self._held = bytearray()
            self.release()

    def _ask(self, size: int) -> bool:
        if not self._memory.reserve(size):
            return False
        self._reserved += size
        return True

    def content(self, trace: bytes = b"") -> bytes:
        """`trace` and the mail under it, which is handed over; once its end has come and there is no `refusal`."""
        held, self._held = self._held, bytearray()
        return trace + memoryview(held)[len(_START) :]

    def release(self) -> None:
        """Give the memory back; harmless to repeat."""
        self._memory.release(self._reserved)
        self._reserved = 0


def _apart(piece: bytes) -> int:
    """Where what can be read ends: no mark (the end, a doubled dot, CR LF) lies on both sides of it."""
    cut = max(0, len(piece) - len(_END) + 1)
    if piece.endswith(b"\r\n", 0, cut):
        return cut - 2
    return cut - piece.endswith(b"\r", 0, cut)


def _bare(piece: bytes) -> bool:
    breaks = piece.count(b"\r\n")
    return piece.count(b"\n") != breaks or piece.count(b"\r") != breaks
