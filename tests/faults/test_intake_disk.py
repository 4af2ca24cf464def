"""The disk fills up while mails pour in: none is promised that was not kept, and all goes on when there is room."""

from __future__ import annotations

from pathlib import Path

from engine.engine import system_clock
from tests.faults.test_disk import fill, make_room, small_disk  # noqa: F401 -- the fixture
from tests.support.engines import created, engine_in
from tests.support.inboxes import receiving
from tests.support.talk import Talk, talking
from tests.support.waiting import eventually

_MAIL = (
    b"From: a@example.com\r\nTo: postmaster@cis.test\r\nSubject: hello\r\n\r\n"
    + b"words\r\n" * 500
    + b".\r\n"
)


async def handed_over(talk: Talk) -> int:
    for line in ("MAIL FROM:<a@example.com>", "RCPT TO:<postmaster@cis.test>", "DATA"):
        assert await talk.ask(line) in {250, 354}
    talk.say(_MAIL)
    return await talk.code()


async def test_a_full_disk_takes_nothing_and_loses_nothing(small_disk: Path) -> None:  # noqa: F811
    async with (
        engine_in(small_disk, system_clock, disk_reserve_mb=0) as engine,
        receiving(engine) as post,
    ):
        async with talking(post.port) as talk:
            await talk.greeted()
            codes = [await handed_over(talk) for _ in range(20)]
            fill(small_disk)
            full = [await handed_over(talk) for _ in range(20)]
            assert set(full) == {452}
            make_room(small_disk)
            codes += [await handed_over(talk) for _ in range(20)]
            assert codes == [250] * 40
        await eventually(lambda: len(post.files("quarantine")) == 40)
        assert post.files("new") == []
        assert list((post.folder / "tmp").iterdir()) == []


async def test_strangers_mail_leaves_room_for_what_is_owed(small_disk: Path) -> None:  # noqa: F811
    """Of the 16 MB of the disk 10 are kept free."""
    ballast = small_disk / "ballast"
    async with (
        engine_in(small_disk, system_clock, disk_reserve_mb=10) as engine,
        receiving(engine) as post,
        talking(post.port) as talk,
    ):

        async def is_answered(code: int) -> bool:
            return await handed_over(talk) == code

        await talk.greeted()
        assert await is_answered(250)
        ballast.write_bytes(b"x" * 8_000_000)
        await eventually(lambda: is_answered(452))
        await created(engine)
        ballast.unlink()
        await eventually(lambda: is_answered(250))
