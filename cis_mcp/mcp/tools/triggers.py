"""The tools for triggers: propose rules for systems of record, try them, and show each delivery's outcome."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads, writes
from cis_mcp.mcp.tools.fitting import fitted, listed
from cis_mcp.views import triggers as views
from cis_mcp.views.events import one_line, quoted
from cis_mcp.views.trigger_fields import (
    DeliveryList,
    FiringFields,
    ProposedTrigger,
    TrialFields,
    Trials,
    TriggerFields,
    TriggerList,
    proposed,
)
from cis_mcp.views.triggers import DeliveryInfo, TriggerInfo, delivery_info, trial_info, trigger_info
from engine.commands.triggers.deliveries import ReplayDelivery
from engine.commands.triggers.feeding import FireTrigger
from engine.model.triggers import DeliveryState
from engine.rules.reading import rules_of
from engine.triggers import asking, masking


class CreateTriggerArguments(TriggerFields, Arguments):
    """Arguments of create_trigger."""


class ListTriggersArguments(Arguments):
    """Arguments of list_triggers."""

    limit: int = Field(50, ge=1, le=100)
    cursor: str = Field("", description="next_cursor of the previous page", max_length=100)


class TestTriggerArguments(TrialFields, Arguments):
    """Arguments of test_trigger."""

    name: str = Field(description="of the trigger", max_length=200)


class ListDeliveriesArguments(Arguments):
    """Arguments of list_deliveries."""

    name: str = Field(description="of the trigger", max_length=200)
    state: DeliveryState | None = Field(None, description="only these; failed: given up")
    limit: int = Field(20, ge=1, le=100)
    cursor: str = Field("", description="next_cursor of the previous page", max_length=100)


class MakeTriggerLiveArguments(Arguments):
    """Arguments of make_trigger_live."""

    name: str = Field(description="of a draft that acts with your key", max_length=200)


class LiveTrigger(Result):
    """The trigger as it is, or would be."""

    trigger: TriggerInfo


class FireTriggerArguments(FiringFields, Arguments):
    """Arguments of fire_trigger."""

    name: str = Field(description="of a live trigger that acts with your key", max_length=200)


class ReplayDeliveryArguments(Arguments):
    """Arguments of replay_delivery."""

    name: str = Field(description="of the trigger", max_length=200)
    delivery_id: str = Field(description="from list_deliveries", max_length=100)


class ReplayedDelivery(Result):
    """The delivery that is handled."""

    delivery: DeliveryInfo


async def create_trigger(call: CallContext, arguments: CreateTriggerArguments) -> Reply:
    """Draft a trigger: rules by which signed webhooks of a CRM, a billing system or the like invite, change and
    cancel, with your key and within its bounds. It acts once it is live: the operator does that, or
    make_trigger_live with your owner's approval. Calling again with the same name gives the draft new rules."""
    done = await call.apply(proposed(arguments))
    data = ProposedTrigger(
        trigger=trigger_info(call.engine.settings.public_url, done.trigger, 0), secret=done.secret
    )
    lines = [
        f"Draft {done.trigger.name}, posted to at {data.trigger.hook}. Nothing is done until it is live."
    ]
    lines += [f"Secret for the sender, shown once: {done.secret}"] if done.secret else []
    return Reply("\n".join([*lines, *data.trigger.warnings]), data)


async def list_triggers(call: CallContext, arguments: ListTriggersArguments) -> Reply:
    """List the triggers: hook, state, key, what their signature does not prove, and how many people each invited."""
    every = await asking.triggers(call.engine, call.actor)
    later = [(one, unproven) for one, unproven in every if one.name > arguments.cursor]

    async def page(limit: int) -> Reply:
        found = later[:limit]
        counts = await asking.counts(call.engine, [one for one, _ in found])
        cursor = found[-1][0].name if len(later) > limit else None
        data = TriggerList(
            triggers=[
                trigger_info(call.engine.settings.public_url, one, unproven, counts[one.id])
                for one, unproven in found
            ],
            next_cursor=cursor,
        )
        lines = [f"- {views.line(one, unproven)}" for one, unproven in found]
        return listed(lines, cursor, "There are no triggers.", data)

    return await fitted(arguments.limit, page)


