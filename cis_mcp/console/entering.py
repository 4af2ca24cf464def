"""Getting in: by a mailed link, by a link made at the machine, or by a key that is pasted; and out again."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from cis_mcp.auth.authorizing import BACK, CodeFlow, gone
from cis_mcp.auth.sessions import cookie, secret_in
from cis_mcp.console import words
from cis_mcp.console.guard import NOBODY, Screen, Visit, inside
from cis_mcp.pages.forms import client_of
from cis_mcp.pages.hourly import HourlyCount
from engine.commands.signing_in import AskToSignIn, SignInWithKey, SignInWithToken, SignOut, digest
from engine.engine import SYSTEM
from engine.network import client_network
from engine.refusals import Refused

WRONG_MAX = 20
"""Keys that one network may try in an hour; a person needs one or two."""
_KEY_MAX = 200


class Entrance:
    """The page to sign in, and its forms."""

    def __init__(self) -> None:
        self._tries = HourlyCount()

    async def show(self, visit: Visit) -> Response:
        """GET /console/signin."""
        if visit.caller:
            return visit.go("/console")
        return _page(visit)

    async def by_mail(self, visit: Visit) -> Response:
        """POST: mail a link. The answer tells nobody which addresses are known."""
        try:
            await visit.engine.apply(AskToSignIn(address=visit.given("address")), visit.actor)
        except Refused as refused:
            return _page(visit, words.sentence(refused, visit.language), 422)
        return visit.show(
            "message.html",
            title=visit.say("Check your mail"),
            texts=[
                visit.say(
                    "If the address is known here, a link is on its way. It works once, for 15 minutes."
                ),
                visit.say("Nothing came? Look among the unwanted mail, or ask whoever runs this server."),
            ],
            ways=[(visit.say("Back"), "/console/signin")],
        )

    async def by_key(self, visit: Visit) -> Response:
        """POST: sign in by a key. Raises nothing that tells a wrong key from one that has ended."""
        if self._tries.over(client_network(client_of(visit.request)), WRONG_MAX):
            return _slowed(
                visit, visit.say("Too many keys were tried from your network. Try again in an hour.")
            )
        try:
            done = await visit.engine.apply(
                SignInWithKey(secret=visit.given("key")[: _KEY_MAX + 1]), visit.actor
            )
        except Refused as refused:
            return _page(visit, f"{refused.message} {refused.hint}", 403)
        except ValueError:
            return _page(visit, visit.say("This key does not work here. Ask for a new one."), 403)
        headers = {"Set-Cookie": cookie(visit.engine.settings, done.secret)}
        return RedirectResponse(inside(visit.given("to")), 303, headers)

    async def by_oauth(self, visit: Visit) -> Response:
        """GET /console/signin/oauth: on to the issuer."""
        if self._tries.over(client_network(client_of(visit.request)), WRONG_MAX):
            return _slowed(visit, visit.say("Too many tries from your network. Try again in an hour."))
        try:
            begun = await CodeFlow(visit.engine).begin()
        except Refused as refused:
            return _page(visit, words.sentence(refused, visit.language), 403)
        return RedirectResponse(begun.url, 303, {"Set-Cookie": begun.cookie, "Cache-Control": "no-store"})

    async def back(self, visit: Visit) -> Response:
        """GET …/back: the issuer sends the browser here; only one that set out from here gets in."""
        settings = visit.engine.settings
        try:
            caller = await CodeFlow(visit.engine).finish(visit.request.headers, visit.request.query_params)
        except Refused as refused:
            return _page(visit, f"{refused.message} {refused.hint}", 403)
        command = SignInWithToken(
            address=caller.actor.address,
            issuer=caller.issuer,
            name=caller.subject,
            scopes=caller.actor.scopes,
        )
        done = await visit.engine.apply(command, SYSTEM)
        answer = RedirectResponse("/console", 303, {"Set-Cookie": cookie(settings, done.secret)})
        answer.headers.append("Set-Cookie", gone(settings))
        return answer

    async def leave(self, visit: Visit) -> Response:
        """POST: end the session."""
        secret = secret_in(visit.engine.settings, visit.request.headers)
        # Not as the visitor: a key that was stopped may change nothing, and its session can end all the same.
        await visit.engine.apply(SignOut(digest=digest(secret)), NOBODY)
        headers = {"Set-Cookie": cookie(visit.engine.settings, "")}
        return RedirectResponse("/console/signin", 303, headers)


def _slowed(visit: Visit, problem: str) -> Response:
    answer = _page(visit, problem, 429)
    answer.headers["Retry-After"] = "3600"
    return answer


def _page(visit: Visit, problem: str = "", status: int = 200) -> Response:
    to = inside(visit.asked("to") or visit.given("to"))
    return visit.show(
        "signin.html",
        status,
        title=visit.say("Sign in"),
        problem=problem,
        to=to,
        oauth=bool(visit.engine.settings.oauth_client),
    )


def screens() -> tuple[Screen, ...]:
    """The page to sign in, its forms, and the one that signs out."""
    entrance = Entrance()
    return (
        Screen("GET", "/console/signin", entrance.show, open=True),
        Screen("POST", "/console/signin/mail", entrance.by_mail, open=True),
        Screen("POST", "/console/signin/key", entrance.by_key, open=True),
        Screen("GET", "/console/signin/oauth", entrance.by_oauth, open=True),
        Screen("GET", BACK, entrance.back, open=True),
        Screen("POST", "/console/signout", entrance.leave, asks=True),
    )
