"""Somebody at the console: reads pages, follows links, fills in forms and presses their buttons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import httpx
from starlette.applications import Starlette

from cis_mcp.console.routes import routes
from cis_mcp.console.sealing import Purpose, sealed
from cis_mcp.pages import signin
from engine.commands.agents.keys import CreateKey
from engine.commands.signing_in import MakeSignInLink
from engine.engine import Engine
from tests.support.engines import deliver, do

PUBLIC = "https://cis.example.com"
SAME = {"Sec-Fetch-Site": "same-origin"}
_LINE_ENDS = re.compile(r"\r\n|\r|\n")


@dataclass
class Form:
    """One form of a page, as it would be sent if nobody changed anything."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, dict[str, str]] = field(default_factory=dict)
    """What each of its buttons says, and sends."""
    uploads: bool = False


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        self._form: Form | None = None
        self._silent = self._button = self._area = self._choice = ""
        self._sends: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "a":
            self.links.append(given["href"])
        if tag in {"script", "style"}:
            self._silent = tag
            self.inline += [] if "src" in given else [tag]
        if tag == "form":
            uploads = given.get("enctype") == "multipart/form-data"
            self._form = Form(given.get("action", ""), given.get("method", "get"), uploads=uploads)
            self.forms.append(self._form)
        if self._form:
            self._control(self._form, tag, given)

    def _control(self, form: Form, tag: str, given: Mapping[str, str]) -> None:
        name = given.get("name", "")
        if tag == "input" and name and given.get("type") != "file":
            ticked = given.get("type") not in {"checkbox", "radio"} or "checked" in given
            if ticked:
                value = given.get("value", "")
                form.fields[name] = value if given.get("type") == "hidden" else _LINE_ENDS.sub("", value)
        elif tag == "select":
            self._choice = name
        elif tag == "option" and (self._choice not in form.fields or "selected" in given):
            form.fields[self._choice] = given.get("value", "")
        elif tag == "textarea":
            self._area = name
            form.fields[name] = ""
        elif tag == "button" and given.get("type") != "button":
            self._button, self._sends = "", {name: given.get("value", "")} if name else {}

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""
        if tag == "form":
            self._form = None
        if tag == "textarea":
            self._area = ""
        if tag == "button" and self._form and self._sends is not None:
            self._form.buttons[self._button] = self._sends
            self._sends = None

    def handle_data(self, data: str) -> None:
        if self._form and self._area:
            self._form.fields[self._area] += data
        if self._sends is not None:
            self._button += data.strip()
        if not self._silent:
            self.words.append(data)


@dataclass
class Seen:
    """An answer as a person sees it."""

    answer: httpx.Response

    def __post_init__(self) -> None:
        self.page = _Page()
        # A picture or a file has no markup, and may hold any bytes.
        if self.answer.headers.get("content-type", "").startswith("text/html"):
            self.page.feed(self.answer.text)

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.page.words).split())

    @property
    def links(self) -> list[str]:
        return self.page.links

    def form(self, button: str, nth: int = 0) -> Form:
        """The form with that button."""
        found = [form for form in self.page.forms if button in form.buttons]
        assert len(found) > nth, f"no button “{button}” among {[[*form.buttons] for form in self.page.forms]}"
        return replace(found[nth], fields={**found[nth].fields, **found[nth].buttons[button]})


@dataclass
class Person:
    """A browser without JavaScript, and what it shows: line breaks are none in an input, and CRLF where sent."""

    web: httpx.AsyncClient
    seen: Seen | None = None

    @property
    def token(self) -> str:
        """What the forms of this session hold."""
        assert self.seen is not None, "a page is open"
        return self.seen.form("Sign out").fields["token"]

    def seal(self, address: str, purpose: Purpose = Purpose.ORGANIZER) -> str:
        """What stands for an address in the links of this session."""
        return sealed(self, address, purpose)

    async def go(self, path: str) -> Seen:
        """Open a page; where it leads on, follow."""
        return self._shown(await self.web.get(path, follow_redirects=True))

    async def press(
        self, button: str, *, nth: int = 0, file: tuple[str, bytes] | None = None, **fields: str
    ) -> Seen:
        """Fill in the form with that button, and press it."""
        assert self.seen is not None, "a page is open"
        form = self.seen.form(button, nth)
        unknown = set(fields) - set(form.fields)
        assert not {name for name in unknown if f'name="{name}"' not in self.seen.answer.text}, unknown
        action = str(self.seen.answer.url.join(form.action))
        values = {name: _LINE_ENDS.sub("\r\n", value) for name, value in {**form.fields, **fields}.items()}
        if form.method == "get":
            return self._shown(await self.web.get(action, params=values, follow_redirects=True))
        files = {"file": file} if file else {"nothing": ("", b"")} if form.uploads else None
        sent = await self.web.post(action, data=values, files=files, headers=SAME, follow_redirects=True)
        return self._shown(sent)

    def _shown(self, answer: httpx.Response) -> Seen:
        self.seen = Seen(answer)
        if answer.url.path.startswith("/console"):
            assert self.seen.page.inline == [], "no script and no style stands in the page"
        return self.seen


def browser(engine: Engine) -> httpx.AsyncClient:
    """A browser of its own, with its own cookies."""
    app = Starlette(routes=[*routes(engine), *signin.routes(engine)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC)


async def operator(engine: Engine, web: httpx.AsyncClient) -> Person:
    """The operator, signed in by the link of `cis-mcp console`."""
    made = await do(engine, MakeSignInLink())
    person = Person(web)
    await person.go(f"/signin/{made.code}")
    await person.press("Sign in")
    return person


async def with_key(engine: Engine, web: httpx.AsyncClient, address: str, **values: object) -> Person:
    """Somebody who pasted a key."""
    made = await do(engine, CreateKey(name="", address=address, **values))  # type: ignore[arg-type]
    person = Person(web)
    await person.go("/console/signin")
    await person.press("Sign in", key=made.secret)
    return person


async def by_mail(engine: Engine, web: httpx.AsyncClient, address: str) -> Person:
    """Somebody who asked for a link by mail, and pressed its button."""
    person = Person(web)
    await person.go("/console/signin")
    await person.press("Mail me a link", address=address)
    (mail,) = [m for m in await deliver(engine) if m.email == address]
    assert mail.notice
    await person.go("/signin/" + mail.notice.text.split("/signin/")[1].split()[0])
    await person.press("Sign in")
    return person


async def crawled(person: Person) -> dict[str, str]:
    """Every page that links lead to from the first one on, by its path."""
    pages: dict[str, str] = {}
    ahead = ["/console"]
    while ahead:
        path = ahead.pop()
        if path in pages:
            continue
        assert len(pages) < 200, "links lead on without end"
        seen = await person.go(path)
        assert seen.status == 200, (path, seen.text)
        pages[path] = seen.answer.text
        ahead += [
            link
            for link in seen.links
            if link.startswith("/console") and not re.search(r"&month=|[?&]t=", link)
        ]
    return pages
