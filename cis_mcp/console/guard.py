"""The checks in front of every console page: who is signed in, what they may do, and whether a form is our own."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode

from markupsafe import Markup
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive

from cis_mcp.auth.callers import Caller
from cis_mcp.auth.origin import same_origin
from cis_mcp.auth.sessions import SessionAuthenticator, secret_in
from cis_mcp.console import masking, sealing, speaking, tables, web, words
from cis_mcp.console.done import DONE
from cis_mcp.console.rendering import Frame
from cis_mcp.locale.languages import ENGLISH
from cis_mcp.pages.forms import many_of
from cis_mcp.pages.web import PageEndpoint
from cis_mcp.rest.problems import status_of
from engine.commands.approvals.approval_mails import REASONS
from engine.commands.base import Command, Done
from engine.commands.invites.addresses import AddressList, ShowListedAddresses
from engine.engine import Engine
from engine.mail.locale.language import Language
from engine.model.actors import Actor
from engine.model.branding import INSTALLATION, PLAIN, Branding, Hub
from engine.model.held import HeldAction
from engine.model.undo import Undo
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

D = TypeVar("D", bound=Done)

_PATH_MAX = 200
_UPLOAD_MAX = 16 * 1024 * 1024
NOBODY = Actor(kind="attendee", address="")


class HeldError(Exception):
    """The request needs approval and waits for it."""

    def __init__(self, held: HeldAction) -> None:
        super().__init__(held.id)
        self.held = held


@dataclass(frozen=True)
class Visit:
    """One request of somebody at the console; `caller` is None if nobody is signed in."""

    engine: Engine
    request: Request
    actor: Actor
    caller: Caller | None = None
    token: str = field(default="", repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    upload: bytes | None = field(default=None, repr=False)
    brand: Branding = PLAIN
    language: Language = ENGLISH

    def say(self, message: str, /, **values: object) -> str:
        """A message in the visitor's language, for pages that speak it."""
        return self.language.say(message, **values)

    @property
    def everywhere(self) -> bool:
        """True for the operator."""
        return self.actor.everywhere

    @property
    def owner(self) -> Actor:
        """Whoever is signed in, as the owner of what waits for them; a key is no owner."""
        if self.actor.everywhere or self.actor.kind == "agent":
            return self.actor
        return Actor(kind="owner", address=self.actor.address)

    @property
    def hubs(self) -> tuple[str, ...]:
        """Paths of the hubs that the visitor has."""
        every = web.HUB_PATHS
        return every if not self.brand.off else tuple(path for path in every if self.offers(path))

    def offers(self, path: str) -> bool:
        """False for what the installation has switched off, save for the operator."""
        off = self.brand.off
        return (
            not off
            or self.everywhere
            or not any(path == way or path.startswith(f"{way}/") for hub in off for way in _WAYS[hub])
        )

    def may(self, verb: Verb) -> bool:
        """True if the visitor may do that."""
        return verb in self.actor.verbs

    def path(self, name: str) -> str:
        """The value of `name` in the path."""
        return str(self.request.path_params[name])

    def asked(self, name: str) -> str:
        """A parameter of the query; empty without one."""
        return tables.query_of(self.request).get(name, "").strip()

    def rows(self, shown: int) -> int:
        """How many rows a list has: as many as it shows, and all that are looked at where it is sorted or filtered."""
        return tables.ROWS_MAX if self.asked("t") else shown

    def given(self, name: str) -> str:
        """A field of the form, its line breaks as texts have them; empty without one."""
        return self.form.get(name, "").replace("\r\n", "\n").strip()

    def seal(self, address: str, purpose: sealing.Purpose | str) -> str:
        """The sealed form of an address in a link or a form of this session; empty for no address."""
        return sealing.sealed(self, address, sealing.Purpose(purpose))

    def unseal(self, seal: str, purpose: sealing.Purpose) -> str:
        """The address behind a seal for that purpose; empty for none. Raises Refused: UNKNOWN_ATTENDEE."""
        return sealing.opened(self, seal, purpose) if seal else ""

    async def apply(self, command: Command[D], actor: Actor | None = None) -> D:
        """Apply `command`, and return its result. Raises Refused, HeldError."""
        done = await self.engine.apply(command, actor or self.actor)
        if done.held is not None:
            raise HeldError(done.held)
        return done

    @property
    def chosen(self) -> str:
        """The organizer whose pages the owner of a domain chose to see; empty for others, or without a choice."""
        return self.caller.chosen if self.caller and self.caller.actor.domain else ""

    async def shows(self, shown: AddressList) -> bool:
        """True if the visitor asked, by the form's button, to see the addresses of a list: a row in the record.

        Raises Refused: NOT_ALLOWED.
        """
        if self.given("do") != "show":
            return False
        await self.apply(ShowListedAddresses(shown=shown))
        return True

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page, in the frame of the console; `full=True`: with addresses, of whose showing the record knows."""
        asked = self.asked if self.request.method == "GET" else lambda _: ""
        done, undo = DONE.get(asked("done"), ""), asked("undo") if asked("undo").isalnum() else ""
        notes = {"visit": self, "done": self.language.say(done) if done else "", "undo": undo}
        return web.page(
            self.request,
            template,
            status,
            around=self.frame,
            own=self.own(values["title"]),
            notes=notes if done or self.chosen else None,
            visit=self,
            here=str(self.request.scope["path"]),
            **values,
        )

    @cached_property
    def frame(self) -> Frame:
        """The frame around a page."""
        spoken, brand, here = self.language, self.brand, str(self.request.scope["path"])
        ways = web.navigation(here, self.hubs, spoken) if self.caller else Markup()
        looks = (brand.colour, brand.logo.name if brand.logo else "", brand.title, brand.footer)
        return Frame(spoken, *looks, ways, bool(self.caller))

    def own(self, title: str) -> tuple[str, ...]:
        """The title of a page, the token in the form of whoever is signed in, and how they are called."""
        return (title, *self._signed_in)

    @cached_property
    def _signed_in(self) -> tuple[str, ...]:
        own = "" if self.everywhere or not self.caller else self.caller.actor.address
        return (masking.plain(self.token), masking.plain(own or self.say("Operator"))) if self.caller else ()

    def go(self, path: str, done: str = "", undo: Undo | None = None) -> Response:
        """Redirect after a change, with a sentence on what was done and how to undo it."""
        words = {"done": done, "undo": undo.id if undo else ""}
        query = urlencode({name: value for name, value in words.items() if value})
        return RedirectResponse(f"{path}{'&' if '?' in path else '?'}{query}" if query else path, 303)


_WAYS: Mapping[Hub, tuple[str, ...]] = {
    Hub.LISTS: ("/console/lists", "/console/events/{uid:str}/list"),
    Hub.LINKS: ("/console/links",),
    Hub.PAGES: ("/console/pages",),
    Hub.REPORTS: ("/console/reports", "/console/exports"),
    Hub.EXPORTS: ("/console/exports",),
    Hub.AGENTS: ("/console/agents", "/console/keys", "/console/held", "/console/record"),
    Hub.MESSAGES: ("/console/messages",),
    Hub.RECORD: ("/console/record",),
    Hub.WEBHOOKS: ("/console/webhooks",),
    Hub.TRIGGERS: ("/console/triggers",),
    Hub.DEVELOPER: ("/console/developer", "/console/triggers", "/console/verify"),
    Hub.VERIFY: ("/console/verify",),
    Hub.BRANDING: ("/console/branding",),
}
"""Where each part of the console that can be switched off has its pages."""

Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True)
class Screen:
    """One page or form: its method and path, its handler, and the verb that a key needs for it.

    `open`: nobody has to be signed in. `uploads`: its form may carry a file. `asks`: the form only asks, so that what
    is written in it stands in no address bar, or it changes the session alone. `of_one`: it shows what one organizer
    has, so that whoever owns a domain chooses one first.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    verb: Verb = Verb.READ
    open: bool = False
    uploads: bool = False
    asks: bool = False
    of_one: bool = False


