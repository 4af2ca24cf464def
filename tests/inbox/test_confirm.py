"""The owner of an address is asked whether an unproven mail is theirs, and says so by mail or by a page."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cis_mcp.pages.links import routes
from engine.commands.operators.operators import SuspendOrganizer
from engine.engine import Engine
from engine.model.events import Event, EventStatus
from engine.model.messages import Message
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from tests.inbox.test_intake import handled_twice
from tests.support import mails, waiting
from tests.support.clock import Clock
from tests.support.engines import attendee, created, deliver, do, engine_in, invite
from tests.support.inboxes import Post, receiving
from tests.tools.caller import calling, text_of

PUBLIC = "https://cis.example.org"


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(
        tmp_path, clock, authserv_ids=mails.OPERATOR_SERVER, public_url=PUBLIC, organizers="*"
    ) as opened:
        yield opened


@pytest.fixture
async def post(engine: Engine) -> AsyncIterator[Post]:
    async with receiving(engine) as opened:
        yield opened


@pytest.fixture
async def event(post: Post) -> Event:
    """An event that its owner made by mail, proven."""
    await post(mails.request())
    await deliver(post.engine)
    return (await post.engine.store.search(EventQuery())).events[0]


def code_in(message: Message) -> str:
    """The code that the asked one reads."""
    assert message.notice is not None
    (by_page,) = re.findall(rf"{PUBLIC}/confirm/([a-z0-9]+)", message.notice.text)
    assert message.notice.reply_to == f"confirm+{by_page}@cis.test"
    return str(by_page)


async def asked(post: Post, mail: EmailMessage) -> str:
    """The code that comes of an unproven mail."""
    assert (await post(mail)).code == "sender_unauthenticated"
    return code_in(await post.notice())


def yes(code: str, sender: str = "olga@cis.test", **values: Any) -> EmailMessage:
    return mails.mail(sender, f"confirm+{code}@cis.test", subject="Re: Did you send this?", **values)


async def eventually(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    await waiting.eventually(condition)


async def now(post: Post, event: Event) -> Event:
    found = await post.engine.store.event(event.uid)
    assert found is not None
    return found


async def quiet(post: Post) -> None:
    await waiting.eventually(lambda: not post.files("new"))


async def cancelled(post: Post, event: Event) -> bool:
    return (await now(post, event)).status is EventStatus.CANCELLED


async def test_any_answer_to_the_mail_lets_what_waits_through(post: Post, event: Event) -> None:
    code = await asked(post, mails.cancel(proven=False))
    assert not await cancelled(post, event)
    await post(yes(code, text="That was me.", proven=False))
    await eventually(lambda: cancelled(post, event))
    await quiet(post)
    assert post.files("quarantine") == []
    (notice,) = await post.notices()
    assert notice.notice
    assert notice.notice.subject.startswith("Cancelled")


async def test_a_code_confirms_one_mail_once(post: Post, event: Event) -> None:
    code = await asked(post, mails.request(mails.vevent(sequence=1, summary="First"), proven=False))
    await post(mails.request(mails.vevent(sequence=2, summary="Second"), proven=False))
    await post(yes(code))
    await eventually(lambda: _named(post, event, "First"))
    again = await post(yes(code))
    assert (again.action, again.code) == ("refused", "confirm_token_invalid")
    await quiet(post)
    assert await _named(post, event, "First")
    assert len(post.files("quarantine")) == 1


async def _named(post: Post, event: Event, summary: str) -> bool:
    return (await now(post, event)).summary == summary


async def test_a_code_is_good_for_seven_days(post: Post, event: Event, clock: Clock) -> None:
    code = await asked(post, mails.cancel(proven=False))
    clock.move(days=7)
    assert (await post(yes(code))).code == "confirm_token_invalid"
    assert not await cancelled(post, event)


async def test_machines_confirm_nothing(post: Post, event: Event) -> None:
    code = await asked(post, mails.cancel(proven=False))
    absent = {"Auto-Submitted": "auto-replied"}
    assert (await post(yes(code, headers=absent))).code == "automatic_mail"
    assert (await post(yes(code), sender="")).code == "automatic_mail"
    assert not await cancelled(post, event)


async def test_a_guessed_code_is_no_mailbox(post: Post, event: Event) -> None:
    await asked(post, mails.cancel(proven=False))
    with pytest.raises(Exception, match="550"):
        await post.hand_over(yes("a" * 26))


async def test_an_address_is_asked_once_a_day(post: Post, event: Event, clock: Clock) -> None:
    for n in range(3):
        await post(mails.cancel(mails.vevent(sequence=1 + n), proven=False))
    await post.notice()
    clock.move(days=1)
    await post(mails.cancel(mails.vevent(sequence=9), proven=False))
    await post.notice()
    assert len(post.files("quarantine")) == 4


async def test_nobody_is_asked_who_is_not_on_file(post: Post, event: Event) -> None:
    """Here `CIS_ORGANIZERS` is `*`: anybody may make events, and that alone makes nobody known."""
    stranger = "someone@example.com"
    await post(mails.request(mails.vevent("u7", organizer=stranger), sender=stranger, proven=False))
    assert await post.notices() == []
    assert len(post.files("quarantine")) == 1


@pytest.mark.parametrize(
    ("organizers", "asks"),
    [("someone@example.com", 1), ("*@example.com", 0), ("*@*", 0), ("*@*.com", 0), ("*@example.*", 0)],
)
async def test_who_is_listed_by_name_is_asked(
    tmp_path: Path, clock: Clock, organizers: str, asks: int
) -> None:
    stranger = "someone@example.com"
    async with (
        engine_in(tmp_path, clock, organizers=organizers) as engine,
        receiving(engine) as post,
    ):
        await post(mails.request(mails.vevent(organizer=stranger), sender=stranger, proven=False))
        assert len(await post.notices()) == asks


async def test_mail_without_a_sender_or_from_a_machine_asks_nobody(post: Post, event: Event) -> None:
    await post(mails.cancel(proven=False), sender="")
    listed = mails.listed("uid,email\nx,y@example.com\n")
    del listed["Authentication-Results"]
    listed["Precedence"] = "bulk"
    await post(listed)
    assert await post.notices() == []


async def test_a_suspended_organizer_is_not_asked(post: Post, event: Event) -> None:
    await do(post.engine, SuspendOrganizer(address="olga@cis.test"))
    await post(mails.cancel(proven=False))
    assert await post.notices() == []


async def test_what_is_asked_leads_nowhere_else_and_answers_nobody(post: Post, event: Event) -> None:
    lure = "Pay at https://evil.example/now and www.evil.example\r\n Bcc: all@example.com"
    mail = mails.cancel(proven=False).as_bytes().replace(b"Subject: Invitation", f"Subject: {lure}".encode())
    await post(mail, "create@cis.test")
    message = await post.notice()
    assert message.notice
    assert message.email == "olga@cis.test"
    assert "evil" not in message.notice.text
    assert "Pay" not in message.notice.text
    assert "It creates, changes or cancels events of yours." in message.notice.text
    assert len(message.notice.text) < 1_000


async def test_a_mail_that_is_handled_twice_asks_once(engine: Engine) -> None:
    await created(engine, organizer="olga@cis.test")
    await handled_twice(engine, mails.request(proven=False), "create")
    assert len(await deliver(engine)) == 1
    assert len(list((engine.settings.data_dir / "inbox" / "quarantine").iterdir())) == 1


# answers at plain rsvp@


async def invited(engine: Engine) -> Event:
    event = await created(engine, organizer="olga@cis.test")
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    return event


async def test_an_unproven_answer_counts_once_its_attendee_confirms(post: Post) -> None:
    event = await invited(post.engine)
    code = await asked(post, mails.reply(event.uid, "ann@example.com", proven=False))
    assert (await attendee(post.engine, event, "ann@example.com")).partstat is Partstat.NEEDS_ACTION
    await post(yes(code, "ann@home.example"))

    async def counted() -> bool:
        found = await attendee(post.engine, event, "ann@example.com")
        return found.partstat is Partstat.ACCEPTED

    await eventually(counted)
    receipts = await post.engine.store.receipts(event.uid, "ann@example.com")
    assert [(r.counted, r.code) for r in receipts] == [(False, "sender_unauthenticated"), (True, "")]


async def test_an_answer_in_somebody_s_name_asks_them_and_not_its_sender(post: Post) -> None:
    event = await invited(post.engine)
    forged = mails.reply(event.uid, "mallory@example.net", attendee="ann@example.com", proven=False)
    await post(forged)
    message = await post.notice()
    assert message.email == "ann@example.com"
    assert message.notice
    assert "“Season opener” with: Yes" in message.notice.text
    await post(yes(code_in(message), "ann@example.com"))

    async def counted() -> bool:
        return (await attendee(post.engine, event, "ann@example.com")).partstat is Partstat.ACCEPTED

    await eventually(counted)


async def test_an_unproven_guest_whom_nobody_invited_is_not_asked(post: Post) -> None:
    event = await invited(post.engine)
    await post(mails.reply(event.uid, "stranger@example.com", proven=False))
    assert await post.notices() == []
    assert len(post.files("quarantine")) == 1


async def test_attendees_are_not_asked_where_the_operator_does_not_want_it(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        engine_in(tmp_path, clock, confirm_receipts=False) as engine,
        receiving(engine) as post,
    ):
        event = await invited(engine)
        await post(mails.reply(event.uid, "ann@example.com", proven=False))
        assert await post.notices() == []


# flag and off


async def test_flagged_mail_is_carried_out_and_the_event_says_so(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, sender_auth="flag") as engine, receiving(engine) as post:
        intake = await post(mails.request(proven=False))
        assert (intake.action, intake.code) == ("created", "sender_unauthenticated")
        event = await engine.store.event(intake.uid)
        assert event
        assert event.sender_unauthenticated
        assert post.files("quarantine") == []
        async with calling(engine) as caller:
            shown = await caller.call("get_event", uid=event.uid)
            assert "Nothing proves" in text_of(shown)
            (brief,) = (await caller.ok("search_events"))["events"]
            assert brief["sender_unauthenticated"]


async def test_the_next_proven_mail_takes_the_flag_away(tmp_path: Path, clock: Clock) -> None:
    values: dict[str, Any] = {"sender_auth": "flag", "authserv_ids": mails.OPERATOR_SERVER}
    async with engine_in(tmp_path, clock, **values) as engine, receiving(engine) as post:
        made = await post(mails.request(proven=False))
        await post(mails.request(mails.vevent(sequence=1, summary="Other words")))
        event = await engine.store.event(made.uid)
        assert event
        assert (event.summary, event.sender_unauthenticated) == ("Other words", False)


# the page


@pytest.fixture
async def web(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=routes(engine))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC) as client:
        yield client


async def test_looking_at_the_page_changes_nothing_and_its_button_does(
    post: Post, event: Event, web: httpx.AsyncClient
) -> None:
    code = await asked(post, mails.cancel(proven=False, subject="<script>alert(1)</script>"))
    for method in ("GET", "HEAD", "GET"):
        shown = await web.request(method, f"/confirm/{code}")
        assert shown.status_code == 200
    assert "olga@cis.test" in html.unescape(shown.text)
    assert "<script" not in shown.text
    assert '<form method="post">' in shown.text
    await quiet(post)
    assert not await cancelled(post, event)
    assert (await web.post(f"/confirm/{code}")).status_code == 200
    await eventually(lambda: cancelled(post, event))
    assert (await web.post(f"/confirm/{code}")).status_code == 404
    assert "already" in (await web.get(f"/confirm/{code}")).text


async def test_the_pages_load_nothing_and_stay_out_of_indexes(web: httpx.AsyncClient) -> None:
    for path in ("/confirm/unknown", "/confirm/%00", "/confirm/..%2f..", f"/confirm/{'x' * 5_000}"):
        answer = await web.get(path)
        assert answer.status_code == 404
    answer = await web.get("/confirm/unknown")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "noindex" in answer.headers["x-robots-tag"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "src=" not in answer.text
    assert "href=" not in answer.text
