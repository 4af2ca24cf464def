"""The page on which a held action is decided: looking shows what it would do, a button decides (promise 19)."""

from __future__ import annotations

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cis_mcp.auth.origin import same_origin
from cis_mcp.pages.forms import form_of
from cis_mcp.pages.links import Handler, page, refusal
from cis_mcp.pages.signin import signed_in
from engine.commands.agents.deciding import Decide, decided_already
from engine.commands.agents.holding import ID_LENGTH
from engine.commands.signing_in import AskToSignIn
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.held import Channel, HeldAction, HeldState
from engine.refusals import Code, Refused

_FORM = Markup(
    '<form method="post"><button name="decision" value="yes">Yes, do this</button></form>'
    '<form method="post"><p><label>Why not? <input name="why" maxlength="500" required></label></p>'
    '<button name="decision" value="no">No</button></form>'
)


def approve_page(engine: Engine) -> Handler:
    """GET /approve/<code> shows what waits; POST decides."""

    async def show(request: Request) -> Response:
        code = request.path_params["code"]
        try:
            if len(code) == ID_LENGTH:
                return await _by_id(engine, request, code)
            held = await engine.held_by_code(code)
            if request.method != "POST":
                return _waiting(engine, held)
            owner = Actor(kind="owner", address=held.address)
            return await _decide(engine, held, await form_of(request), owner, code=code)
        except Refused as refused:
            return refusal(refused)

    return show


async def _by_id(engine: Engine, request: Request, held_id: str) -> Response:
    """For whoever is signed in as who decides; anybody else is shown nothing but the way to sign in."""
    held = await engine.held_action(held_id, SYSTEM)
    caller = signed_in(request)
    if caller is None or not (caller.actor.everywhere or caller.subject == held.address):
        return await _ask_who(engine, request, held)
    if request.method != "POST":
        return _waiting(engine, held)
    actor = caller.actor if caller.actor.everywhere else Actor(kind="owner", address=caller.subject)
    return await _decide(engine, held, await form_of(request), actor)


async def _ask_who(engine: Engine, request: Request, held: HeldAction) -> Response:
    """Whoever decides is mailed a link to sign in, whoever asks for it."""
    if request.method != "POST":
        what = "Something waits for a decision. To decide, sign in with a link that is mailed to you."
        return page("Who decides?", what, button="Mail the link")
    if held.address and same_origin(request.headers):
        await engine.apply(AskToSignIn(address=held.address), Actor(kind="attendee", address=""))
    return page("On its way", "The link is mailed to the approver and works for 15 minutes.")


async def _decide(
    engine: Engine, held: HeldAction, form: dict[str, str], actor: Actor, code: str = ""
) -> Response:
    if form.get("decision") not in {"yes", "no"}:
        raise Refused(
            Code.INVALID_ARGUMENT, "The form does not say what you decide.", "Press one of its buttons."
        )
    command = Decide(
        held_id="" if code else held.id,
        code=code,
        approve=form["decision"] == "yes",
        why=form.get("why", ""),
        channel=Channel.PAGE,
    )
    done = await engine.apply(command, actor)
    return _became(done.action)


def _became(held: HeldAction) -> Response:
    match held.state:
        case HeldState.APPROVED:
            return page(
                "Approved", f"{held.preview.action}: it is carried out. People notified: {held.notified}."
            )
        case HeldState.REFUSED:
            return page("Refused", "Nothing was changed and no one was mailed.")
        case _:
            return page("Nothing was done", f"It is void: {held.why}.", status=409)


def _waiting(engine: Engine, held: HeldAction) -> Response:
    state = held.state_at(engine.clock())
    if state is not HeldState.WAITING:
        return page("Nothing waits", decided_already(held, state))
    whose = "your calendar" if held.address == held.organizer else f"the calendar of {held.organizer}"
    what = f"A change that came from {whose} waits. Nothing was changed and no one was mailed."
    return page("Do you approve?", what, more=_preview(held) + _FORM)


def _preview(held: HeldAction) -> Markup:
    """What a Yes does; all of it is escaped."""
    shown = held.preview
    rows = [("What", shown.action), ("Event", shown.title), ("When", shown.when)]
    people = f"{shown.people} at least" + (f": {', '.join(shown.first)}" if shown.first else "")
    rows.append(("People mailed", people))
    if shown.left_out:
        rows.append(
            ("Not mailed", ", ".join(f"{count} {answer}" for answer, count in shown.left_out.items()))
        )
    table = Markup("").join(Markup("<tr><th>{}</th><td>{}</td></tr>").format(*row) for row in rows)
    changes = Markup("").join(
        Markup("<tr><th>{}</th><td><del>{}</del></td><td><ins>{}</ins></td></tr>").format(
            d.field, d.before, d.after
        )
        for d in shown.differences
    )
    found = Markup("<table>{}</table>").format(table)
    if changes:
        found += Markup("<h2>What changes</h2><table>{}</table>").format(changes)
    if shown.sample:
        found += Markup("<h2>The mail to {}</h2><p><b>{}</b></p><pre>{}</pre>").format(
            shown.sample.to, shown.sample.subject, shown.sample.text
        )
    return found


def routes(engine: Engine) -> list[Route]:
    """The page that decides a held action."""
    return [Route("/approve/{code:str}", approve_page(engine), methods=["GET", "POST"])]
