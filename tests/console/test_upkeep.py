"""Keys, the do-not-mail list, the quarantine, the record, triggers and settings at the console."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from cis_mcp.console import upkeep
from engine.commands.agents.keys import CreateKey
from engine.commands.invites.invites import SendInvite
from engine.commands.invites.suppressing import Suppress
from engine.engine import Engine
from engine.inbox import quarantine
from engine.inbox.quarantine import Quarantine
from engine.inbox.spool.spool import OwnMailbox
from engine.model.bounds import Approval, Bounds, Mode
from engine.model.verbs import Verb
from engine.refusals import Code, Refused
from tests.console.person import PUBLIC, Person, browser, operator, with_key
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in, invite
from tests.support.inboxes import inbox_of
from tests.triggers import crm


async def test_a_key_is_made_within_what_the_form_says_and_shown_once(engine: Engine, person: Person) -> None:
    await person.go("/console/keys/new")
    seen = await person.press(
        "Make the key",
        name="Robot",
        address="ann@example.com",
        day="50",
        to="*@example.com, *@example.org",
        hours="08:00-20:00",
        timezone="Europe/Paris",
        mode="hold",
        **{"may-publish": "yes", "waits-links": "yes"},
    )
    (secret,) = re.findall(r'id="secret" value="(\w+)"', seen.answer.text)
    key = await engine.key_of(secret)
    assert key
    assert key.bounds
    assert key.bounds.to == ("*@example.com", "*@example.org")
    assert (key.address, key.bounds.day, key.bounds.hours) == ("ann@example.com", 50, "08:00-20:00")
    assert (key.bounds.mode, key.bounds.approval) == (Mode.HOLD, (Approval.LINKS,))
    assert key.bounds.verbs == Bounds().verbs | {Verb.PUBLISH}
    shown = await person.go(f"/console/keys/{key.id}")
    assert "day 0 50" in shown.text
    assert secret not in shown.answer.text


@pytest.mark.parametrize(
    "wrong",
    [{"day": "many"}, {"day": "9" * 9}, {"hours": "always"}, {"timezone": "Mars/Base"}, {"to": "@ @"}],
)
async def test_a_bound_that_cannot_be_is_refused_in_words_and_makes_no_key(
    engine: Engine, person: Person, wrong: dict[str, str]
) -> None:
    await person.go("/console/keys/new")
    seen = await person.press("Make the key", name="Robot", **wrong)
    assert seen.status == 400
    assert await engine.keys() == []


async def test_a_key_that_may_not_delegate_makes_none(engine: Engine, web: httpx.AsyncClient) -> None:
    ann = await with_key(engine, web, "ann@example.com")
    assert (await ann.go("/console/keys/new")).status == 403
    assert len(await engine.keys()) == 1


async def test_what_a_key_used_and_has_left_is_shown(engine: Engine, person: Person) -> None:
    made = await do(engine, CreateKey(name="Robot", address="ann@example.com"))
    event = await created(engine, organizer="ann@example.com")
    await do(engine, SendInvite(uid=event.uid, email="guest@example.net"), made.key.actor)
    assert "day 1 499" in (await person.go(f"/console/keys/{made.key.id}")).text
    async with browser(engine) as web:
        bob = await with_key(engine, web, "bob@example.com")
        assert (await bob.go(f"/console/keys/{made.key.id}")).status == 404


async def test_an_address_is_put_on_the_do_not_mail_list_and_taken_off(
    engine: Engine, person: Person
) -> None:
    event = await created(engine)
    await person.go("/console/do-not-mail")
    seen = await person.press("Never mail again", target="guest@example.net")
    assert "g*******@example.net" in seen.text
    assert "guest@" not in seen.answer.text
    with pytest.raises(Refused) as refused:
        await invite(engine, event, "guest@example.net")
    assert refused.value.code is Code.ADDRESS_SUPPRESSED
    assert "Off the list" in (await person.press("Take off")).text
    await invite(engine, event, "guest@example.net")


async def test_the_do_not_mail_list_goes_on_page_by_page(engine: Engine, person: Person) -> None:
    await do(engine, Suppress(targets=tuple(f"d{n:02}.example" for n in range(51))))
    seen = await person.go("/console/do-not-mail")
    (following,) = [link for link in seen.links if "after=" in link]
    assert "d50.example" not in seen.text
    assert "d50.example" in (await person.go(following)).text


async def _waits(engine: Engine) -> str:
    event = mails.vevent("u1", organizer="someone@example.com")
    raw = mails.request(event, sender="someone@example.com", proven=False, subject="Party <b>").as_bytes()
    async with inbox_of(engine) as inbox:
        await inbox.take(raw, (OwnMailbox(name="create"),))
    return (await Quarantine(engine).page()).mails[0].id


async def test_a_mail_that_waits_is_read_and_put_away(engine: Engine, person: Person) -> None:
    mail_id = await _waits(engine)
    seen = await person.go("/console/quarantine")
    assert "Party <b>" in seen.text
    assert "someone@" not in seen.answer.text
    seen = await person.go(f"/console/quarantine/{mail_id}")
    assert "METHOD:REQUEST" in seen.text
    assert "Put away" in (await person.press("Put it away")).text
    assert "No mail waits" in (await person.go("/console/quarantine")).text


async def test_a_mail_that_is_let_through_is_handled_as_if_proven(engine: Engine, person: Person) -> None:
    mail_id = await _waits(engine)
    await person.go(f"/console/quarantine/{mail_id}")
    assert "Let through" in (await person.press("Let it through")).text
    await deliver(engine)
    assert (await Quarantine(engine).page()).mails == ()
    # The server's own inbox goes on; what was opened for this mail is closed.
    assert list((engine.settings.data_dir / "inbox" / "in-flight").iterdir()) == []


async def test_the_quarantine_is_sorted_among_all_that_a_table_looks_at(
    engine: Engine, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await _waits(engine)
    monkeypatch.setattr(quarantine, "_PAGE_MAX", 2)
    seen = await person.go("/console/quarantine?t=mails-that-wait&sort=Subject")
    assert seen.text.count("Party <b>") == 3


async def test_the_quarantine_is_the_operators(engine: Engine, web: httpx.AsyncClient) -> None:
    mail_id = await _waits(engine)
    ann = await with_key(engine, web, "ann@example.com")
    for path in ("/console/quarantine", f"/console/quarantine/{mail_id}"):
        seen = await ann.go(path)
        assert seen.status == 403
        assert "Party" not in seen.text


async def test_the_record_is_verified_on_sight(engine: Engine, person: Person) -> None:
    await created(engine)
    seen = await person.go("/console/record")
    assert "Verified just now" in seen.text
    assert "CreateEvent" in seen.text
    async with browser(engine) as web:
        ann = await with_key(engine, web, "ann@example.com")
        assert "CreateEvent" not in (await ann.go("/console/record")).text


async def test_a_long_record_is_verified_by_a_button(
    engine: Engine, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "AT_ONCE", 1)
    await created(engine)
    await created(engine)
    seen = await person.go("/console/record")
    assert "Verified" not in seen.text
    assert "/console/record?verify=yes" in seen.links
    assert "Verified just now" in (await person.go("/console/record?verify=yes")).text


async def test_a_trigger_shows_its_state_and_what_was_delivered(engine: Engine, person: Person) -> None:
    made = await crm.trigger(engine)
    await crm.delivered(engine, made, crm.deal())
    seen = await person.go("/console/developer")
    assert f"/console/triggers/{made.name}" in seen.links
    assert "live" in seen.text
    seen = await person.go(f"/console/triggers/{made.name}")
    assert "deal:7" in seen.text
    assert (await person.go("/console/triggers/unknown")).status == 404


async def test_settings_are_the_operators_to_see_and_without_secrets(engine: Engine, person: Person) -> None:
    seen = await person.go("/console/developer")
    assert "All is well." in seen.text
    assert "CIS_PUBLIC_URL=https://cis.example.com" in seen.text
    async with browser(engine) as web:
        ann = await with_key(engine, web, "ann@example.com")
        seen = await ann.go("/console/developer")
    assert "CIS_" not in seen.text
    assert "/explorer" in seen.links


async def test_an_organizer_is_suspended_limited_and_put_on_a_plan_by_the_operator(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock, public_url=PUBLIC, plans="free=5/2500,pro=0/0/30") as engine:
        await created(engine, organizer="olga@example.com")
        async with browser(engine) as web:
            person = await operator(engine, web)
            listed = await person.go("/console/organizers")
            seen = await person.go(next(link for link in listed.links if link.endswith("/settings")))
            assert "Its mail leaves. It may send to lists." in seen.text
            assert "olga" not in str(seen.answer.url)
            assert "Suspended: none of its mail leaves" in (await person.press("Suspend it")).text
            assert "Its mail leaves" in (await person.press("Let it send again")).text
            seen = await person.press("Set it", plan="pro", name="Olga, olga@own.example", lists="")
            assert "It may not send to lists. It is on the plan pro until 2027-03-31" in seen.text
            seen = await person.press("Set it", plan_until="2027-12-31", timezone="Europe/Paris")
            assert "plan pro until 2027-12-31" in seen.text
            assert "plan" not in (await person.press("Set it", plan="")).text.partition("Name")[0]
            kept = await engine.profile("olga@example.com", engine.local)
            assert kept.name == "Olga, olga@own.example"
            assert "Olga" not in (await person.press("Set it", name="")).answer.text
            assert (await person.press("Set it", timezone="Mars/Base")).status == 400
            assert "Nothing was ordered" in (await person.go("/console/orders")).text
        async with browser(engine) as web:
            ann = await with_key(engine, web, "ann@example.com")
            assert (await ann.go("/console/orders")).status == 403


async def test_a_person_is_kept_from_one_organizer_alone(engine: Engine, person: Person) -> None:
    blocked, free = await created(engine, organizer="olga@example.com"), await created(engine)
    await person.go("/console/do-not-mail")
    await person.press("Never mail again", target="guest@example.net", organizer="olga@example.com")
    with pytest.raises(Refused):
        await invite(engine, blocked, "guest@example.net")
    await invite(engine, free, "guest@example.net")
