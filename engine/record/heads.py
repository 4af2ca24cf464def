"""The newest signed head, stored beside the database, so that a restored old backup is noticed."""

from __future__ import annotations

from pathlib import Path

from engine.process.secret_file import written_beside
from engine.record.signing import HeadSigner, SignedHead, opened
from engine.refusals import Refused

HEAD_FILE = "record.head"


def kept_head(folder: Path, signer: HeadSigner) -> SignedHead | None:
    """The newest head signed on this machine, if any. Raises OSError, Refused: INVALID_ARGUMENT."""
    path = folder / HEAD_FILE
    return opened(path.read_text(encoding="utf-8"), signer.verifier) if path.exists() else None


def keep_head(folder: Path, signer: HeadSigner, note: str) -> None:
    """Store a head unless a newer one is stored. Raises OSError, Refused: INVALID_ARGUMENT."""
    mine = opened(note, signer.verifier)
    if not _newer(mine, folder, signer):
        return
    draft = written_beside(folder / HEAD_FILE, note.encode())
    draft.replace(folder / HEAD_FILE)


def _newer(mine: SignedHead, folder: Path, signer: HeadSigner) -> bool:
    try:
        before = kept_head(folder, signer)
    except Refused:
        return True  # signed by another key, which was lost, so the file proves nothing any more
    return before is None or before.head.seq < mine.head.seq
