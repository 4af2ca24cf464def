"""The agents hub: what waits for a decision, keys, and the buttons that stop them."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from cis_mcp.console.guard import Screen, Visit
from cis_mcp.console.sealing import Purpose
from cis_mcp.views import keys as views
from engine.commands.agents.keys import RevokeKey, StopKey
from engine.commands.agents.stopping import StopByOwner, StopSending
from engine.commands.approvals import approval_mails as asked
from engine.commands.approvals.approval_mails import REASONS
from engine.commands.approvals.deciding import Decide, decided_already, unknown
from engine.commands.invites.addresses import AddressList
from engine.engine import SYSTEM
from engine.mail.locale.language import SOURCE, Language, noop
from engine.model.held import Channel, HeldAction, HeldState
from engine.model.keys import Key
from engine.model.stops import Stop
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_SHOWN = 100
_BECAME = {
    HeldState.APPROVED: noop("It was approved already, and carried out."),
    HeldState.REFUSED: noop("It was refused already."),
    HeldState.EXPIRED: noop("It was not decided in time, which counts as a No."),
    HeldState.REPLACED: noop("A newer edit replaced it."),
    HeldState.VOID: noop("It is void: what it was about has changed."),
}
_HUB = "/console/agents"


async def waiting_for(visit: Visit, limit: int) -> Sequence[HeldAction]:
    """What waits for the visitor's decision, newest first."""
    if visit.actor.kind == "agent":
        return await visit.engine.held_actions(visit.actor, waiting=True, limit=limit)
    found = await visit.engine.held_for(None if visit.everywhere else visit.actor.address, limit)
    now = visit.engine.clock()
    return [held for held in found if held.state_at(now) is HeldState.WAITING]


async def show(visit: Visit) -> Response:
    """GET /console/agents."""
    shown = visit.rows(_SHOWN)
    now = visit.engine.clock()
    keys = await _keys(visit)
    return visit.show(
        "agents.html",
        title=visit.say("Agents"),
        held=await waiting_for(visit, shown),
        keys=[(key, views.state(key, now, keys), views.verbs(key)) for key in keys[:shown]],
        more=max(0, len(keys) - shown),
        stops=await stops_of(visit),
        owns=any(key.owner == visit.actor.address and not key.ended(now) for key in keys),
    )


async def stops_of(visit: Visit) -> list[Stop]:
    """The stops that the visitor may end: all for the operator, their own mail for a person."""
    stops = await visit.engine.stops()
    if visit.everywhere:
        return stops
    own = visit.actor.kind == "organizer"
    return [stop for stop in stops if own and stop.organizer == visit.actor.address]


async def _keys(visit: Visit) -> list[Key]:
    """The keys that the visitor may see or answers for, live ones first."""
    found = {key.id: key for key in await visit.engine.keys_of(visit.actor)}
    if visit.actor.kind == "organizer":
        found |= {key.id: key for key in await visit.engine.keys_owned(visit.actor.address)}
    now = visit.engine.clock()
    return sorted(found.values(), key=lambda key: (key.ended(now), -key.created.timestamp()))


async def held(visit: Visit) -> Response:
    """GET /console/held/{id}: exactly what a yes would do; and by POST with addresses in full."""
    full = await visit.shows(AddressList.HELD)
    action = await _held(visit)
    state = action.state_at(visit.engine.clock())
    waits, language = state is HeldState.WAITING, visit.language
    return visit.show(
        "held.html",
        title=visit.say(action.preview.action),
        reasons=REASONS,
        when=asked.when(action.preview, language),
        differences=[
            (language.say(one.field), *asked.sides(one, language)) for one in action.preview.differences
        ],
        full=full,
        held=action,
        state=state,
        became="" if waits else _became(action, state, language),
        decides=waits and await _decides(visit, action),
    )


def _became(action: HeldAction, state: HeldState, language: Language) -> str:
    """Why it can no longer be decided; in other languages than English without the reason why it is void."""
    if language.tag == SOURCE:
        return decided_already(action, state)
    return language.say(_BECAME.get(state, _BECAME[HeldState.VOID]))


