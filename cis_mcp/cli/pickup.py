"""`cis-mcp ingest` while a server is using the data folder: the mail is stored, and that server handles it.

Loading the settings takes longer than all of this, so only the folder is looked up, and only if it is plainly named.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from cis_mcp.cli.lines import EX_TEMPFAIL, mails, say
from engine.inbox.spool import pickup

_NAME = "CIS_DATA_DIR"
_LINE = re.compile(rf"^{_NAME}=([\w/.@+-]+)[ \t]*$", re.MULTILINE)
_ENV_MAX = 100_000


def main(mailbox: str, files: Sequence[str]) -> int | None:
    """Store mails for the server and print a JSON line each; 0, or 75 if one was not stored; None if no server runs."""
    folder = _data_dir()
    server = pickup.find(folder) if folder else None
    if server is None:
        return None
    failed = False
    try:
        for name, raw in mails(files, server.limits.mail):
            failed = not _hand_over(server, mailbox, name, raw) or failed
    finally:
        server.close()
    return EX_TEMPFAIL if failed else 0


def _hand_over(server: pickup.Pickup, mailbox: str, name: str, raw: bytes | OSError) -> bool:
    try:
        if isinstance(raw, OSError):
            raise raw
        kept = server.keep(raw, mailbox)
    except OSError as error:
        say({"file": name, "action": "failed", "detail": f"cannot be stored: {error}"})
        return False
    say({"file": name, "action": "stored", "uid": "", "code": "", "detail": kept})
    return True


def _data_dir() -> Path | None:
    """The data folder that the settings would name; None if only loading them can tell."""
    named = [value for name, value in os.environ.items() if name.upper() == _NAME and value]
    if named:
        return Path(named[0]) if len(named) == 1 else None
    try:
        text = Path(".env").read_text("utf-8")
    except (OSError, ValueError):
        text = ""
    if len(text) > _ENV_MAX:
        return None
    if _NAME not in text.upper():
        import platformdirs

        return platformdirs.user_data_path("cis-mcp")
    found = _LINE.findall(text)
    return Path(found[0]) if len(found) == text.upper().count(_NAME) == 1 else None
