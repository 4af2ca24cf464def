"""Keys: a form for a new one whose every field says what it stops, and what one may do, did and has left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from cis_mcp.console import once
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.views import keys as views
from engine.commands.agents.keys import ChangeKey, CreateKey, KeyDone
from engine.commands.agents.widening import PATTERNS, WIDENED, WidenKey
from engine.jobs.accounts import key_day
from engine.mail.locale.language import Language, noop, noop_term
from engine.model.bounds import Approval, Bounds, Mode
from engine.model.keys import Key
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_HUB = "/console/agents"
NUMBERS: Sequence[tuple[str, str]] = (
    ("day", noop("Mails a day: more are refused")),
    ("minute", noop("Mails a minute: more wait")),
    ("new_people_day", noop("People a day who were never mailed before: more are refused")),
    ("person_day", noop("Mails a day to one person: more are refused")),
    ("bulk_max", noop("Rows of one list: a longer one is refused whole")),
    ("events_max", noop("Events that stand at one time: more are refused")),
    ("horizon_days", noop("Days ahead: an event that starts later is refused")),
    ("approval_bulk", noop("Recipients of one list: more wait for a yes; 0: none waits")),
    ("expires_days", noop("Days until it ends for good; 0: never")),
    ("probation_days", noop("Days of probation, in which all that it asks waits for a yes; 0: none")),
)
"""The bounds that are numbers, and what each of them stops; 0 is no limit."""
TEXTS: Sequence[tuple[str, str]] = (
    ("to", noop("Whom it may mail, such as *@example.com; empty: anybody")),
    ("not_to", noop("Whom it may not mail, whatever else is said")),
    ("links", noop("Hosts that its texts may link to, such as example.com; empty: any")),
    ("hours", noop("When its mail may leave, such as 08:00-20:00; empty: always")),
    ("timezone", noop("The zone of those hours and of the day")),
    ("owner", noop("Who answers for it, is asked for a yes, and can stop it by mail; empty: the operator")),
)
"""The bounds that are texts; several in one field are parted by spaces or commas."""
_LISTS = frozenset({"to", "not_to", "links"})
_OPEN = frozenset({"to", "links"})
"""Lists that allow anything where there is none; an empty one allows nothing."""
MODES = {
    Mode.ACT: noop("It is done"),
    Mode.HOLD: noop("It waits for a yes"),
    Mode.OBSERVE: noop("It is done, and what the bounds would have stopped is written down"),
}
"""What becomes of what a key asks."""
APPROVALS = {
    Approval.NEW_DOMAIN: noop("The first mail to a domain"),
    Approval.LINKS: noop("Texts with links"),
    Approval.OUTSIDE_HOURS: noop("What would leave outside its hours"),
    Approval.TIME_CHANGES: noop("A change of time within a day of the start"),
    Approval.CHANGES: noop("Changes and cancellations"),
    Approval.EVERYTHING: noop("Everything that it asks"),
}
"""What waits for a yes by itself; lists wait by the number of their recipients."""
_ANY, _NONE = noop_term("value of a bound", "any"), noop_term("value of a bound", "none")
_EMPTY: Mapping[str, object] = {
    "to": None,
    "not_to": (),
    "links": None,
    "hours": "",
    "timezone": "UTC",
    "owner": "",
    "approval": (),
}
"""What an empty field says of a key that is there."""


_WIDER = {
    "mode": noop("Let it act"),
    "approval": noop("Ask for no approval any more"),
    "hours": noop("Let mail leave at any hour"),
}
"""Buttons that widen what is no figure."""
_TWICE = noop("Allow twice as much")


_ADDING = {
    "to": noop("Address or pattern, such as *@example.com"),
    "not_to": noop("Pattern to take out, as it stands in the bounds"),
    "links": noop("Host, such as example.com"),
}
"""What is asked for, to add to such a bound, or to take out of it."""


async def new(visit: Visit) -> Response:
    """GET /console/keys/new."""
    return _form(visit, visit.say("New key"), Bounds())


def _form(visit: Visit, title: str, bounds: Bounds, key: Key | None = None) -> Response:
    """The form of bounds: those of a new key, or of one that is there."""
    nothing = dict.fromkeys(_OPEN, visit.language.term(*_NONE))
    return visit.show(
        "key_form.html",
        title=title,
        key=key,
        verbs=[(verb.value, verb in bounds.verbs) for verb in Verb if verb is not Verb.READ],
        numbers=[(name, label, getattr(bounds, name)) for name, label in NUMBERS],
        texts=[(name, label, _text(getattr(bounds, name), nothing.get(name, ""))) for name, label in TEXTS],
        nothing=nothing,
        modes=[(mode.value, label, mode is bounds.mode) for mode, label in MODES.items()],
        approvals=[(one.value, label, one in bounds.approval) for one, label in APPROVALS.items()],
        ends=bounds.probation_ends,
        attended=bounds.attended,
    )


def _text(value: object, nothing: str) -> str:
    return ", ".join(value) or nothing if isinstance(value, tuple) else str(value or "")


async def bounds(visit: Visit) -> Response:
    """GET /console/keys/{id}/bounds: what it may, in a form whose every field says what it stops."""
    key = await _key(visit)
    return _form(visit, visit.say("Bounds of {name}", name=key.name or key.id), key.bounds or Bounds(), key)


async def change(visit: Visit) -> Response:
    """POST: other bounds; what the form does not have stays. An end of the probation is a button of its own."""
    key = await _key(visit)
    kept = (key.bounds or Bounds()).model_dump()
    if visit.given("do") == "end-probation":
        given: Mapping[str, object] = {"probation_days": 0}
    else:
        given = {**_EMPTY, **_values(visit)}
    await visit.apply(ChangeKey(key_id=key.id, bounds=views.read_bounds({**kept, **given})))
    return visit.go(f"/console/keys/{key.id}", "bounded")


async def make(visit: Visit) -> Response:
    """POST /console/keys: the secret is shown once, in this answer alone."""
    bounds = views.read_bounds(_values(visit))
    command = CreateKey(name=visit.given("name"), address=visit.given("address") or None, bounds=bounds)

    async def shown(done: KeyDone) -> Response:
        return visit.show("key_made.html", title=visit.say("The key"), key=done.key, secret=done.secret)

    return await once.made(visit, command, lambda done: f"/console/keys/{done.key.id}", shown=shown)


def _values(visit: Visit) -> Mapping[str, object]:
    """The bounds as the form has them; an empty field keeps what a new key has."""
    given: dict[str, object] = {"verbs": [v.value for v in Verb if v is Verb.READ or visit.given(f"may-{v}")]}
    given |= {name: _number(visit.given(name)) for name, _ in NUMBERS if visit.given(name)}
    for name, _ in TEXTS:
        if value := visit.given(name):
            given[name] = _listed(visit, name, value) if name in _LISTS else value
    if mode := visit.given("mode"):
        given["mode"] = mode
    waits = [one.value for one in Approval if visit.given(f"waits-{one}")]
    if waits or given.get("approval_bulk"):
        given["approval"] = [*waits, *([Approval.BULK.value] if given.get("approval_bulk") else [])]
    given |= {name: bool(visit.given(name)) for name in ("probation_ends", "attended")}
    return given


def _listed(visit: Visit, name: str, given: str) -> list[str]:
    """What a field lists; it may say in a word that nothing is allowed, as an empty field allows anything."""
    nothing = {_NONE[1], visit.language.term(*_NONE).lower()}
    return [] if name in _OPEN and given.lower() in nothing else given.replace(",", " ").split()


def _number(given: str) -> int:
    if not (given.isascii() and given.isdigit() and len(given) < 12):
        raise Refused(Code.INVALID_ARGUMENT, f"“{given[:20]}” is no number.", "Go back, and correct it.")
    return int(given)


async def show(visit: Visit) -> Response:
    """GET /console/keys/{id}: its bounds, what it did today, and what is left."""
    key = await _key(visit)
    now = visit.engine.clock()
    day = await key_day(visit.engine, key, now)
    return visit.show(
        "key.html",
        title=key.name or key.id,
        key=key,
        state=views.state(key, now, await _keys(visit)),
        verbs=views.verbs(key),
        bounds=_shown(key, visit.language),
        limits=[one for one in day.limits if one.left is not None or one.used is not None],
        refused=[(bound, times, _widening(visit, key, bound)) for bound, times in day.refused],
        last=day.last,
        labels=_WIDER,
        twice=_TWICE,
        adding=_ADDING,
    )


def _shown(key: Key, language: Language) -> Sequence[tuple[str, str]]:
    """The bounds of a key by name; none for a key that has none."""
    known = views.bounds_data(key.bounds) if key.bounds else {}
    return [(name, _value(value, language)) for name, value in known.items()]


def _value(value: object, language: Language) -> str:
    if value is None:
        return language.term(*_ANY)
    if isinstance(value, bool):
        return language.say("Yes") if value else language.say("No")
    if isinstance(value, list):
        return ", ".join(map(str, value)) or language.term(*_NONE)
    return str(value) if value != "" else "–"


def _widening(visit: Visit, key: Key, bound: str) -> str:
    """How the visitor widens a bound by a button: `add` asks for what is to be allowed, `more` asks nothing."""
    if bound not in WIDENED or not _may_widen(visit, key):
        return ""
    return "add" if bound in PATTERNS else "more"


async def widen(visit: Visit) -> Response:
    """POST: widen the bound by which something was refused."""
    key = await _key(visit)
    command = WidenKey(key_id=key.id, bound=visit.given("bound"), add=visit.given("add"))
    await visit.apply(command, visit.owner)
    return visit.go(f"/console/keys/{key.id}", "widened")


def _may_widen(visit: Visit, key: Key) -> bool:
    own = visit.actor.kind == "organizer" and key.owner == visit.actor.address
    return key.bounds is not None and (visit.everywhere or own)


async def _keys(visit: Visit) -> list[Key]:
    """The keys that the visitor may see or answers for."""
    found = await visit.engine.keys_of(visit.actor)
    own = visit.actor.kind == "organizer"
    return found + (await visit.engine.keys_owned(visit.actor.address) if own else [])


async def _key(visit: Visit) -> Key:
    """The key, for whoever may see it or answers for it. Raises Refused: UNKNOWN_KEY."""
    key = next((key for key in await _keys(visit) if key.id == visit.path("id")), None)
    if key is None:
        raise Refused(Code.UNKNOWN_KEY, "There is no such key.")
    return key


SCREENS = (
    Screen("GET", "/console/keys/new", new, Verb.DELEGATE),
    Screen("POST", "/console/keys", make, Verb.DELEGATE),
    Screen("GET", "/console/keys/{id:str}", show),
    Screen("GET", "/console/keys/{id:str}/bounds", bounds, Verb.ADMIN),
    Screen("POST", "/console/keys/{id:str}/bounds", change, Verb.ADMIN),
    Screen("POST", "/console/keys/{id:str}/widen", widen, Verb.APPROVE),
)
