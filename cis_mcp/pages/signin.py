"""The pages that sign people in by a mailed link and show what waits for them; viewing them changes nothing."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cis_mcp.auth.callers import Caller
from cis_mcp.auth.origin import same_origin
from cis_mcp.auth.sessions import cookie, secret_in
from cis_mcp.pages.forms import form_of
from cis_mcp.pages.links import Handler, page, refusal
from cis_mcp.pages.speaking import Speech, speech
from cis_mcp.views import held as views
from engine.commands.signing_in import AskToSignIn, SignIn, SignOut, digest
from engine.engine import Engine
from engine.mail.locale.language import SOURCE
from engine.model.actors import Actor
from engine.model.held import HeldAction
from engine.refusals import Refused

_SHOWN = 100
_ASK = Markup(
    '<form method="post"><p><label>{address} <input name="address" type="email" maxlength="320" required>'
    "</label></p><button>{button}</button></form>"
)
_OUT = Markup('<form method="post" action="/signout"><button>{button}</button></form>')
_NOBODY = Actor(kind="attendee", address="")


def signed_in(request: Request) -> Caller | None:
    """Whose mailbox or machine signed somebody in; whoever signed in by a key decides nothing here."""
    caller = request.scope.get("caller")
    person = isinstance(caller, Caller) and caller.by_cookie and caller.actor.kind != "agent"
    return caller if person else None


def foreign(request: Request) -> Response:
    """The answer to a form that was sent from another site."""
    spoken = speech(request)
    say = spoken.language.say
    why = say("This form was not sent from a page of this server.")
    return page(spoken, say("Nothing was done"), why, status=403)


def sign_in_page(engine: Engine) -> Handler:
    """GET /signin shows who is signed in and what waits for them; POST mails a link."""

    async def show(request: Request) -> Response:
        if request.method == "POST":
            return await _ask(engine, request)
        caller = signed_in(request)
        if caller is None:
            spoken = speech(request)
            say = spoken.language.say
            form = _ASK.format(address=say("Your address:"), button=say("Mail me a link"))
            return page(
                spoken, say("Sign in"), say("We will mail you a link that signs you in once."), more=form
            )
        return await _overview(engine, request, caller)

    return show


async def _ask(engine: Engine, request: Request) -> Response:
    if not same_origin(request.headers):
        return foreign(request)
    spoken = speech(request)
    try:
        address = (await form_of(request)).get("address", "")
        await engine.apply(AskToSignIn(address=address), _NOBODY)
    except Refused as refused:
        return refusal(refused, spoken)
    known = spoken.language.say(
        "If the address is known here, a link is on its way. It works for 15 minutes."
    )
    return page(spoken, spoken.language.say("Check your mail"), known)


async def _overview(engine: Engine, request: Request, caller: Caller) -> Response:
    """Who is signed in, and what they may decide."""
    operator = caller.actor.everywhere
    found = await engine.held_for(None if operator else caller.subject, _SHOWN)
    now = engine.clock()
    spoken = speech(request, "" if operator else await engine.organizer_language(caller.subject))
    say = spoken.language.say
    lines = [_line(held, _told(held, now, spoken)) for held in found if held.state_at(now) == "waiting"]
    waiting = Markup("<h2>{}</h2><ul>{}</ul>").format(say("Waits for your decision"), Markup("").join(lines))
    who = say("You are signed in as the operator.")
    if not operator:
        who = say("You are signed in as {address}.", address=caller.subject)
    nothing = "" if lines else say("Nothing waits for your decision.")
    out = _OUT.format(button=say("Sign out"))
    return page(spoken, say("Signed in"), who, nothing, more=(waiting if lines else Markup()) + out)


def _told(held: HeldAction, now: datetime, spoken: Speech) -> str:
    """A held action in one line."""
    if spoken.language.tag == SOURCE:
        return views.line(held, now)
    return f"{spoken.language.say(held.preview.action)}: {held.preview.title}"


def _line(held: HeldAction, text: str) -> Markup:
    return Markup('<li><a href="/approve/{}">{}</a></li>').format(held.id, text)


def link_page(engine: Engine) -> Handler:
    """GET /signin/<code> shows a button; POST signs in, once."""

    async def show(request: Request) -> Response:
        code, spoken = request.path_params["code"], speech(request)
        say = spoken.language.say
        try:
            if request.method != "POST":
                link = await engine.sign_in_link(digest(code))
                who = say("Sign in as {address}?", address=link.address)
                return page(spoken, say("Sign in"), who, button=say("Sign in"))
            if not same_origin(request.headers):
                return foreign(request)
            done = await engine.apply(SignIn(code=code), _NOBODY)
        except Refused as refused:
            return refusal(refused, spoken)
        return RedirectResponse("/console", 303, {"Set-Cookie": cookie(engine.settings, done.secret)})

    return show


def sign_out_page(engine: Engine) -> Handler:
    """POST /signout ends the session."""

    async def show(request: Request) -> Response:
        if not same_origin(request.headers):
            return foreign(request)
        secret = secret_in(engine.settings, request.headers)
        if secret:
            await engine.apply(SignOut(digest=digest(secret)), _NOBODY)
        return RedirectResponse("/signin", 303, {"Set-Cookie": cookie(engine.settings, "")})

    return show


def routes(engine: Engine) -> list[Route]:
    """The pages that sign in and out."""
    return [
        Route("/signin", sign_in_page(engine), methods=["GET", "POST"]),
        Route("/signin/{code:str}", link_page(engine), methods=["GET", "POST"]),
        Route("/signout", sign_out_page(engine), methods=["POST"]),
    ]