async def test_trigger(call: CallContext, arguments: TestTriggerArguments) -> Reply:
    """Show what rules would do with earlier deliveries or with a body: which rule matches, what it sets, who would
    be invited or taken out, and whom the key's bounds exclude. Nothing is done or sent."""
    draft = rules_of(arguments.rules) if arguments.rules is not None else None
    if arguments.body is not None:
        tried = [await asking.tried_on_body(call.engine, arguments.name, call.actor, arguments.body, draft)]
    else:
        tried = await asking.tried_on_kept(call.engine, arguments.name, call.actor, draft, arguments.limit)
    found = tried

    async def page(limit: int) -> Reply:
        shown = found[:limit]
        lines = [_tried_line(one) for one in shown]
        if len(found) > limit:
            lines.append(f"{len(found) - limit} older deliveries are not shown.")
        return Reply(
            "\n".join(lines) or "Nothing was delivered yet; give a body.",
            Trials(tried=[trial_info(o) for o in shown]),
        )

    return await fitted(len(found) or 1, page)


def _tried_line(one: asking.Tried) -> str:
    what = (
        f"{one.code}: {quoted(one_line(one.detail, views.SHOWN))}"
        if one.code
        else f"rule {one.rule}: {one.do} {quoted(one_line(one.object, views.SHOWN))}"
        if one.do
        else "no rule"
    )
    counts = f"{len(one.invites)} invited, {len(one.withdraws)} taken out, {len(one.refused)} refused"
    return f"- {one.delivery or 'body'}: {one.outcome}, {what}" + (f"; {counts}" if one.do else "")


async def list_deliveries(call: CallContext, arguments: ListDeliveriesArguments) -> Reply:
    """List what was delivered to a trigger's hook and the outcome of each delivery, newest first."""

    async def page(limit: int) -> Reply:
        found = await asking.deliveries(
            call.engine,
            arguments.name,
            call.actor,
            state=arguments.state,
            limit=limit + 1,
            before=arguments.cursor,
        )
        cursor = found[limit - 1].id if len(found) > limit else None
        data = DeliveryList(deliveries=[delivery_info(one) for one in found[:limit]], next_cursor=cursor)
        lines = [f"- {one_line(views.delivery_line(one), 2 * views.SHOWN)}" for one in found[:limit]]
        return listed(lines, cursor, "Nothing was delivered.", data)

    return await fitted(arguments.limit, page)


async def make_trigger_live(call: CallContext, arguments: MakeTriggerLiveArguments) -> Reply:
    """Make a draft act on whatever is posted from now on. If a key asks, its owner has to approve the rules as they
    are now: try them with test_trigger first."""
    done = await call.apply(await asking.going_live(call.engine, arguments.name, call.actor))
    info = trigger_info(call.engine.settings.public_url, done.trigger, 0)
    return Reply(f"{done.trigger.name} is {views.state(done.trigger)}.", LiveTrigger(trigger=info))


async def fire_trigger(call: CallContext, arguments: FireTriggerArguments) -> Reply:
    """Give a live trigger a payload, as if its sender had posted it. Repeating the same payload does nothing."""
    command = FireTrigger(
        trigger=arguments.name, payload=arguments.payload, delivery_id=arguments.delivery_id
    )
    done = await call.apply(command)
    text = f"Delivery {done.delivery.id} is handled; see what becomes of it with list_deliveries."
    return Reply(text, ReplayedDelivery(delivery=delivery_info(done.delivery)))


async def replay_delivery(call: CallContext, arguments: ReplayDeliveryArguments) -> Reply:
    """Process a delivery of a live trigger again, once the cause of its failure is fixed. Nothing is sent twice."""
    done = await call.apply(ReplayDelivery(trigger=arguments.name, delivery_id=arguments.delivery_id))
    text = f"{done.delivery.id} is handled again; see the result with list_deliveries."
    return Reply(text, ReplayedDelivery(delivery=delivery_info(masking.shown(done.delivery, call.actor))))


TOOLS = (
    Spec(
        create_trigger,
        "Propose a trigger",
        CreateTriggerArguments,
        ProposedTrigger,
        writes(idempotent=True),
        "trigger",
    ),
    Spec(list_triggers, "Show the triggers", ListTriggersArguments, TriggerList, reads(), "trigger"),
    Spec(test_trigger, "Try a trigger", TestTriggerArguments, Trials, reads(), "trigger"),
    Spec(list_deliveries, "Show deliveries", ListDeliveriesArguments, DeliveryList, reads(), "trigger"),
    Spec(
        replay_delivery,
        "Process a delivery again",
        ReplayDeliveryArguments,
        ReplayedDelivery,
        writes(idempotent=True, mails=True),
        "trigger",
    ),
    Spec(
        make_trigger_live,
        "Make a trigger live",
        MakeTriggerLiveArguments,
        LiveTrigger,
        writes(idempotent=True),
        "trigger",
    ),
    Spec(
        fire_trigger, "Fire a trigger", FireTriggerArguments, ReplayedDelivery, writes(mails=True), "trigger"
    ),
)
