"""What was taken in outlives a machine that fails: the journal mends the files that were not on the disk yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, Spool, Spooled


def taken(spool: Spool, number: int, size: int = 100) -> list[str]:
    """Keep some mails together; their ids."""
    mails = [
        Spooled(
            envelope=ReceivedEnvelope(
                id=spool.new_name(), mailboxes=(OwnMailbox(name="create"),), sender="a@example.com"
            ),
            raw=b"Subject: %d\r\n\r\n" % n + b"x" * size,
        )
        for n in range(number)
    ]
    assert spool.store_all(mails) == [None] * number
    spool.file()
    return [mail.envelope.id for mail in mails]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.name: p.read_bytes() for part in ("new", "done", "quarantine") for p in (folder / part).iterdir()
    }


def power_fails(folder: Path, spool: Spool) -> None:
    """What was never synced by itself is gone, empty or torn; the process is dead."""
    for n, path in enumerate(sorted(p for part in ("new", "done") for p in (folder / part).iterdir())):
        if n % 3 == 0:
            path.unlink()
        elif n % 3 == 1:
            path.write_bytes(b"")
        else:
            path.write_bytes(path.read_bytes()[:50])
    spool.close()


def test_each_mail_that_was_kept_is_whole_after_the_power_failed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    names = taken(spool, 9)
    spool.done(names[1])
    before = contents(tmp_path)
    power_fails(tmp_path, spool)
    assert contents(tmp_path) != before
    Spool(tmp_path).settle()
    assert contents(tmp_path) == before
    assert list((tmp_path / "journal").iterdir()) == []


def test_a_mail_that_was_not_written_whole_was_promised_to_nobody(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    names = taken(spool, 3)
    power_fails(tmp_path, spool)
    (segment,) = (tmp_path / "journal").iterdir()
    segment.write_bytes(segment.read_bytes()[:-1])
    Spool(tmp_path).settle()
    assert names[0] in contents(tmp_path)
    assert contents(tmp_path)[names[0]].endswith(b"x" * 100)


def test_a_segment_of_a_process_that_lives_is_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    taken(spool, 3)
    before = contents(tmp_path)
    Spool(tmp_path).settle()
    assert len(list((tmp_path / "journal").iterdir())) == 1
    assert contents(tmp_path) == before
    spool.close()


def test_a_segment_goes_when_its_mails_have_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    first, second = taken(spool, 2)
    spool.done(first)
    spool.quarantine(second)
    spool.settle(written_back_s=-1)
    assert list((tmp_path / "journal").iterdir()) == []
    assert set(contents(tmp_path)) == {first, second}


def test_the_journal_stays_small_while_mails_pour_in(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for _ in range(10):
        taken(spool, 50, 200_000)
        spool.settle()
    assert sum(p.stat().st_size for p in (tmp_path / "journal").iterdir()) < 200_000_000
    spool.close()


def test_a_mail_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "journal").rmdir()
    (tmp_path / "journal").write_text("in the way")
    mail = Spooled(envelope=ReceivedEnvelope(id=spool.new_name(), mailboxes=()), raw=b"x")
    (error,) = spool.store_all([mail])
    assert isinstance(error, OSError)
    assert contents(tmp_path) == {}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_was_promised_and_had_no_file_yet_is_there_after_a_crash(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    mails = [
        Spooled(envelope=ReceivedEnvelope(id=spool.new_name(), mailboxes=()), raw=b"x") for _ in range(10)
    ]
    assert spool.store_all(mails) == [None] * 10
    assert contents(tmp_path) == {}
    spool.close()
    Spool(tmp_path).settle()
    assert set(contents(tmp_path)) == {mail.envelope.id for mail in mails}


def test_mails_that_cannot_be_filed_keep_their_segment(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    mails = [
        Spooled(envelope=ReceivedEnvelope(id=spool.new_name(), mailboxes=()), raw=b"x") for _ in range(10)
    ]
    assert spool.store_all(mails) == [None] * 10
    (tmp_path / "new").rename(tmp_path / "gone")
    with pytest.raises(OSError, match="No such file"):
        spool.settle(written_back_s=-1)
    assert len(list((tmp_path / "journal").iterdir())) == 1
    (tmp_path / "gone").rename(tmp_path / "new")
    spool.settle(written_back_s=-1)
    assert set(contents(tmp_path)) == {mail.envelope.id for mail in mails}
    assert list((tmp_path / "journal").iterdir()) == []


class Busy(Spool):
    """A spool into which mails come at the worst moment of its being settled: when the others have their files."""

    late: tuple[Spooled, ...] = ()

    def file(self) -> None:
        super().file()
        late, self.late = self.late, ()
        if late:
            assert self.store_all(late) == [None] * len(late)


def test_mails_that_come_while_the_journal_is_settled_are_still_on_the_disk(tmp_path: Path) -> None:
    spool = Busy(tmp_path)
    taken(spool, 3)
    spool.late = tuple(
        Spooled(envelope=ReceivedEnvelope(id=spool.new_name(), mailboxes=()), raw=b"x") for _ in range(3)
    )
    late = {mail.envelope.id for mail in spool.late}
    spool.settle(written_back_s=0)
    # The process dies here: what it had in memory is gone, and the next one mends.
    spool.close()
    Spool(tmp_path).settle(written_back_s=0)
    assert late <= contents(tmp_path).keys()
