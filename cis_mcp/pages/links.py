"""Web pages that links in mails lead to. Viewing one changes nothing; its button does (promise 19)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cis_mcp.pages.problems import problem
from cis_mcp.pages.speaking import Speech, speech
from engine.commands.answers.deliveries import Unsubscribe
from engine.engine import Engine
from engine.inbox.routes import confirm
from engine.mail.locale.language import noop
from engine.model.actors import Actor
from engine.model.confirmations import ConfirmationKind
from engine.refusals import Refused

_WHY = {
    ConfirmationKind.MAIL: noop("Nothing in it proves that you sent it."),
    ConfirmationKind.FIRST_PROOF: noop(
        "It would reach many people, and what proves that you sent it was not seen here before: another mail server, "
        "or a new key."
    ),
    ConfirmationKind.REGISTRATION: noop("Your address is not registered here yet."),
}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;overflow-wrap:anywhere}"
    "th{text-align:start;vertical-align:top;padding-inline-end:1rem}td{vertical-align:top;padding-inline-end:1rem}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;border-inline-start:.2rem solid #ccc;padding-inline-start:.8rem}"
    "button{font:inherit;padding:.6rem 1.4rem;border:0;border-radius:.4rem;background:#1558b0;color:#fff}"
)
_NOTHING = Markup()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def page(
    spoken: Speech,
    title: str,
    *paragraphs: str,
    button: str = "",
    more: Markup = _NOTHING,
    status: int = 200,
) -> Response:
    """A page of plain text, all of it escaped; `button` posts to the page's own address.

    `more` stands below the paragraphs as it is.
    """
    body = Markup("").join(Markup("<p>{}</p>").format(words) for words in paragraphs if words)
    form = Markup('<form method="post"><button>{}</button></form>').format(button) if button else ""
    html = Markup(
        '<!doctype html><html lang="{lang}" dir="{direction}"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        "<style>{style}</style></head><body><main><h1>{title}</h1>{body}{more}{form}</main></body></html>"
    ).format(
        lang=spoken.language.tag,
        direction=spoken.language.direction,
        title=title,
        style=Markup(_STYLE),  # noqa: S704 -- our own style
        body=body,
        more=more,
        form=form,
    )
    headers = {**_HEADERS, "Content-Language": spoken.language.tag}
    if spoken.negotiated:
        headers["Vary"] = "Accept-Language"
    return HTMLResponse(html, status, headers=headers)


def refusal(refused: Refused, spoken: Speech) -> Response:
    """What went wrong, and what to do next; with 404, so that programs see it as well."""
    language = spoken.language
    return page(spoken, language.say("Nothing was done"), problem(refused, language), status=404)


def confirm_page(engine: Engine) -> Handler:
    """GET /confirm/<code> shows what waits; POST lets it through."""

    async def show(request: Request) -> Response:
        code, spoken = request.path_params["code"], speech(request)
        say = spoken.language.say
        try:
            if request.method == "POST":
                await confirm.by_page(engine, code)
                done = say("You confirmed the mail. It is now being processed like any other of yours.")
                return page(spoken, say("Thank you"), done)
            waiting = await confirm.waiting(engine, code)
        except Refused as refused:
            return refusal(refused, spoken)
        spoken = speech(request, await engine.organizer_language(waiting.address))
        say = spoken.language.say
        waits = say("A mail in your name, {address}, waits.", address=waiting.address)
        return page(
            spoken,
            say("Did you send this?"),
            f"{waits} {say(_WHY[waiting.kind])}",
            waiting.what,
            say("If you did not send it, close this page: nothing will happen."),
            button=say("Yes, I sent it"),
        )

    return show


def unsubscribe_page(engine: Engine) -> Handler:
    """GET /unsubscribe/<token> shows a button; POST, a program's in one click as well, blocks (RFC 8058)."""

    async def show(request: Request) -> Response:
        token = request.path_params["token"].lower()
        attendee, spoken = await engine.holder(token), speech(request)
        say = spoken.language.say
        if attendee is None:
            nothing = say("No invite was sent with this address.")
            return page(spoken, say("Nothing was done"), nothing, status=404)
        if request.method != "POST":
            words = say("You will no longer receive invites or updates from this organizer.")
            return page(spoken, say("Unsubscribe?"), words, button=say("Unsubscribe"))
        try:
            await engine.apply(Unsubscribe(token=token), Actor(kind="attendee", address=attendee.email))
        except Refused as refused:
            return refusal(refused, spoken)
        return page(spoken, say("Done"), say("This organizer will send you no more mail."))

    return show


def routes(engine: Engine) -> list[Route]:
    """The page that confirms a waiting mail, and the one behind List-Unsubscribe."""
    return [
        Route("/confirm/{code:str}", confirm_page(engine), methods=["GET", "POST"]),
        Route("/unsubscribe/{token:str}", unsubscribe_page(engine), methods=["GET", "POST"]),
    ]
