"""Mail to create@ with a table of commands: each row is carried out once, and the answer tells of each."""

from __future__ import annotations

import csv
import io
from email.message import EmailMessage

import pytest

from engine.commands.randomness import SystemRandomness
from engine.model.claims import Claim
from engine.model.messages import Kind, Message
from engine.model.queries import EventQuery
from engine.outbox.render import Renderer
from tests.support import mails
from tests.support.engines import deliver
from tests.support.inboxes import Post
from tests.support.waiting import eventually

HEADER = "action,key,summary,date,start,end,timezone"
GAMES = [f"CREATE,game-{n},Game {n},2027-05-0{n},19:00,21:30,America/New_York" for n in range(1, 4)]
TABLE = "\r\n".join([HEADER, *GAMES, ""])


def _mail(table: str | bytes, filename: str = "season.csv", **values: object) -> EmailMessage:
    made = mails.mail("Olga Organizer <olga@cis.test>", "create@cis.test", subject="Season", **values)  # type: ignore[arg-type]
    data = table.encode() if isinstance(table, str) else table
    kind = "plain" if filename.endswith(".txt") else "csv"
    made.add_attachment(data, maintype="text", subtype=kind, filename=filename)
    return made


async def _titles(post: Post) -> list[str]:
    page = await post.engine.store.search(EventQuery(organizer="olga@cis.test", limit=100))
    return [event.summary for event in page.events]


def _outcomes(notice: Message) -> list[dict[str, str]]:
    assert notice.notice is not None
    return list(csv.DictReader(io.StringIO(notice.notice.outcomes)))


async def test_each_row_is_carried_out_and_told_of(post: Post) -> None:
    intake = await post(_mail(TABLE))
    assert (intake.action, intake.code, intake.uid) == ("batch", "", "")
    assert await _titles(post) == ["Game 1", "Game 2", "Game 3"]
    notice = await post.notice()
    assert notice.email == "olga@cis.test"
    assert notice.notice is not None
    assert notice.notice.subject == "Your table of events: Rows: 3; created 3"
    rows = _outcomes(notice)
    assert [(r["row"], r["action"], r["outcome"]) for r in rows] == [
        (str(n), "create", "created") for n in (1, 2, 3)
    ]
    event = await post.engine.store.event(rows[0]["uid"])
    assert event is not None
    assert (event.organizer, event.organizer_name) == ("olga@cis.test", "Olga Organizer")


async def test_the_answer_has_its_outcomes_attached(post: Post) -> None:
    await post(_mail(f"{HEADER}\nCREATE,=1+1,,,,,\n"))
    (claim,) = await post.engine.store.claim_messages("test", 10, post.engine.clock, 20)
    sent = await Renderer(post.engine.settings, post.engine.store).render(
        Claim(claim.message, None, None), post.engine.clock()
    )
    content = sent.content if isinstance(sent.content, bytes) else bytes(sent.content)
    assert b"outcomes.csv" in content
    assert b"row 1: failed" in content


async def test_a_bad_row_is_named_and_the_good_ones_are_carried_out(post: Post) -> None:
    quoted = GAMES[0].replace("Game 1", '"Doe, Jane"')
    table = f"{HEADER}\n{quoted}\nUPDATE,unknown,X,,,,\n{GAMES[1]}\n"
    intake = await post(_mail(table))
    assert (intake.action, intake.code) == ("batch", "unknown_event")
    assert await _titles(post) == ["Doe, Jane", "Game 2"]
    notice = await post.notice()
    assert notice.notice is not None
    assert "row 2: failed" in notice.notice.text
    assert "Rows: 3; created 2, failed 1" in notice.notice.text
    assert [row["code"] for row in _outcomes(notice)] == ["", "unknown_event", ""]


@pytest.mark.parametrize("filename", ["season.csv", "SEASON.CSV", "season.txt"])
async def test_tables_come_as_csv_or_text_in_any_encoding(post: Post, filename: str) -> None:
    table = TABLE.replace("Game 1", "Fête").replace(",", ";")
    await post(_mail(table.encode("utf-16"), filename))
    assert "Fête" in await _titles(post)


async def test_the_corrected_file_sent_again_makes_no_doubles(post: Post) -> None:
    await post(_mail(f"{HEADER}\n{GAMES[0]}\nCREATE,game-2,Game 2,sometime,,,\n"))
    await deliver(post.engine)
    await post(_mail(TABLE))
    assert await _titles(post) == ["Game 1", "Game 2", "Game 3"]
    assert [row["outcome"] for row in _outcomes(await post.notice())] == ["unchanged", "created", "created"]


async def test_the_same_mail_that_comes_twice_is_carried_out_once(post: Post) -> None:
    first = _mail(f"{TABLE}UPDATE,game-1,First,,,,\n")
    second = _mail("action,key,summary\nUPDATE,game-1,Second\n")
    await post(first)
    await post(second)
    await deliver(post.engine)
    await post(first)
    assert (await _titles(post))[0] == "Second"
    assert await deliver(post.engine) == []


