"""An update says what changed, from what to what, under the Subject that Exchange takes for the title."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from engine.commands.events.events import UpdateEvent
from engine.commands.events.instances import ChangeInstance
from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.model.events import Event, Override
from engine.model.messages import Audience
from engine.outbox.render import Renderer
from tests.itip.samples import span
from tests.judges import judge
from tests.support.engines import claim, created, deliver, do, invite, jobs_done

LATER = Timing(start="2027-05-02T20:30", duration="PT2H", timezone="America/New_York")


async def _update(engine: Engine, event: Event, **values: object) -> EmailMessage:
    """What ann@ gets of a change."""
    await invite(engine, event, "ann@example.com", fields={"team": "Reds"})
    await deliver(engine)
    await do(engine, UpdateEvent(uid=event.uid, audience=Audience.ALL, **values))  # type: ignore[arg-type]
    return await _mailed(engine)


async def _mailed(engine: Engine) -> EmailMessage:
    await jobs_done(engine)
    (claimed,) = await claim(engine)
    envelope = await Renderer(engine.settings, engine.store).render(claimed, engine.clock())
    assert judge(envelope.content) == []
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def _words(mail: EmailMessage, subtype: str = "plain") -> str:
    part = mail.get_body((subtype,))
    assert part is not None
    return str(part.get_content())


async def test_the_subject_of_an_update_is_the_title_alone(engine: Engine) -> None:
    mail = await _update(engine, await created(engine), when=LATER)
    assert mail["Subject"] == "Season opener"
    assert "This event has been updated." in _words(mail)


async def test_a_new_time_stands_beside_the_old_one(engine: Engine) -> None:
    mail = await _update(engine, await created(engine, location="Park"), when=LATER)
    old, new = "Sunday, 2 May 2027, 19:00 – 21:00", "Sunday, 2 May 2027, 20:30 – 22:30"
    zone = "America/New_York, UTC-04:00"
    assert f"When:   {old} ({zone}) → {new} ({zone})" in _words(mail)
    assert f'<s style="color:#5f6368">{old} ({zone})</s><br>{new}' in _words(mail, "html")
    assert _words(mail).count("Park") == 1


async def test_a_new_title_place_and_rule_stand_beside_the_old_ones(engine: Engine) -> None:
    event = await created(engine, location="Park <A>", recurrence="FREQ=WEEKLY;COUNT=3")
    mail = await _update(engine, event, summary="Opening day", location="", recurrence="FREQ=DAILY;COUNT=2")
    plain, html = _words(mail), _words(mail, "html")
    assert mail["Subject"] == "Opening day"
    assert "Title:  Season opener → Opening day" in plain
    assert "Where:  Park <A> → (nowhere)" in plain
    assert "Repeats every week, 3 times → every day, 2 times" in plain
    assert '<s style="color:#5f6368">Season opener</s><br>Opening day' in html
    assert "Park &lt;A&gt;</s>" in html
    assert "every week, 3 times</s><br>every day, 2 times" in html


async def test_a_change_of_the_description_alone_claims_no_other(engine: Engine) -> None:
    mail = await _update(engine, await created(engine), description="Bring a hat")
    assert "→" not in _words(mail)
    assert "<s " not in _words(mail, "html")


async def test_an_old_text_with_placeholders_is_shown_to_nobody(engine: Engine) -> None:
    mail = await _update(engine, await created(engine, summary="Go {{team}}"), summary="Go, {{team}}, go")
    assert "→" not in _words(mail)
    assert "{{" not in _words(mail) + _words(mail, "html")


async def test_a_moved_instance_stands_beside_where_it_was(engine: Engine) -> None:
    event = await created(engine, recurrence="FREQ=WEEKLY;COUNT=3")
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    second = datetime(2027, 5, 9, 23, tzinfo=UTC)
    moved = span(second + timedelta(hours=1), 2, "America/New_York")
    override = Override(recurrence_id=second, span=moved, summary="Season opener")
    await do(engine, ChangeInstance(uid=event.uid, override=override))
    mail = await _mailed(engine)
    assert "Sunday, 9 May 2027, 19:00 – 21:00 (America/New_York, UTC-04:00) → " in _words(mail)


@pytest.mark.parametrize("times", [1, 3])
async def test_only_the_newest_change_is_shown(engine: Engine, times: int) -> None:
    event = await created(engine, location="Park")
    for n in range(times):
        await do(engine, UpdateEvent(uid=event.uid, location=f"Hall {n}"))
    mail = await _update(engine, event, when=LATER)
    assert f"Where:  Hall {times - 1}" in _words(mail)
    assert "Park" not in _words(mail)
