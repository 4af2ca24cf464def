"""The worker is killed while mails of all kinds come in: each that got 250 comes to what it should, once."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from engine.commands.invites.invites import SendInvite
from engine.engine import system_clock
from engine.model.events import Event
from engine.model.people import Attendee
from tests.faults.scene import PATIENCE_S, SOAK, asked, own_event
from tests.faults.test_intake_kill import hand_over, handled, holds, letter, spooled
from tests.support import mails
from tests.support.engines import created, do, engine_in
from tests.support.mails import vevent
from tests.support.ports import free_port, listens
from tests.support.processes import program
from tests.support.waiting import eventually

_EACH = 250 if SOAK else 30
_TABLES, _ROWS = 12, 5
_LISTS, _PEOPLE = 8, 4
_CONNECTIONS = 6
_KILLS = 8 if SOAK else 2
_OLGA, _STRANGER = "olga@cis.test", "x@example.net"


def _raw(mail: object) -> bytes:
    content = mail if isinstance(mail, bytes) else mail.as_bytes()  # type: ignore[attr-defined]
    return bytes(content).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _invitation(number: int) -> tuple[str, bytes]:
    event = vevent(f"mixed-{number}", summary=f"Mixed {number}")
    return "create@cis.test", _raw(mails.request(event, headers={"X-Number": str(number)}))


def _table(number: int) -> tuple[str, bytes]:
    rows = [f"CREATE,k{number}-{row},Row {number}-{row},2027-06-01,19:00,20:00,UTC" for row in range(_ROWS)]
    mail = mails.mail(_OLGA, "create@cis.test", subject=f"Table {number}")
    csv = "\r\n".join(["action,key,summary,date,start,end,timezone", *rows])
    mail.add_attachment(csv.encode(), maintype="text", subtype="csv", filename="t.csv")
    return "create@cis.test", _raw(mail)


def _list(number: int, event: Event) -> tuple[str, bytes]:
    rows = [f"{event.uid},l{number}-{n}@example.com" for n in range(_PEOPLE)]
    return "bulk@cis.test", _raw(mails.listed("\r\n".join(["uid,email", *rows])))


def _noise(number: int, guest: Attendee) -> tuple[str, bytes]:
    token = f"rsvp+{guest.token}@cis.test"
    note = mails.mail(guest.email, token, subject="Out of office", headers={"Auto-Submitted": "auto-replied"})
    spam = mails.mail(_STRANGER, "create@cis.test", subject="Win", proven=False)
    stranger = mails.request(vevent(f"bad-{number}"), sender=_STRANGER, proven=False)
    broken = mails.mail(_OLGA, "create@cis.test", content=b"BEGIN:VCALENDAR\r\nBEGIN:VEV")
    to, mail = [(token, note), *(("create@cis.test", m) for m in (spam, stranger, broken))][number % 4]
    return to, _raw(mail)


async def test_each_mail_of_many_kinds_comes_to_what_it_should_once(tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with engine_in(tmp_path, system_clock, invite_limit=0) as engine:
        event = await own_event(engine)
        listed = await created(engine, organizer=_OLGA)
        guests = [
            (await do(engine, SendInvite(uid=event.uid, email=f"p{n}@example.com"))).attendee
            for n in range(_EACH)
        ]
    letters = [
        *(_invitation(n) for n in range(_EACH)),
        *(letter(event.uid, guest) for guest in guests),
        *(_table(n) for n in range(_TABLES)),
        *(_list(n, listed) for n in range(_LISTS)),
        *(_noise(n, guest) for n, guest in enumerate(guests)),
    ]
    chance.shuffle(letters)
    taken = await _killed_again_and_again(tmp_path, letters, chance)
    assert len(taken) == len(letters)
    there = spooled(tmp_path)
    assert len(there) == len(set(there))
    assert taken <= set(there)
    noted = {str(name).partition(":")[0] for (name,) in asked(tmp_path, "SELECT id FROM intake")}
    assert set(there) <= noted
    _counted_once(tmp_path, event, listed)
    async with program(tmp_path, "check") as check:
        assert await asyncio.wait_for(check.wait(), PATIENCE_S) == 0


async def _killed_again_and_again(
    folder: Path, letters: list[tuple[str, bytes]], chance: random.Random
) -> set[str]:
    """Hand all letters over to workers that are killed at random moments; the ids of what was taken."""
    shares = [letters[n::_CONNECTIONS] for n in range(_CONNECTIONS)]
    taken: set[str] = set()
    for kill in range(_KILLS + 1):
        port = free_port()
        settings = {"INBOX": f"smtp://127.0.0.1:{port}", "AUTHSERV_IDS": mails.OPERATOR_SERVER}
        async with program(folder, "worker", INVITE_LIMIT="0", **settings) as process:
            await eventually(partial(listens, port), PATIENCE_S)
            handing = asyncio.gather(*(hand_over(port, share, taken) for share in shares))
            if kill < _KILLS:
                enough = min(len(taken) + len(letters) // (_KILLS + 2), len(letters))
                await eventually(partial(holds, taken, enough), PATIENCE_S)
                await asyncio.sleep(chance.uniform(0, 0.2))
                process.kill()
                await asyncio.wait_for(handing, PATIENCE_S)
            else:
                await asyncio.wait_for(handing, PATIENCE_S)
                await eventually(partial(handled, folder, taken), PATIENCE_S)
                await _let_through(folder)
                await eventually(lambda: not _unfinished(folder), PATIENCE_S)
    return taken


async def _let_through(folder: Path) -> None:
    """The operator releases what was set aside since it was in hand at several deaths; strangers' mails stay there."""
    aside = [str(name).partition(":")[0] for (name,) in asked(folder, _DIED)]
    released = [n for n in aside if _STRANGER.encode() not in (folder / "inbox/quarantine" / n).read_bytes()]
    if released:
        async with program(folder, "quarantine", "release", *released) as release:
            assert await asyncio.wait_for(release.wait(), PATIENCE_S) == 0


