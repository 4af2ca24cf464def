"""What a mail claims before it is judged: whose turn it takes among others, without reading it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from engine.inbox.spool.spool import Spooled
from engine.mail.incoming.dmarc import organizational_domain
from engine.network import client_network, is_address, within

HEAD = 65_536
"""Bytes of a mail that are looked at."""
_FROM = re.compile(rb"^from[ \t]*:((?:[^\r\n]*)(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(rb"[^\s<>,;:\"()@]{1,64}@[^\s<>,;:\"()@]{1,255}")
Networks = Sequence[IPv4Network | IPv6Network]


def claimed_sender(mail: bytes) -> str:
    """The last address in the first From header, in lower case; empty if none is found."""
    found = _FROM.search(mail[:HEAD])
    addresses = _ADDRESS.findall(found[1][:10_000]) if found else []
    return addresses[-1].decode("latin-1").lower() if addresses else ""


def order_key(mail: Spooled) -> str:
    """Among which mails the mail keeps its order: those at its token, else those that claim the same sender."""
    return token_of(mail) or claimed_sender(mail.raw)


class Turn(NamedTuple):
    """Whose turn a mail takes where mails wait for each other: its `client`'s, and there that of its `kind`.

    `client` is empty for what a mail server of ours handed over, and for files. `kind` is the token, which proves
    whose mail it is, else the domain that the mail claims: whoever writes many domains has no more of the client's
    share by it.
    """

    client: str
    kind: str

    @property
    def sender(self) -> str:
        """Whose turn it is where one mail goes at a time: the client's, whatever it claims; without one, the kind's."""
        return self.client or self.kind


def turn_of(mail: Spooled, relays: Networks) -> Turn:
    """The mail's turn, told from its envelope and its head."""
    if token := token_of(mail):
        return Turn("", f"token {token}")
    domain = claimed_sender(mail.raw).rpartition("@")[2]
    return Turn(
        client_address(mail.envelope.client, relays), f"domain {organizational_domain(domain) or domain}"
    )


def client_address(client: str, relays: Networks) -> str:
    """A client that is no mail server of ours: its address, its /64 of IPv6; else empty."""
    if not is_address(client) or within(client, relays):
        return ""
    return client_network(client)


def token_of(mail: Spooled) -> str:
    """The token of the first of our mailboxes that its envelope names."""
    return mail.envelope.mailboxes[0].token if mail.envelope.mailboxes else ""
