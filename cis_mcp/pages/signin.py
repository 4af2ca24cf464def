"""The pages that sign somebody in by a mailed link and show what waits for them; looking changes nothing."""

from __future__ import annotations

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cis_mcp.auth.callers import Caller
from cis_mcp.auth.origin import same_origin
from cis_mcp.auth.sessions import cookie, secret_in
from cis_mcp.pages.forms import form_of
from cis_mcp.pages.links import Handler, page, refusal
from cis_mcp.views import held as views
from engine.commands.signing_in import AskToSignIn, SignIn, SignOut, digest
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.held import HeldAction
from engine.refusals import Refused

_SHOWN = 100
_ASK = Markup(
    '<form method="post"><p><label>Your address: <input name="address" type="email" maxlength="320" required>'
    "</label></p><button>Mail me a link</button></form>"
)
_OUT = Markup('<form method="post" action="/signout"><button>Sign out</button></form>')
_NOBODY = Actor(kind="attendee", address="")


def signed_in(request: Request) -> Caller | None:
    """Whose mailbox or machine signed somebody in; whoever signed in by a key decides nothing here."""
    caller = request.scope.get("caller")
    person = isinstance(caller, Caller) and caller.by_cookie and caller.actor.kind != "agent"
    return caller if person else None


def foreign() -> Response:
    """The answer to a form that was sent from another site."""
    return page("Nothing was done", "This form was not sent from a page of this server.", status=403)


def sign_in_page(engine: Engine) -> Handler:
    """GET /signin shows who is signed in and what waits for them; POST mails a link."""

    async def show(request: Request) -> Response:
        if request.method == "POST":
            return await _ask(engine, request)
        caller = signed_in(request)
        if caller is None:
            return page("Sign in", "A link is mailed to you that signs you in once.", more=_ASK)
        return await _overview(engine, caller)

    return show


async def _ask(engine: Engine, request: Request) -> Response:
    if not same_origin(request.headers):
        return foreign()
    try:
        address = (await form_of(request)).get("address", "")
        await engine.apply(AskToSignIn(address=address), _NOBODY)
    except Refused as refused:
        return refusal(refused)
    return page(
        "Look into your mail", "If the address is known here, a link is on its way. It works for 15 minutes."
    )


async def _overview(engine: Engine, caller: Caller) -> Response:
    """Who is signed in, and what they may decide."""
    operator = caller.actor.everywhere
    found = await engine.held_for(None if operator else caller.subject, _SHOWN)
    now = engine.clock()
    lines = [_line(held, views.line(held, now)) for held in found if held.state_at(now) == "waiting"]
    waiting = Markup("<h2>Waits for your decision</h2><ul>{}</ul>").format(Markup("").join(lines))
    who = "the operator" if operator else caller.subject
    nothing = "" if lines else "Nothing waits for your decision."
    return page(
        "Signed in", f"You are signed in as {who}.", nothing, more=(waiting if lines else Markup()) + _OUT
    )


def _line(held: HeldAction, text: str) -> Markup:
    return Markup('<li><a href="/approve/{}">{}</a></li>').format(held.id, text)


def link_page(engine: Engine) -> Handler:
    """GET /signin/<code> shows a button; POST signs in, once."""

    async def show(request: Request) -> Response:
        code = request.path_params["code"]
        try:
            if request.method != "POST":
                link = await engine.sign_in_link(digest(code))
                return page("Sign in", f"Sign in as {link.address}?", button="Sign in")
            if not same_origin(request.headers):
                return foreign()
            done = await engine.apply(SignIn(code=code), _NOBODY)
        except Refused as refused:
            return refusal(refused)
        return RedirectResponse("/console", 303, {"Set-Cookie": cookie(engine.settings, done.secret)})

    return show


def sign_out_page(engine: Engine) -> Handler:
    """POST /signout ends the session."""

    async def show(request: Request) -> Response:
        if not same_origin(request.headers):
            return foreign()
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