def route(engine: Engine, screens: tuple[Screen, ...]) -> Route:
    """The route of all screens of one path."""
    by_method = {screen.method: screen for screen in screens}

    async def answer(request: Request) -> Response:
        screen = by_method.get("POST" if request.method == "POST" else "GET")
        if screen is None:
            return Response("Method not allowed\n", 405, {"Allow": ", ".join(by_method)})
        return await _answer(engine, screen, request)

    return Route(screens[0].path, PageEndpoint(answer), methods=["GET", "POST"])


async def _answer(engine: Engine, screen: Screen, request: Request) -> Response:
    caller = await _caller(engine, request)
    token = form_token(secret_in(engine.settings, request.headers)) if caller else ""
    actor = _here(caller.actor) if caller else NOBODY
    brand, settled = await engine.looks_of(actor.address if caller and not actor.everywhere else INSTALLATION)
    spoken = speaking.chosen(request, settled)
    visit = Visit(engine, request, actor, caller, token, brand=brand, language=spoken)
    if caller is None and not screen.open:
        return _to_sign_in(visit)
    if caller and screen.of_one and actor.domain:
        if not actor.owns(caller.chosen):
            return RedirectResponse(f"/console/organizers?to={quote(request.url.path)}", 303)
        visit = replace(visit, actor=actor.model_copy(update={"address": caller.chosen}))
    try:
        return await screen.handler(await _judged(screen, visit))
    except HeldError as waits:
        return visit.show(
            "waits.html", 202, title=visit.say("It waits for a yes"), held=waits.held, reasons=REASONS
        )
    except Refused as refused:
        return refusal(visit, refused)
    except ValidationError as error:
        return refusal(visit, _mistaken(error))


@lru_cache(maxsize=256)
def _here(actor: Actor) -> Actor:
    """The same as they come by the console; made once for all their pages."""
    return actor.model_copy(update={"face": "console"})


