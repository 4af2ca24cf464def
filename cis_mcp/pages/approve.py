"""The page that decides a held action: GET shows what it would do, a button decides (promise 19)."""

from __future__ import annotations

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cis_mcp.auth.origin import same_origin
from cis_mcp.pages.forms import form_of
from cis_mcp.pages.links import Handler, page, refusal
from cis_mcp.pages.signin import signed_in
from cis_mcp.pages.speaking import Speech, speech
from engine.commands.approvals import approval_mails
from engine.commands.approvals.deciding import Decide, decided_already
from engine.commands.approvals.holding import ID_LENGTH
from engine.commands.signing_in import AskToSignIn
from engine.engine import SYSTEM, Engine
from engine.mail.locale.language import SOURCE, Language
from engine.model.actors import Actor
from engine.model.held import Channel, HeldAction, HeldState
from engine.refusals import Code, Refused

_FORM = Markup(
    '<form method="post"><button name="decision" value="yes">{yes}</button></form>'
    '<form method="post"><p><label>{why} <input name="why" maxlength="500" required></label></p>'
    '<button name="decision" value="no">{no}</button></form>'
)


def approve_page(engine: Engine) -> Handler:
    """GET /approve/<code> shows what waits; POST decides."""

    async def show(request: Request) -> Response:
        code, spoken = request.path_params["code"], speech(request)
        try:
            if len(code) == ID_LENGTH:
                return await _by_id(engine, request, code)
            held = await engine.held_by_code(code)
            spoken = await _speech(engine, request, held)
            if request.method != "POST":
                return _waiting(engine, held, spoken)
            owner = Actor(kind="owner", address=held.address)
            return await _decide(engine, held, await form_of(request), owner, spoken, code=code)
        except Refused as refused:
            return refusal(refused, spoken)

    return show


async def _speech(engine: Engine, request: Request, held: HeldAction) -> Speech:
    """The language of whoever decides: the organizer's, where they decide for themselves."""
    return speech(request, await engine.organizer_language(held.address))


async def _by_id(engine: Engine, request: Request, held_id: str) -> Response:
    """For whoever is signed in as who decides; anybody else is shown nothing but the way to sign in."""
    held = await engine.held_action(held_id, SYSTEM)
    caller, spoken = signed_in(request), await _speech(engine, request, held)
    if caller is None or not (caller.actor.everywhere or caller.subject == held.address):
        return await _ask_who(engine, request, held, spoken)
    if request.method != "POST":
        return _waiting(engine, held, spoken)
    actor = caller.actor if caller.actor.everywhere else Actor(kind="owner", address=caller.subject)
    return await _decide(engine, held, await form_of(request), actor, spoken)


async def _ask_who(engine: Engine, request: Request, held: HeldAction, spoken: Speech) -> Response:
    """Whoever decides is mailed a link to sign in, whoever asks for it."""
    say = spoken.language.say
    if request.method != "POST":
        what = say("Something waits for a decision. To decide, sign in with a link that is mailed to you.")
        return page(spoken, say("Who decides?"), what, button=say("Mail the link"))
    if held.address and same_origin(request.headers):
        await engine.apply(AskToSignIn(address=held.address), Actor(kind="attendee", address=""))
    mailed = say("The link is mailed to the approver and works for 15 minutes.")
    return page(spoken, say("On its way"), mailed)


async def _decide(
    engine: Engine, held: HeldAction, form: dict[str, str], actor: Actor, spoken: Speech, code: str = ""
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
    return _became(done.action, spoken)


def _became(held: HeldAction, spoken: Speech) -> Response:
    say = spoken.language.say
    match held.state:
        case HeldState.APPROVED:
            action, count = say(held.preview.action), spoken.language.number(held.notified)
            done = say("{action}: it is carried out. People notified: {count}.", action=action, count=count)
            return page(spoken, say("Approved"), done)
        case HeldState.REFUSED:
            return page(spoken, say("Refused"), say("Nothing was changed and no one was mailed."))
        case _:
            void = say("It is void: {why}.", why=held.why)
            return page(spoken, say("Nothing was done"), void, status=409)


def _waiting(engine: Engine, held: HeldAction, spoken: Speech) -> Response:
    say, state = spoken.language.say, held.state_at(engine.clock())
    if state is not HeldState.WAITING:
        return page(spoken, say("Nothing waits"), _decided(held, state, spoken))
    what = f"{approval_mails.why(held, spoken.language)} {say('Nothing was changed and no one was mailed.')}"
    form = _FORM.format(yes=say("Yes, do this"), why=say("Why not?"), no=say("No"))
    return page(spoken, say("Do you approve?"), what, more=_preview(held, spoken.language) + form)


def _decided(held: HeldAction, state: HeldState, spoken: Speech) -> str:
    """What became of it before."""
    if spoken.language.tag == SOURCE:
        return decided_already(held, state)
    return spoken.language.say("This was decided already.")


def _preview(held: HeldAction, language: Language) -> Markup:
    """What a Yes does; all of it is escaped."""
    say, shown = language.say, held.preview
    rows = [
        (say("What"), say(shown.action)),
        (say("Event"), shown.title),
        (say("When"), approval_mails.when(shown, language)),
    ]
    least = say("{count} at least", count=language.number(shown.people))
    rows.append((say("People mailed"), least + (f": {', '.join(shown.first)}" if shown.first else "")))
    if shown.left_out:
        left_out = [f"{language.number(count)} {say(answer)}" for answer, count in shown.left_out.items()]
        rows.append((say("Not mailed"), ", ".join(left_out)))
    table = Markup("").join(Markup("<tr><th>{}</th><td>{}</td></tr>").format(*row) for row in rows)
    changes = Markup("").join(
        Markup("<tr><th>{}</th><td><del>{}</del></td><td><ins>{}</ins></td></tr>").format(
            say(d.field), *approval_mails.sides(d, language)
        )
        for d in shown.differences
    )
    found = Markup("<table>{}</table>").format(table)
    if changes:
        found += Markup("<h2>{}</h2><table>{}</table>").format(say("What changes"), changes)
    if shown.sample:
        found += Markup("<h2>{}</h2><p><b>{}</b></p><pre>{}</pre>").format(
            say("The mail to {email}", email=shown.sample.to), shown.sample.subject, shown.sample.text
        )
    return found


def routes(engine: Engine) -> list[Route]:
    """The page that decides a held action."""
    return [Route("/approve/{code:str}", approve_page(engine), methods=["GET", "POST"])]
