"""Keeps files that contain addresses, tokens and codes unreadable for other users of this machine."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from engine.refusals import Code, Refused

log = logging.getLogger(__name__)

_UMASK = 0o077
_FOLDER = 0o700
_SQLITE_FILES = ("", "-wal", "-shm", "-journal")
_OURS = frozenset({"cis.sqlite3", "inbox", "outbox", "secret", "secrets.key", "record.key", "calendars.json"})
"""Any of these names shows that a folder is a data folder."""
_NOBODYS = frozenset({"lost+found"})
"""What a file system puts at its own root."""


def private_from_now_on() -> None:
    """Make new files of this process and its children accessible only to its user, whatever the umask was."""
    os.umask(_UMASK)


def keep_private(folder: Path, database: Path) -> None:
    """Create the data folder, or remove others' access to an existing one; the database may be elsewhere.

    A symbolic link is followed to its folder. Raises OSError, and Refused(NOT_ALLOWED) for another user's folder, or
    one that others may read and that holds files of something else.
    """
    folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    folder = folder.resolve()
    found = folder.stat()
    _refuse_foreign(folder, found)
    if _open(found):
        if os.geteuid() in {0, found.st_uid}:
            _refuse_occupied(folder)
        _close(folder)
    for ending in _SQLITE_FILES:
        _tighten(Path(f"{database.resolve()}{ending}"))


def _refuse_foreign(folder: Path, found: os.stat_result) -> None:
    """Refuse a folder of another user, who could replace our files; root's is accepted, since root can do so anyway."""
    if os.geteuid() in {0, found.st_uid} or found.st_uid == 0:
        return
    raise Refused(
        Code.NOT_ALLOWED,
        f"The data folder {folder} belongs to another user of this machine.",
        "Give it to the user that the server runs as (chown), or set CIS_DATA_DIR to a folder of that user.",
    )


def _refuse_occupied(folder: Path) -> None:
    """Refuse to close a folder on the files of others, such as a home or /var/lib that a setting names by mistake."""
    names = {path.name for path in folder.iterdir()} - _NOBODYS
    if names & _OURS or all(name.startswith(".") for name in names):
        return
    raise Refused(
        Code.NOT_ALLOWED,
        f"The folder {folder} holds other files, which other users may read; a data folder is private.",
        "Set CIS_DATA_DIR to a folder that holds nothing else; it is made where there is none.",
    )


def _close(folder: Path) -> None:
    """Remove others' access to a folder, and to everything in it."""
    if not _tighten(folder):
        log.warning("the data folder %s is open to other users, and cannot be closed by this one", folder)
        return
    closed = sum(map(_tighten, _inside(folder)))
    log.warning(
        "the data folder %s was open to other users and is closed now, with %d files in it", folder, closed
    )


def _inside(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(parent, name)


def _tighten(path: Path) -> bool:
    """Remove others' permissions on `path`; True if they had some and this succeeded."""
    try:
        found = path.lstat()
        # What a link leads to is not ours to change.
        if stat.S_ISLNK(found.st_mode) or not _open(found) or os.geteuid() not in {0, found.st_uid}:
            return False
        path.chmod(stat.S_IMODE(found.st_mode) & ~_UMASK)
    except OSError:
        return False
    return True


def _open(found: os.stat_result) -> bool:
    return bool(found.st_mode & _UMASK)
