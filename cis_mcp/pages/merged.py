"""What a newsletter's link brings along: the reader's address, as the mail service filled it in, or a tag it left."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from engine.commands import text
from engine.model.campaign_links import SIGNATURE_LENGTH
from engine.refusals import Refused

_HEX = frozenset("0123456789abcdefABCDEF")
_QUERY_MAX = 4_000


@dataclass(frozen=True)
class Merged:
    """The address in a link, empty if it holds none that can be used, and what signs it.

    `raw` is the address as it was signed. `unmerged`: a tag stands there that nobody filled in, or no address.
    """

    email: str = ""
    raw: str = ""
    signature: str = ""
    unmerged: bool = True


def merged(query: bytes) -> Merged:
    """The parameter `e` of a query, which trackers may surround with others; a '+' is a '+' (RFC 3986, 2.1)."""
    if len(query) > _QUERY_MAX:
        return Merged()
    pieces = query.decode("latin-1").split("&")
    return read(next((piece[2:] for piece in pieces if piece.startswith("e=")), ""))


def read(value: str) -> Merged:
    """The value of `e`, percent-encoded once or, by way of a tracker, twice."""
    given = unquote(value)
    if "@" not in given and "%40" in given:
        given = unquote(given)
    signature, given = _parted(given)
    # Nobody has a blank in the local part: a tracker made it of a '+'.
    raw = given.strip().replace(" ", "+")
    try:
        return Merged(email=text.address(raw), raw=raw, signature=signature, unmerged=False)
    except Refused:
        return Merged()


def _parted(given: str) -> tuple[str, str]:
    """The signature before the address, and the address."""
    before, dot, rest = given[:SIGNATURE_LENGTH], given[SIGNATURE_LENGTH : SIGNATURE_LENGTH + 1], given[65:]
    if dot == "." and len(before) == SIGNATURE_LENGTH and set(before) <= _HEX:
        return before, rest
    return "", given