async def _caller(engine: Engine, request: Request) -> Caller | None:
    """Who is signed in. A key that a program bears is no session."""
    caller = request.scope.get("caller")
    if isinstance(caller, Caller):
        return caller if caller.by_cookie else None
    return await SessionAuthenticator(engine).caller(request.headers)


@lru_cache(maxsize=256)
def form_token(secret: str) -> str:
    """What each of our forms holds: made from the secret of the cookie, which no other site can read."""
    return hmac.digest(secret.encode(), b"console form", "sha256").hex()[:32]


async def _judged(screen: Screen, visit: Visit) -> Visit:
    """The visit with its form, once it may be. Raises Refused: NOT_ALLOWED, TOO_LARGE, INVALID_ARGUMENT."""
    changes = visit.request.method == "POST"
    if changes and not same_origin(visit.request.headers):
        raise _foreign()
    if not visit.offers(screen.path):
        raise Refused(
            Code.NOT_ALLOWED, "This installation has switched that off.", "Whoever runs it can switch it on."
        )
    if not visit.may(screen.verb):
        raise Refused(Code.NOT_ALLOWED, f"The key that you signed in with lacks “{screen.verb}”.")
    if not changes:
        return visit
    if visit.caller and visit.caller.read_only and not (screen.open or screen.asks):
        raise Refused(Code.NOT_ALLOWED, "The key that you signed in with only reads.")
    form, upload = await _form(screen, visit)
    if visit.caller and not hmac.compare_digest(form.get("token", "").encode(), visit.token.encode()):
        raise _foreign()
    return replace(visit, form=form, upload=upload)


async def _form(screen: Screen, visit: Visit) -> tuple[Mapping[str, str], bytes | None]:
    if not screen.uploads:
        return dict(await many_of(visit.request, texts=visit.caller is not None)), None
    async with _multipart(visit.request) as form:
        files = [value for value in form.values() if isinstance(value, UploadFile) and value.filename]
        upload = await files[0].read() if files else None
        return {name: value for name, value in form.items() if isinstance(value, str)}, upload


@asynccontextmanager
async def _multipart(request: Request) -> AsyncIterator[FormData]:
    bounded = _Bounded(request.receive)
    try:
        whole = Request(request.scope, bounded)
        async with whole.form(max_files=1, max_fields=50, max_part_size=_UPLOAD_MAX) as form:
            yield form
    except (HTTPException, MultiPartException):
        if bounded.over:
            raise Refused(
                Code.TOO_LARGE, f"A file may have {_UPLOAD_MAX // 1_000_000} MB.", "Send it in parts."
            ) from None
        raise Refused(Code.INVALID_ARGUMENT, "The form cannot be read.") from None


class _Bounded:
    """The body of a form with a file, no more of it than a form may have: files go to the disk as they come."""

    def __init__(self, source: Receive) -> None:
        self._source, self._size = source, 0

    @property
    def over(self) -> bool:
        return self._size > _UPLOAD_MAX

    async def __call__(self) -> Message:
        message = await self._source()
        self._size += len(message.get("body", b""))
        if self.over:
            raise MultiPartException("too large")
        return message


def _mistaken(error: ValidationError) -> Refused:
    """What the form holds that no command takes, without the value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = " ".join(str(part) for part in first["loc"])[:60].replace("_", " ")
    said = str(first["msg"]).removeprefix("Value error, ").replace("Input should", "should")
    return Refused(Code.INVALID_ARGUMENT, f"{name}: {said}", "Go back, and correct it.")


def _foreign() -> Refused:
    return Refused(
        Code.NOT_ALLOWED,
        "This form was not sent from a page of this server, or the page is an old one.",
        "Go back, load the page again, and send it once more.",
    )


def inside(path: str) -> str:
    """A path of the console, whatever was asked for."""
    ours = path.startswith("/console") and path.isascii() and "//" not in path and "\\" not in path
    return path if ours and len(path) <= _PATH_MAX else "/console"


def _to_sign_in(visit: Visit) -> Response:
    if visit.request.method == "POST":
        return visit.show(
            "message.html",
            401,
            title=visit.say("You are not signed in any more"),
            texts=[visit.say("Nothing was done. Sign in, go back, and send the form again.")],
            ways=[(visit.say("Sign in"), "/console/signin")],
        )
    to = visit.request.url.path
    return RedirectResponse(f"/console/signin?to={quote(to)}" if to != "/console" else "/console/signin", 303)


def refusal(visit: Visit, refused: Refused) -> Response:
    """Why nothing was done, and where to go on."""
    overview, sign_in = (visit.say("Overview"), "/console"), (visit.say("Sign in"), "/console/signin")
    return visit.show(
        "message.html",
        status_of(refused.code),
        title=visit.say("Nothing was done"),
        texts=words.told(refused, visit.language),
        ways=[overview if visit.caller else sign_in],
    )
