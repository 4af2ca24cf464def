"""The page behind a link in a newsletter: a person's press sends, and nothing else does."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

import pytest

from cis_mcp.pages import hourly
from cis_mcp.pages.merged import merged
from cis_mcp.views import links as views
from cis_mcp.views import vendors
from engine.commands.events.events import CancelEvent
from engine.commands.pages.landing_hosts import SettleLandingHosts
from engine.commands.pages.links import CreateLink, UpdateLink
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.campaign_links import CampaignLink, LinkCounts
from engine.model.events import Event
from engine.model.people import Origin, Partstat
from engine.refusals import Code, Refused
from tests.pages.visitor import Seen, Visitor, games, invites, link_in_mail, published
from tests.support.clock import Clock
from tests.support.engines import answer, attendee, deliver, do, refusal

ANN = "ann%2Bmay%40example.com"


async def linked(engine: Engine, *events: Event, **values: object) -> CampaignLink:
    given = {"name": "May", "events": tuple(event.id for event in events), "vendor": "mailchimp", **values}
    return (await do(engine, CreateLink(**given))).link  # type: ignore[arg-type]


async def pressed(visitor: Visitor, link: CampaignLink, email: str = "ann@example.com", **more: str) -> Seen:
    return await visitor.send(views.path(link), (), email, **more)  # type: ignore[arg-type]


async def test_a_link_shows_event_address_and_button_and_its_press_sends_once(
    engine: Engine, visitor: Visitor
) -> None:
    (event,) = await games(engine, 1)
    link = await linked(engine, event, origin=Origin.MAILCHIMPCTA, button="Register Now")
    page = await visitor.see(f"{views.path(link)}?e={ANN}")
    assert "Saturday, 1 May 2027, 19:05 America/New_York, UTC-04:00" in page.text
    assert 'value="ann+may@example.com"' in page.answer.text
    assert "Register Now" in page.text
    assert page.answer.headers["cache-control"] == "private, no-store"
    assert page.answer.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in page.answer.text
    posted = await visitor.post(views.path(link), (), "ann+may@example.com")
    assert posted.status_code == 303
    for _ in range(2):
        told = await visitor.see(posted.headers["location"])
        assert "Your invite is on the way" in told.text
        assert "Owls at Foxes 0" in told.text
    (sent,) = await invites(engine, "ann+may@example.com")
    assert sent.event_uid == event.uid
    assert (await attendee(engine, event, "ann+may@example.com")).origin == "mailchimpcta"
    await pressed(visitor, link, "ann+may@example.com")
    assert await deliver(engine) == []


async def test_looking_sends_nothing_whoever_looks(engine: Engine, visitor: Visitor) -> None:
    """Scanners: HEAD, GET, and whatever they append."""
    link = await linked(engine, *await games(engine, 1))
    for query in (f"e={ANN}", f"e={ANN}&utm_source=x&_kx=a%3D%3D.b", f"mc_eid=1&e={ANN}&lid=9", ""):
        for method in ("HEAD", "GET"):
            answered = await visitor.web.request(method, f"{views.path(link)}?{query}")
            assert answered.status_code == 200
    assert await deliver(engine) == []
    counts = await engine.link_counts(link)
    assert counts == LinkCounts(shown=4), "HEAD is not counted"


async def test_a_form_that_a_program_sends_asks_the_owner_of_the_address_by_one_mail(
    engine: Engine, visitor: Visitor
) -> None:
    (event,) = await games(engine, 1)
    link = await linked(engine, event)
    for _ in range(3):
        page = await pressed(visitor, link, by_person=False)  # type: ignore[arg-type]
        assert "Check your mail" in page.text
    confirm = await link_in_mail(engine)
    assert "To ann@example.com, as asked for by a link in a newsletter." in (await visitor.see(confirm)).text
    await visitor.send(confirm, ())
    (sent,) = await invites(engine)
    assert sent.event_uid == event.uid
    assert (await engine.link_counts(link)).sent == 1


@pytest.mark.parametrize(
    ("query", "email"),
    [
        (b"e=ann@example.com", "ann@example.com"),
        (b"e=Ann%2Bx%40Example.com", "ann+x@example.com"),
        (b"e=ann+x@example.com", "ann+x@example.com"),
        (b"e=ann%20x@example.com", "ann+x@example.com"),
        (b"e=ann%252Bx%2540example.com", "ann+x@example.com"),
        (b"_hsenc=p2&e=ann%40example.com&_hsmi=1", "ann@example.com"),
        (b"e=ann%40example.com&e=eve%40example.com", "ann@example.com"),
        (b"ee=ann%40example.com", ""),
        (b"e=*%7CURL:EMAIL%7C*", ""),
        (b"e=*|URL:EMAIL|*", ""),
        (b"e={{ person.email|urlencode }}", ""),
        (b"e=%EMAIL%", ""),
        (b"e=%%emailaddr%%", ""),
        (b"e=[email]", ""),
        (b"e={$email}", ""),
        (b"e=__test_email__", ""),
        (b"e=noemail", ""),
        (b"e=" + b"a" * 400 + b"@example.com", ""),
        (b"e=ann@example.com%0Abcc:eve@example.com", ""),
        (b"e=%ff%fe@example.com", ""),
        (b"", ""),
        (b"e=" + b"x" * 9_000, ""),
    ],
)
def test_the_address_is_read_as_mail_services_and_trackers_write_it(query: bytes, email: str) -> None:
    found = merged(query)
    assert (found.email, found.unmerged) == (email, not email)


async def test_a_tag_that_nobody_filled_in_leaves_the_field_empty_and_is_counted(
    engine: Engine, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    link = await linked(engine, *await games(engine, 1))
    page = await visitor.see(f"{views.path(link)}?e=*|URL:EMAIL|*")
    assert page.status == 200
    assert 'name="email" value=""' in page.answer.text
    assert await engine.link_counts(link) == LinkCounts(shown=1, unmerged=1)
    (told,) = [record.getMessage() for record in caplog.records if "tag" in record.getMessage()]
    assert link.id in told
    assert link.token not in told


def _by_hmac(key: str, email: str) -> str:
    return hmac.new(key.encode(), email.encode(), "sha256").hexdigest()


def _by_hashes(key: str, email: str) -> str:
    """As the two calls of SHA256 in the tag for Salesforce do it."""
    inner = hashlib.sha256(f"{key}{email}".encode()).hexdigest()
    return hashlib.sha256(f"{key}{inner}".encode()).hexdigest()


@pytest.mark.parametrize(("vendor", "signed_by"), [("braze", _by_hmac), ("salesforce", _by_hashes)])
async def test_a_signed_link_takes_the_address_that_is_signed_and_no_other_at_once(
    engine: Engine, visitor: Visitor, vendor: str, signed_by: Callable[[str, str], str]
) -> None:
    link = await linked(engine, *await games(engine, 6), vendor=vendor, signed=True)
    assert link.key in (await views.code_to_copy(engine, link, engine.local)).plain_link
    proof = signed_by(link.key, "Ann@example.com")
    page = await visitor.see(f"{views.path(link)}?e={proof}.Ann%40example.com")
    assert re.search(r'value="Ann@example.com"[^>]* readonly', page.answer.text)
    assert f'value="{proof}"' in page.answer.text
    assert "6 events for your calendar" in page.text
    assert link.key not in page.answer.text
    await pressed(visitor, link, "Ann@example.com", s=proof)
    assert len(await invites(engine)) == 6, "no confirming mail: the service vouches for the address"
    plain = hashlib.sha256(f"{link.key}ben@example.com".encode()).hexdigest()
    for wrong in ("0" * 64, proof, signed_by("", "ben@example.com"), plain):
        forged = await visitor.see(f"{views.path(link)}?e={wrong}.ben%40example.com")
        assert "readonly" not in forged.answer.text
    assert "Check your mail" in (await pressed(visitor, link, "ben@example.com", s=proof)).text
    assert await invites(engine, "ben@example.com") == []


async def test_a_newsletter_to_many_readers_closes_no_link(
    engine: Engine, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hourly, "OF_A_PAGE", 1)
    monkeypatch.setattr(hourly, "ASKED_OF_A_PAGE", 1)
    link = await linked(engine, *await games(engine, 1), vendor="braze", signed=True)
    for name in ("ann", "ben", "eve"):
        email = f"{name}@example.com"
        assert "on the way" in (await pressed(visitor, link, email, s=_by_hmac(link.key, email))).text
    assert len(await deliver(engine)) == 3
    assert "Check your mail" in (await pressed(visitor, link, "cy@example.com", s="0" * 64)).text
    assert (await pressed(visitor, link, "dan@example.com", s="0" * 64)).status == 429


async def test_past_its_budget_every_press_is_confirmed_by_mail(engine: Engine, visitor: Visitor) -> None:
    link = await linked(engine, *await games(engine, 1), budget=1)
    assert "on the way" in (await pressed(visitor, link)).text
    assert "Check your mail" in (await pressed(visitor, link, "ben@example.com")).text
    await deliver(engine)
    await do(engine, UpdateLink(link=link.id, budget=0))
    assert "on the way" in (await pressed(visitor, link, "eve@example.com")).text


async def test_shown_pressed_sent_and_answered_are_counted(engine: Engine, visitor: Visitor) -> None:
    (event,) = await games(engine, 1)
    link = await linked(engine, event)
    await visitor.see(f"{views.path(link)}?e={ANN}")
    assert (await pressed(visitor, link, "no address")).status == 422
    for who in ("ann@example.com", "ben@example.com", "ann@example.com"):
        await pressed(visitor, link, who)
    await deliver(engine)
    await answer(engine, await attendee(engine, event, "ann@example.com"), Partstat.ACCEPTED)
    assert await engine.link_counts(link) == LinkCounts(shown=1, pressed=3, sent=2, answered=1)


async def test_one_client_that_looks_again_and_again_is_counted_a_hundred_times(
    engine: Engine, visitor: Visitor
) -> None:
    link = await linked(engine, *await games(engine, 1))
    for _ in range(102):
        await visitor.web.get(views.path(link))
    assert (await engine.link_counts(link)).shown == 100


async def test_the_button_leads_where_the_links_record_says(engine: Engine, visitor: Visitor) -> None:
    engine.settings = engine.settings.model_copy(update={"landing_hosts": "shop.example"})
    (event,) = await games(engine, 1)
    await published(engine)
    own = await linked(engine, event, landing="season")
    away = await linked(engine, event, landing="shop.example/thanks")
    answered = await visitor.post(f"{views.path(own)}?landing=https://evil.example", (), "ann@example.com")
    assert answered.headers["location"] == "/s/season"
    answered = await visitor.post(views.path(away), (), "ann@example.com", landing="https://evil.example")
    assert answered.headers["location"] == "http://shop.example/thanks"
    shown = await visitor.see(views.path(away))
    assert "form-action 'self' http://shop.example;" in shown.answer.headers["content-security-policy"]
    asked = await pressed(visitor, away, "eve@example.com", by_person=False)  # type: ignore[arg-type]
    assert "Check your mail" in asked.text
    assert "http://shop.example/thanks" in asked.page.links
    engine.settings = engine.settings.model_copy(update={"landing_hosts": ""})
    assert "on the way" in (await pressed(visitor, away, "ben@example.com")).text, "no longer allowed"


async def test_a_link_whose_event_is_over_or_cancelled_leads_on(
    engine: Engine, visitor: Visitor, clock: Clock
) -> None:
    one, two = await games(engine, 2)
    await published(engine)
    link = await linked(engine, one)
    await do(engine, CancelEvent(uid=one.uid))
    page = await visitor.see(views.path(link))
    assert (page.status, "It was cancelled" in page.text) == (410, True)
    assert 'name="email"' not in page.answer.text
    assert {f"/e/{two.id}", "/s/season"} <= set(page.page.links)
    assert (await pressed(visitor, link)).status == 410
    clock.now += timedelta(days=90)
    other = await linked(engine, *await games(engine, 1, summary="Later", when=_later(clock)))
    clock.now += timedelta(days=3)
    assert "This is over." in (await visitor.see(views.path(other))).text
    assert await deliver(engine) == []


def _later(clock: Clock) -> object:
    from engine.commands.events.timing import Timing

    return Timing(start=f"{clock.now + timedelta(days=1):%Y-%m-%dT%H:%M}", duration="PT1H", timezone="UTC")


async def test_an_edit_shows_with_the_next_look(engine: Engine, visitor: Visitor) -> None:
    from engine.commands.events.events import UpdateEvent

    (event,) = await games(engine, 1)
    link = await linked(engine, event)
    await visitor.see(views.path(link))
    await do(engine, UpdateEvent(uid=event.uid, summary="Owls at Foxes, finale"))
    assert "finale" in (await visitor.see(views.path(link))).text


async def test_a_link_that_was_ended_or_never_was_is_not_here(engine: Engine, visitor: Visitor) -> None:
    link = await linked(engine, *await games(engine, 1))
    assert (await visitor.see("/c/nothing")).status == 404
    await do(engine, UpdateLink(link=link.id, active=False))
    for path in (views.path(link), f"{views.path(link)}/sent"):
        assert (await visitor.see(path)).status == 404
    assert (await pressed(visitor, link)).status == 404
    await do(engine, UpdateLink(link=link.id, active=True))
    assert (await visitor.see(views.path(link))).status == 200
    assert (await visitor.see(f"{views.path(link)}/other")).status == 404


async def test_a_person_gets_no_more_by_links_than_by_pages(engine: Engine, visitor: Visitor) -> None:
    """Counted by address without +tag, in the transaction of the send."""
    made = await games(engine, 22)
    seen = []
    for n, event in enumerate(made):
        link = await linked(engine, event)
        seen.append(await pressed(visitor, link, f"ann+{n}@example.com"))
        if n == 4:
            assert len(await deliver(engine)) == 5
    assert {page.status for page in seen} == {200, 429}
    assert {page.answer.headers.get("retry-after") for page in seen if page.status == 429} == {"86400"}
    assert len(await deliver(engine)) <= 15


async def test_a_link_has_no_inline_code_and_contacts_nobody_else(engine: Engine, visitor: Visitor) -> None:
    link = await linked(engine, *await games(engine, 2))
    for path in (views.path(link), f"{views.path(link)}/sent", f"{views.path(link)}/asked"):
        page = await visitor.see(path)
        assert page.page.inline == []
        assert all(to.startswith(("/", "data:")) for to in page.page.links)


async def test_what_each_mail_service_sends_is_read_as_the_readers_address(
    engine: Engine, visitor: Visitor
) -> None:
    """The code to copy, filled in as the service would, shows the address; left alone, it shows an empty field."""
    (event,) = await games(engine, 1)
    for service in vendors.ours():
        link = await linked(engine, event, vendor=service.id)
        code = await views.code_to_copy(engine, link, engine.local)
        assert "&" not in code.plain_link
        assert code.plain_link.count("?") <= 1
        assert f'href="{code.plain_link}"' in code.button_html
        assert code.steps
        assert code.test
        path = code.plain_link.removeprefix("https://cis.example.com")
        assert 'name="email" value=""' in (await visitor.see(path)).answer.text
        if service.email_tag:
            filled = quote("ann+x@example.com", safe="") if service.encodes else "ann+x@example.com"
            seen = await visitor.see(path.replace(service.email_tag, filled))
            assert 'value="ann+x@example.com"' in seen.answer.text


async def test_a_form_on_another_site_makes_one_mail_that_asks(engine: Engine, visitor: Visitor) -> None:
    link = await linked(engine, *await games(engine, 1), button="Register <Now>")
    html = (await views.code_to_copy(engine, link, engine.local)).form_html
    assert "Register &lt;Now&gt;" in html
    assert not re.search(r"script|style|onclick", html)
    found = re.search(r'action="https://cis\.example\.com([^"]+)"', html)
    assert found
    elsewhere = {"Origin": "https://blog.example", "Sec-Fetch-Site": "cross-site"}
    posted = await visitor.web.post(found[1], data={"email": "ann@example.com"}, headers=elsewhere)
    assert posted.headers["location"] == f"{views.path(link)}/asked"
    await visitor.send(await link_in_mail(engine), ())
    assert len(await invites(engine)) == 1


async def test_a_link_leads_to_hosts_that_its_organizer_allowed_while_they_are(
    engine: Engine, visitor: Visitor
) -> None:
    (event,) = await games(engine, 1)
    theirs = SettleLandingHosts(hosts=("thanks.example",), organizer="bob@cis.test")
    await do(engine, theirs)
    with pytest.raises(Refused, match="not on an allowed host"):
        await linked(engine, event, landing="https://thanks.example/")
    own = await do(engine, SettleLandingHosts(hosts=("*.Thanks.example", "thanks.example")))
    assert own.hosts == ("*.thanks.example", "thanks.example")
    link = await linked(engine, event, landing="https://www.thanks.example/a")
    answered = await visitor.post(views.path(link), (), "ann@example.com")
    assert answered.headers["location"] == "https://www.thanks.example/a"
    await do(engine, SettleLandingHosts(hosts=()))
    assert "on the way" in (await pressed(visitor, link, "ben@example.com")).text


@pytest.mark.parametrize(
    "host", ["*", "*.", "example", "https://example.com", "a.example/x", "1.2.3.4", "", "a..b"]
)
async def test_what_is_no_host_is_not_allowed_to_lead_to(engine: Engine, host: str) -> None:
    assert await refusal(engine, SettleLandingHosts(hosts=(host,))) is Code.INVALID_ARGUMENT
    eve = Actor(kind="agent", address="eve@example.org")
    other = SettleLandingHosts(hosts=("example.com",), organizer=engine.local.address)
    assert await refusal(engine, other, eve) is Code.NOT_ALLOWED