async def _held(visit: Visit) -> HeldAction:
    """The action, for whoever decides it and for whoever may see it. Raises Refused: UNKNOWN_HELD_ACTION."""
    action = await visit.engine.held_action(visit.path("id"), SYSTEM)
    mine = visit.actor.kind == "organizer" and action.address == visit.actor.address
    if not (mine or visit.actor.owns(action.organizer)):
        raise unknown()
    return action


async def _decides(visit: Visit, action: HeldAction) -> bool:
    """True if the visitor's buttons would be believed; the engine decides once more when one is pressed."""
    if visit.everywhere:
        return True
    if visit.actor.kind == "agent":
        return visit.may(Verb.APPROVE)
    return action.address == visit.actor.address


async def decide(visit: Visit) -> Response:
    """POST: yes or no."""
    wanted = visit.given("decision")
    if wanted not in {"yes", "no"}:
        raise Refused(
            Code.INVALID_ARGUMENT, "The form does not say what you decide.", "Press one of its buttons."
        )
    action = await _held(visit)
    channel = Channel.KEY if visit.actor.kind == "agent" else Channel.PAGE
    command = Decide(held_id=action.id, approve=wanted == "yes", why=visit.given("why"), channel=channel)
    done = await visit.apply(command, visit.owner)
    if done.action.state is HeldState.VOID:
        raise Refused(Code.HELD_ACTION_STATE, f"It is void: {done.action.why}.")
    # A key undoes only what it asked for itself.
    asked = not visit.actor.key or visit.actor.key in action.actor.chain
    undoes = asked and visit.actor.owns(action.organizer)
    said = "approved" if done.action.state is HeldState.APPROVED else "refused"
    return visit.go(_HUB, said, done.undo if undoes else None)


async def stop_sending(visit: Visit) -> Response:
    """POST: stop or resume all mail, or that of one organizer."""
    stopped = visit.given("do") != "resume"
    # A stop that stands is named by its seal; a new one by the address that was typed.
    given = visit.given("organizer")
    named = given if stopped else visit.unseal(given, Purpose.ORGANIZER)
    await visit.apply(StopSending(organizer=named, stopped=stopped), visit.owner)
    return visit.go(_HUB, "stopped" if stopped else "resumed")


async def stop_own(visit: Visit) -> Response:
    """POST: stop every key that the visitor answers for, or the one that is named."""
    named = visit.given("key")
    await visit.apply(StopByOwner(named=named, alone=bool(named)), visit.owner)
    return visit.go(_HUB, "stopped")


async def end_key(visit: Visit) -> Response:
    """POST: stop, resume or revoke a key."""
    key_id = visit.path("id")
    match visit.given("do"):
        case "stop":
            await visit.apply(StopKey(key_id=key_id, stopped=True), visit.owner)
            return visit.go(_HUB, "stopped")
        case "resume":
            await visit.apply(StopKey(key_id=key_id, stopped=False), visit.owner)
            return visit.go(_HUB, "resumed")
        case "revoke":
            await visit.apply(RevokeKey(key_id=key_id), visit.owner)
            return visit.go(_HUB, "revoked")
        case _:
            raise Refused(Code.INVALID_ARGUMENT, "The form does nothing.", "Press one of its buttons.")


SCREENS = (
    Screen("GET", _HUB, show, of_one=True),
    Screen("GET", "/console/held/{id:str}", held),
    Screen("POST", "/console/held/{id:str}", held, Verb.APPROVE),
    Screen("POST", "/console/held/{id:str}/decide", decide, Verb.APPROVE),
    Screen("POST", "/console/stop", stop_sending, Verb.APPROVE),
    Screen("POST", "/console/keys/stop", stop_own, Verb.APPROVE),
    Screen("POST", "/console/keys/{id:str}", end_key, Verb.APPROVE),
)
