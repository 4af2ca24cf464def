"""What limits say by the tools, and an offer that is made as the prompt `promote` leads through it."""

from __future__ import annotations

from engine.engine import Engine
from tests.commands.test_person_limit import fill
from tests.support.clock import Clock
from tests.support.engines import created, deliver, invite, invite_all_answers, jobs_done
from tests.support.leaving import left
from tests.tools.caller import calling, text_of

PAT, ANN = "pat@example.com", "ann@example.com"


async def test_whoever_got_enough_for_a_day_is_refused_alone_skipped_in_a_list_and_left_out_of_reminders(
    engine: Engine, clock: Clock
) -> None:
    event = await created(engine)
    await invite(engine, event, f"{PAT[:3]}+own@example.com")
    await deliver(engine)
    clock.move(hours=25)
    await fill(engine)
    other = await created(engine)
    async with calling(engine) as caller:
        refused = await caller.refused("send_invite", uid=other.uid, email=PAT)
        assert refused["code"] == "person_limit"
        rows = [{"email": PAT}, {"email": ANN}]
        campaign = (await caller.ok("bulk_send", uid=other.uid, recipients=rows, start=True))["campaign"]
        await jobs_done(engine)
        shown = await caller.call("get_campaign", campaign_id=campaign["id"])
        done = (shown.structured_content or {})["campaign"]
        assert [(row["row"], row["code"]) for row in done["skipped"]] == [(1, "person_limit")]
        assert f"row 1 «{PAT}»: person_limit" in text_of(shown)
        reminded = await caller.ok("remind", uid=event.uid)
        assert (reminded["reminded"], len(reminded["left_out"])) == (0, 1)


async def test_an_offer_is_made_shown_and_ended_as_the_prompt_leads(engine: Engine) -> None:
    event = await created(engine, description="Come along")
    await invite_all_answers(engine, event)
    async with calling(engine) as caller:
        counted = await caller.ok("get_stats", scope="event", key=event.uid)
        assert counted["rsvp"]["tentative"] == 1
        offer = {"uid": event.uid, "only_for": ["tentative"], "description": "Come along. Half price."}
        dry = await caller.call("update_event", **offer, dry_run=True)
        assert (dry.structured_content or {})["notified"] == 1
        assert "> Come along. Half price." in text_of(dry)
        await caller.ok("update_event", **offer, note="For you alone")
        (mail,) = await left(engine)
        assert mail.brief == ("maybe@example.com", "REQUEST", 1)
        assert "Half price" in mail.text
        assert "For you alone" in mail.text
        ended = await caller.ok("update_event", uid=event.uid, only_for=[], audience="none")
        assert (ended["changed"], ended["notified"]) == (["reserved"], 0)
        await caller.ok("remind", uid=event.uid, who=["noaction"])
        (again,) = await left(engine)
    assert again.to == "silent@example.com"
    assert "Half price" not in again.text
