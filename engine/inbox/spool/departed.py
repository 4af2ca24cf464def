"""Mails that are deleted here and whose originals lie elsewhere: a mark stays until the original is deleted too."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_FOLDER = "gone"
ELSEWHERE = ".s3_"
"""In the name of a mail that lies in a bucket of S3."""


def note(inbox: Path, names: Iterable[str]) -> None:
    """Mark those of these mails whose originals lie elsewhere; before they are deleted, so that none is missed."""
    marked = [name for name in names if ELSEWHERE in name]
    if marked:
        (inbox / _FOLDER).mkdir(exist_ok=True)
    for name in marked:
        (inbox / _FOLDER / name).touch()


def noted(inbox: Path) -> set[str]:
    """The mails whose originals are to be deleted."""
    folder = inbox / _FOLDER
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def settle(inbox: Path, names: Iterable[str]) -> None:
    """Take the marks away: the originals are gone."""
    for name in names:
        (inbox / _FOLDER / name).unlink(missing_ok=True)
