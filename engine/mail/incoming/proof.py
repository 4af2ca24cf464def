"""What a proof of the sender says about the mail itself: that it was written to us, and means what we read in it.

A signature proves who wrote a mail, not to whom, and only of the headers that it covers. Whoever has the mail can hand
it to us under others. SPF proves that the author's own server handed it to us, as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from engine.mail.incoming.content import IncomingMail
from engine.model.base import Value

_UNREADABLE = "the proof of its sender does not cover what decides how it is read (Content-Type)"
_ELSEWHERE = "the proof of its sender does not show that it was written to this server"


class Evidence(Value):
    """What one claim rests on. `direct`: a server of the author's domain handed the mail to us, as it is (SPF).

    `signed`: for each signature that proves the claim, the names of the headers that it covers.
    """

    direct: bool = False
    signed: tuple[frozenset[str], ...] = ()


def objection(
    grounds: Evidence, mail: IncomingMail, ours: Collection[str], attendees: Iterable[str] = ()
) -> str:
    """Why a proven mail is no command to us; empty if it is one.

    `ours`: addresses that take commands. `attendees`: those of the mail's calendar, which count as far as its
    body is covered; so does each of To and Cc, where all of its fields are signed.
    """
    if grounds.direct:
        return ""
    found = [_objection(covers, mail, ours, frozenset(attendees)) for covers in grounds.signed]
    return "" if "" in found else next(iter(found), _ELSEWHERE)


def _objection(
    covers: frozenset[str], mail: IncomingMail, ours: Collection[str], attendees: frozenset[str]
) -> str:
    if not (mail.framed or mail.deciding <= covers):
        return _UNREADABLE
    named = {*(mail.to if "to" in covers else ()), *(mail.cc if "cc" in covers else ()), *attendees}
    return "" if any(_whole(address) in ours for address in named) else _ELSEWHERE


def _whole(address: str) -> str:
    """The mailbox, without what stands behind its plus sign."""
    local, _, host = address.rpartition("@")
    return f"{local.partition('+')[0]}@{host}"