_DIED = "SELECT id FROM intake WHERE json_extract(body, '$.code') = 'process_died'"


def _unfinished(folder: Path) -> bool:
    running = "SELECT count(*) FROM campaign WHERE state != 'finished'"
    return asked(folder, running) != [(0,)]


def _counted_once(folder: Path, event: Event, listed: Event) -> None:
    """Every event, answer, invite and notice is there once, however often its mail came."""
    events = [json.loads(str(body)) for (body,) in asked(folder, "SELECT body FROM event")]
    names = Counter(e["summary"] for e in events if e["uid"] not in {event.uid, listed.uid})
    wanted = [f"Mixed {n}" for n in range(_EACH)]
    wanted += [f"Row {n}-{row}" for n in range(_TABLES) for row in range(_ROWS)]
    assert names == Counter(wanted)
    tally = f"SELECT n FROM tally WHERE scope = 'event' AND key = '{event.uid}' AND name = 'rsvp.accepted'"
    assert asked(folder, tally) == [(_EACH,)]
    invited = f"FROM message WHERE event_uid = '{listed.uid}' AND kind = 'invite'"
    assert asked(folder, f"SELECT count(*), count(DISTINCT email) {invited}") == [
        (_LISTS * _PEOPLE, _LISTS * _PEOPLE)
    ]
    told = Counter(_told(folder))
    assert set(told.values()) == {1}, "an event was told of twice"
    assert set(told) <= {f"Created: Mixed {n}" for n in range(_EACH)}
    assert len(told) + _only_numbered(folder) >= _EACH, "an event was told of to nobody"


_CREATED = re.compile(r"Created: Mixed \d+")


def _told(folder: Path) -> Iterator[str]:
    """What the notices that left say of single events, and those that are gathered for the minute."""
    for (subject,) in asked(folder, "SELECT json_extract(notice, '$.subject') FROM message"):
        yield from _CREATED.findall(str(subject))
    for (text,) in asked(folder, "SELECT json_extract(notice, '$.text') FROM message"):
        if "mails in your name" in str(text):
            yield from (line for row in str(text).splitlines() for line in _CREATED.findall(row)[:1])
    for (subject,) in asked(folder, "SELECT json_extract(body, '$.subject') FROM gathered_notice"):
        yield from _CREATED.findall(str(subject))


def _only_numbered(folder: Path) -> int:
    """Of how many mails beyond a notice's twenty lines nothing but the number was told, or will be."""
    waiting = sum(int(str(more)) for (more,) in asked(folder, "SELECT more FROM telling"))
    texts = asked(folder, "SELECT json_extract(notice, '$.text') FROM message")
    return waiting + sum(int(n) for (text,) in texts for n in re.findall(r"- and (\d+) more", str(text)))