async def test_a_mail_that_is_handled_again_repeats_no_row(post: Post) -> None:
    """As after a crash: the mail lies in the spool though its rows were carried out."""
    made = _mail(f"{TABLE}UPDATE,game-1,First,,,,\nUPDATE,game-1,Second,,,,\n")
    del made["Message-ID"]
    await post(made)
    before = {m.message_id for m in await deliver(post.engine)}
    (done,) = post.files("done")
    done.rename(post.folder / "new" / done.name)
    post.inbox.arrived.notify()
    await eventually(lambda: not post.files("new"))
    event = next(e for e in (await post.engine.store.search(EventQuery())).events if e.summary == "Second")
    assert event.sequence == 2
    assert len(before) == 1
    assert await deliver(post.engine) == []


async def test_a_sender_whom_nobody_vouches_for_changes_nothing(post: Post) -> None:
    intake = await post(_mail(TABLE, proven=False))
    assert (intake.action, intake.code) == ("quarantined", "sender_unauthenticated")
    assert await _titles(post) == []


async def test_nobody_changes_anothers_events_by_mail(post: Post) -> None:
    await post(_mail(TABLE))
    uid = _outcomes(await post.notice())[0]["uid"]
    made = mails.mail("eve@cis.test", "create@cis.test", subject="Season")
    made.add_attachment(
        f"action,uid\nCANCEL,{uid}\nCANCEL,game-1\n".encode(),
        maintype="text",
        subtype="csv",
        filename="x.csv",
    )
    await post(made)
    assert [row["code"] for row in _outcomes(await post.notice())] == ["unknown_event", "unknown_event"]


@pytest.mark.parametrize(
    ("table", "filename", "code"),
    [
        ("uid,email\nx,ann@example.com\n", "list.csv", "csv_no_header"),
        ('action,uid\nCANCEL,"x', "list.csv", "csv_unreadable"),
        ("action,uid\n", "list.csv", "empty_list"),
        ("Kind regards\nOlga\n", "signature.txt", "no_calendar"),
    ],
)
async def test_what_is_no_table_is_answered_with_the_reason(
    post: Post, table: str, filename: str, code: str
) -> None:
    intake = await post(_mail(table, filename))
    assert (intake.action, intake.code) == ("refused", code)
    notice = await post.notice()
    assert notice.notice is not None
    assert code in notice.notice.text


async def test_several_tables_in_one_mail_are_told_apart(post: Post) -> None:
    made = _mail(f"{HEADER}\n{GAMES[0]}\n", "first.csv")
    made.add_attachment(
        f"{HEADER},colour\n{GAMES[1]},red\n".encode(), maintype="text", subtype="csv", filename="second.csv"
    )
    made.add_attachment(b"just words", maintype="text", subtype="plain", filename="notes.txt")
    await post(made)
    notice = await post.notice()
    assert [row["row"] for row in _outcomes(notice)] == ["first.csv 1", "second.csv 1"]
    assert notice.notice is not None
    assert "notes.txt: not carried out" in notice.notice.text
    assert "“colour” was passed over" in notice.notice.text


async def test_a_program_may_mail_a_table_and_its_organizer_hears_of_it(post: Post) -> None:
    intake = await post(_mail(TABLE, headers={"Auto-Submitted": "auto-generated"}))
    assert (intake.action, intake.code) == ("batch", "")
    assert len(await _titles(post)) == 3
    assert (await post.notice()).email == "olga@cis.test"


async def test_many_rows_are_carried_out_in_several_transactions(post: Post) -> None:
    word = SystemRandomness().word
    rows = [f"CREATE,{word(8)},Game {n},2027-05-02,19:00,21:30,UTC" for n in range(120)]
    await post(_mail("\n".join([HEADER, *rows])))
    notice = await post.notice()
    assert notice.notice is not None
    assert notice.notice.subject == "Your table of events: Rows: 120; created 120"


async def test_a_row_with_a_person_is_an_event_and_its_invite_and_sent_again_it_is_neither(
    post: Post,
) -> None:
    table = "\n".join(
        [
            "action,summary,date,start,duration,timezone,email,name",
            "CREATE,Policy due,2027-05-01,10:00,1h,Europe/Paris,ann@example.com,Ann",
            "CREATE,Policy due,2027-05-01,10:00,1h,Europe/Paris,bob@example.com,Bob",
            "CREATE,Policy due,2027-05-01,10:00,1h,Europe/Paris,nobody,",
            "CREATE,Policy due,2027-05-01,10:00,1h,Europe/Paris,create@cis.test,",
        ]
    )
    await post(_mail(table))
    gone = await deliver(post.engine)
    invites = [m for m in gone if m.kind is Kind.INVITE]
    assert [m.email for m in invites] == ["ann@example.com", "bob@example.com"]
    assert len({m.event_uid for m in invites}) == 2
    (notice,) = [m for m in gone if m.notice]
    rows = _outcomes(notice)
    assert [(r["outcome"], r["code"]) for r in rows] == [
        ("created", ""),
        ("created", ""),
        ("failed", "invalid_address"),
        ("created", "invalid_address"),
    ]
    assert "ann@example.com is invited" in rows[0]["detail"]
    assert "create@cis.test is not invited" in rows[3]["detail"]
    await post(_mail(table))
    assert [m for m in await deliver(post.engine) if m.kind is Kind.INVITE] == []
