"""`cis-mcp ingest`: feed raw mails from files or standard input, as a mail server's pipe does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cis_mcp.cli.lines import EX_TEMPFAIL, mails, say
from cis_mcp.run.runtime import opened
from engine.inbox.handling.received import Outcome
from engine.inbox.intake.intake import Inbox
from engine.inbox.spool.spool import OwnMailbox
from engine.settings import Settings


def main(mailbox: str | None, files: Sequence[str], settings: Settings | None = None) -> int:
    """Ingest mails and print one JSON object per line; 0, or 75 if a mail was not stored or handled."""
    return asyncio.run(_ingest(mailbox, files, settings or Settings()))


async def _ingest(mailbox: str | None, files: Sequence[str], settings: Settings) -> int:
    failed = False
    try:
        async with opened(settings) as engine, Inbox(engine) as inbox:
            for name, raw in mails(files, settings.max_mail_bytes):
                failed = not await _take(inbox, mailbox, name, raw) or failed
    except OSError as error:
        say({"action": "failed", "detail": f"cannot be stored: {error}"})
        return EX_TEMPFAIL
    return EX_TEMPFAIL if failed else 0


async def _take(inbox: Inbox, mailbox: str | None, name: str, raw: bytes | OSError) -> bool:
    """Store and handle one mail; False if it could not be stored or handled."""
    if isinstance(raw, OSError):
        say({"file": name, "action": "failed", "detail": str(raw)})
        return False
    mailboxes = (OwnMailbox(name=mailbox),) if mailbox else ()
    try:
        outcomes = await inbox.take(raw, mailboxes)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 -- said, and the mail stays in the spool
        say({"file": name, "action": "failed", "detail": f"stored, not handled yet: {type(error).__name__}"})
        return False
    for outcome in outcomes:
        say({"file": name, **_shown(outcome)})
    return True


def _shown(outcome: Outcome) -> dict[str, str]:
    return {
        "action": outcome.action.value,
        "uid": outcome.uid,
        "code": outcome.code,
        "detail": outcome.detail,
    }
