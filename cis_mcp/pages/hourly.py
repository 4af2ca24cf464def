"""Limits of what is sent from pages in an hour, for each process, beside the limits of the store."""

from __future__ import annotations

import time
from collections import Counter

from engine.network import client_network
from engine.refusals import Code, Refused

OF_A_PAGE = 2_000
"""Sends of one page in an hour: more look like a program's."""
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
        hour = int(time.monotonic() // 3_600)
        if hour != self._hour:
            self._hour, self._counts = hour, Counter()
        if name not in self._counts and len(self._counts) >= _NAMES_MAX:
            return False
        self._counts[name] += 1
        return self._counts[name] > limit


class Hourly:
    """The sends of all pages, by page, by client and by mailbox."""

    def __init__(self) -> None:
        self._pages, self._clients, self._mailboxes = HourlyCount(), HourlyCount(), HourlyCount()

    def count(self, slug: str, client: str, email: str = "") -> None:
        """Count one send to `email` of the client at an address. Raises Refused: TOO_MANY."""
        if self._clients.over(f"{slug} {client_network(client)}", OF_ONE_CLIENT):
            raise Refused(Code.TOO_MANY, "Too many requests from your network.", "Try again in an hour.")
        if self._pages.over(slug, OF_A_PAGE):
            raise Refused(Code.TOO_MANY, "This page is very busy right now.", "Try again in an hour.")
        if email and self._mailboxes.over(_mailbox(email), OF_ONE_MAILBOX):
            raise Refused(Code.TOO_MANY, "Too many requests for this address.", "Try again in an hour.")


def _mailbox(email: str) -> str:
    """What stands for the mailbox of an address: large providers pass over periods, and over what follows a plus."""
    local, _, host = email.strip().lower().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{host}"
