"""Where mail comes from: one module a kind of source; `CIS_INBOX` names them."""

from __future__ import annotations

import re
from typing import Protocol

from engine.inbox.intake.intake import Inbox
from engine.inbox.smtp.listener import Listener
from engine.inbox.sources.account import ImapAccount, MaildirFolder

__all__ = ["Source", "named", "urls"]

_NEXT_URL = re.compile(r",\s*(?=[a-z][a-z0-9+.-]*://)")


class Source(Protocol):
    """Brings mail into the spool."""

    async def run(self) -> None:
        """Work until cancelled; trouble at the source is said in the log, waited out, and never the end."""
        ...


def urls(setting: str) -> list[str]:
    """The URLs of `CIS_INBOX`: a comma ends one where another URL follows."""
    return [url.strip(" ,") for url in _NEXT_URL.split(setting) if url.strip(" ,")]


def named(inbox: Inbox, setting: str) -> list[Source]:
    """The sources that `CIS_INBOX` names; raises ValueError with a sentence that shows no password."""
    return [_named(inbox, url, number) for number, url in enumerate(urls(setting), 1)]


def _named(inbox: Inbox, url: str, number: int) -> Source:
    # Each source is imported where it is wanted: a server starts with one of them, or none.
    scheme = url.partition(":")[0]
    if scheme == "smtp":
        return _listener(inbox, url, number)
    if scheme in {"imap", "imaps"}:
        from engine.inbox.sources.imap import ImapSource

        return ImapSource(inbox, ImapAccount.of(url, number))
    if scheme == "maildir":
        from engine.inbox.sources.maildir import MaildirSource

        return MaildirSource(inbox, MaildirFolder.of(url, number))
    if scheme == "sqs":
        from engine.inbox.sources.sqs import SqsQueue, SqsSource

        return SqsSource(inbox, SqsQueue.of(url, number))
    schemes = "smtp://, imaps://, imap://, maildir:// or sqs://"
    raise ValueError(f"CIS_INBOX: source {number} must begin with {schemes}")


def _listener(inbox: Inbox, url: str, number: int) -> Listener:
    try:
        return Listener(inbox, url)
    except ValueError as error:
        # What urlsplit says may hold a piece of the next source's password.
        message = str(error)
        if message.startswith("CIS_"):
            raise
        raise ValueError(f"CIS_INBOX: source {number} must be given as smtp://host:port") from None
