"""Files of the spool: a mail is read as it was stored, and as it was put there by hand."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from engine.inbox.spool.spool import OwnMailbox, Spool

MAIL = b"From: a@example.com\r\n\r\nwords\r\n"
LONG = b"x" * 300_000
BOX = OwnMailbox(name="create", token="x" * 40)


@pytest.mark.parametrize("mail", [b"", MAIL, b"\r\n", MAIL + LONG], ids=["none", "small", "line", "large"])
@pytest.mark.parametrize("boxes", [1, 1_000])
def test_a_mail_is_read_as_it_was_stored(tmp_path: Path, mail: bytes, boxes: int) -> None:
    spool = Spool(tmp_path)
    stored = spool.store(mail, (BOX,) * boxes, "a@example.com")
    read = spool.read(stored.id)
    assert read is not None
    assert (read.raw, read.envelope) == (mail, stored)
    spool.close()


@pytest.mark.parametrize(
    "mail",
    [MAIL, MAIL.replace(b"\r\n", b"\n"), LONG, LONG + MAIL],
    ids=["crlf", "lf", "no end", "late"],
)
def test_a_mail_that_was_put_there_by_hand_is_read_whole(tmp_path: Path, mail: bytes) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "new" / "by-hand").write_bytes(mail)
    read = spool.read("by-hand")
    assert read is not None
    assert (read.raw, read.envelope.id, read.envelope.mailboxes) == (mail, "by-hand", ())
    spool.close()


def test_a_large_mail_is_stored_and_read_without_a_second_copy(tmp_path: Path) -> None:
    spool, mail = Spool(tmp_path), b"x" * 8_000_000
    tracemalloc.start()
    stored = spool.store(mail, (BOX,), None)
    read = spool.read(stored.id)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read is not None
    assert len(read.raw) == len(mail)
    assert peak < 1.1 * len(mail)
    spool.close()
