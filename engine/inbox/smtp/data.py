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
    """

    def __init__(self, limit: int, memory: Memory) -> None:
        self._limit = limit
        self._memory = memory
        self._reserved = 0
        self._held = bytearray(_START)
        self.received = 0
        self.refusal = ""

    def feed(self, data: bytes | bytearray) -> bytes | None:
        """Add bytes; returns those after the end of the mail once it has come, until then None."""
        self.received += len(data)
        searched = max(0, len(self._held) - len(_END) + 1)
        self._held += data
        end = self._held.find(_END, searched)
        rest = None
        if end >= 0:
            rest = bytes(self._held[end + len(_END) :])
            del self._held[end + len(_START) :]
        self._check_size()
        if self.refusal:
            # What is left is searched for the end.
            del self._held[: -len(_END) + 1]
            self.release()
        return rest

    def _check_size(self) -> None:
        # Doubled dots do not count (RFC 1870, 5); how many there are is seen at the end.
        most = self._limit + self._limit // 64 + len(_END)
        wanted = len(self._held) - _OWN - self._reserved
        if self.refusal:
            return
        if len(self._held) > most:
            self.refusal = TOO_LARGE
        elif wanted > 0 and not self._ask(max(wanted, _ASKED)):
            self.refusal = NO_ROOM

    def _ask(self, size: int) -> bool:
        if not self._memory.reserve(size):
            return False
        self._reserved += size
        return True

    def content(self) -> bytes:
        """The mail, once its end has come; empty, with `refusal` set, where it is not taken."""
        if not self.refusal and _bare(self._held):
            self.refusal = BARE
        content = b"" if self.refusal else bytes(self._held.replace(b"\r\n.", b"\r\n")[len(_START) :])
        if len(content) > self._limit:
            self.refusal, content = TOO_LARGE, b""
        self._held.clear()
        return content

    def release(self) -> None:
        """Give the memory back; harmless to repeat."""
        self._memory.release(self._reserved)
        self._reserved = 0


def _bare(data: bytearray) -> bool:
    breaks = data.count(b"\r\n")
    return data.count(b"\n") != breaks or data.count(b"\r") != breaks
