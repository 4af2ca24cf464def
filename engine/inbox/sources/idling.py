"""IMAPClient, extended to notice what arrives together with the server's continuation of IDLE (RFC 2177)."""

from __future__ import annotations

import socket
from typing import Any

from imapclient import IMAPClient


class IdlingClient(IMAPClient):  # type: ignore[misc]
    """`idle_check(0)` looks into what was read already, where IMAPClient asks the socket alone.

    A mail that arrives as IDLE begins is told of in the same packet as the go-ahead, is read with it, and
    would be noticed only when the server says something more.
    """

    def _poll_socket(self, sock: socket.socket, timeout: float | None = None) -> Any:
        return True if timeout == 0 else super()._poll_socket(sock, timeout)
