"""A real DNS server on the loopback, over UDP and TCP, with the records that a test gives it."""

from __future__ import annotations

import select
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

_UDP_MAX = 512


class NameServer:
    """Answers for `records`; says NXDOMAIN to everything else, and nothing at all about `silent` names."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.silent: set[str] = set()
        self.asked: list[str] = []
        self._servers = _bound(self)
        self.port: int = self._servers[0].socket.getsockname()[1]
        for server in self._servers:
            server.timeout = 0  # what was there to read may be gone
        self._awake, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        """Answer until it is closed; nothing looks for that meanwhile."""
        while self._awake not in (ready := select.select([*self._servers, self._awake], [], [])[0]):
            for server in ready:
                server.handle_request()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def txt(self, name: str, *texts: str) -> None:
        """Publish TXT records; long ones in pieces of 255, as they must be."""
        self.records[name, "TXT"] = [
            " ".join(f'"{text[i : i + 255]}"' for i in range(0, len(text), 255)) for text in texts
        ]

    def add(self, name: str, kind: str, *values: str) -> None:
        self.records[name, kind] = list(values)

    def close(self) -> None:
        self._wake.close()
        self._thread.join()
        self._awake.close()
        for server in self._servers:
            server.server_close()

    def answer(self, wire: bytes, limit: int) -> bytes | None:
        """The answer to a question, truncated where it is over `limit` bytes; None: silence."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{kind} {name}")
        if name in self.silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        found = self.records.get((name, kind))
        if found:
            response.answer.append(
                dns.rrset.from_text(question.name, 0, dns.rdataclass.IN, question.rdtype, *found)
            )
        elif not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        packed = response.to_wire()
        if len(packed) > limit:
            response.answer.clear()
            response.flags |= dns.flags.TC
            packed = response.to_wire()
        return packed


def _bound(names: NameServer) -> tuple[socketserver.UDPServer, socketserver.TCPServer]:
    """Both servers, on one port."""

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sock = self.request
            packed = names.answer(wire, _UDP_MAX)
            if packed:
                sock.sendto(packed, self.client_address)

    class Stream(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.request.recv(2))
            packed = names.answer(self.request.recv(length), 65_535) or b""
            self.request.sendall(struct.pack("!H", len(packed)) + packed)

    for _ in range(20):
        udp: Any = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Datagram)
        try:
            return udp, socketserver.ThreadingTCPServer(udp.server_address, Stream)
        except OSError:
            udp.server_close()  # somebody has that port for TCP
    raise OSError("no port is free for both UDP and TCP")


@contextmanager
def serving_names() -> Iterator[NameServer]:
    """A server of the test's own."""
    server = NameServer()
    try:
        yield server
    finally:
        server.close()


@lru_cache(maxsize=1)
def nobody() -> NameServer:
    """A server that knows no name: what tests ask that care for none, so that nothing leaves the machine."""
    return NameServer()
