"""Limits of what is sent from pages in an hour, for each process, beside the limits of the store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from engine.network import client_network
from engine.refusals import Code, Refused

OF_A_PAGE = 2_000
"""Sends of one page in an hour: more look like a program's, and a mail asks before each."""
ASKED_OF_A_PAGE = 10_000
"""Sends of one page in an hour after which it rests: each is a mail to somebody who may not have asked for it."""
OF_ONE_CLIENT = 100
"""How many of them one client may have, so that none closes a page for the others."""
OF_ONE_MAILBOX = 40
"""How many of them may be for one mailbox, however its address is spelled: twice what a person gets in a day."""
_NAMES_MAX = 50_000


class HourlyCount:
    """Counts by name, for an hour."""

    def __init__(self) -> None:
        self._hour, self._counts = 0, Counter[str]()

    def over(self, name: str, limit: int) -> bool:
        """Count one; True if it is more than `limit` in this hour."""
        return self.count(name) > limit

    def count(self, name: str) -> int:
        """Count one, and return how many there were in this hour; 0 once too many names are known."""
        hour = int(time.monotonic() // 3_600)
        if hour != self._hour:
            self._hour, self._counts = hour, Counter()
        if name not in self._counts and len(self._counts) >= _NAMES_MAX:
            return 0
        self._counts[name] += 1
        return self._counts[name]

    def forget(self, name: str) -> None:
        """Count one less."""
        self._counts[name] -= 1
        if self._counts[name] <= 0:
            del self._counts[name]


class Hourly:
    """The sends of all pages, by page, by client and by mailbox."""

    def __init__(self) -> None:
        self._pages, self._clients, self._mailboxes = HourlyCount(), HourlyCount(), HourlyCount()

    @contextmanager
    def counting(self, slug: str, client: str, email: str = "", *, vouched: bool = False) -> Iterator[bool]:
        """Count one send to `email` of the client at an address; True if the page is so busy that a mail asks first.

        `vouched`: a mail service signed the address, which the limits of the page are not for. What is refused counts
        for its client alone. Raises Refused: TOO_MANY.
        """
        if self._clients.over(f"{slug} {client_network(client)}", OF_ONE_CLIENT):
            raise Refused(Code.TOO_MANY, "Too many requests from your network.", "Try again in an hour.")
        mailbox = _mailbox(email)
        sends = 0 if vouched else self._pages.count(slug)
        mails = self._mailboxes.count(mailbox) if email else 0
        try:
            _refuse_too_many(sends, mails)
            yield sends > OF_A_PAGE
        except Refused:
            if sends:
                self._pages.forget(slug)
            if mails:
                self._mailboxes.forget(mailbox)
            raise


def _refuse_too_many(sends: int, mails: int) -> None:
    if sends > ASKED_OF_A_PAGE:
        raise Refused(Code.TOO_MANY, "This page is very busy right now.", "Try again in an hour.")
    if mails > OF_ONE_MAILBOX:
        raise Refused(Code.TOO_MANY, "Too many requests for this address.", "Try again in an hour.")


def _mailbox(email: str) -> str:
    """What stands for the mailbox of an address: large providers pass over periods, and over what follows a plus."""
    local, _, host = email.strip().lower().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{host}"
