"""Branding at run time: looks and texts of the installation and of each organizer, shown before they are saved."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from markupsafe import escape
from starlette.responses import Response

from cis_mcp.console.event_mail import SEALED_OFF
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.console.sealing import Purpose
from cis_mcp.console.web import framing
from cis_mcp.pages.web import asset as page_asset
from cis_mcp.views.vendors import vendor, vendors
from engine.commands.pages.branding import MailBrandingCopies, ResetBranding, SetBranding
from engine.commands.pages.vendors import SaveVendor
from engine.imports.pictures import with_pictures
from engine.mail.locale import choosing
from engine.mail.locale.language import TAGS, Language, language, noop, noop_term
from engine.model.branding import ORGANIZER, Branding, Hub, MailText
from engine.model.pages import Layout
from engine.model.verbs import Verb
from engine.outbox.shown import DEFAULTS, sample
from engine.outbox.shown import copies as made_copies
from engine.refusals import Code, Refused

_HUB = "/console/branding"
_DRAFTS_MAX = 100
_PAGE = (
    '<!doctype html><html lang="{tag}" dir="{direction}"><head><meta charset="utf-8"><title>{title}</title>'
    '<link rel="stylesheet" href="{css}"><link rel="stylesheet" href="/brand/{colour}.css"></head><body><main>'
    "<h1>{title}</h1>"
    '<p><a href="#">{link}</a></p><p><button>{button}</button></p></main><footer>{footer}</footer></body></html>'
)
_PAGE_CSP = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_DEFAULT_COLOUR = "#1558b0"


_CALLED: Mapping[MailText, str] = {
    MailText.INVITE: "invite",
    MailText.UPDATE: "update",
    MailText.CANCEL: "cancellation",
    MailText.REPORT: "report",
    MailText.NOTICE: "notice",
}
"""What the console calls these mails."""
_HUBS: Mapping[Hub, str] = {
    Hub.LISTS: noop("Lists"),
    Hub.LINKS: noop("Links"),
    Hub.PAGES: noop("Pages"),
    Hub.REPORTS: noop("Reports"),
    Hub.EXPORTS: noop("Tables for analysis"),
    Hub.AGENTS: noop("Agents"),
    Hub.MESSAGES: noop("Mail to agents"),
    Hub.RECORD: noop("Record"),
    Hub.WEBHOOKS: noop("Webhooks"),
    Hub.TRIGGERS: noop("Triggers"),
    Hub.DEVELOPER: noop("Developers"),
    Hub.VERIFY: noop("The verifier"),
    Hub.BRANDING: noop("Branding"),
}
"""What the console calls its parts."""
_TITLES = (noop("Branding of one organizer"), noop("Branding of this installation"))
_LAYOUTS = (
    noop_term("layout of a page", "list"),
    noop_term("layout of a page", "compact"),
    noop_term("layout of a page", "cards"),
    noop_term("layout of a page", "agenda"),
)


@dataclass(frozen=True)
class _Draft:
    """What somebody looks at before they save it: the branding of the scope, and in force over all."""

    scope: str
    own: Branding
    whole: Branding
    language: str = ""
    """Of the texts in the form; empty: those for all languages."""


class Drafts:
    """The newest draft of each session; they are few, small, and nobody else's."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Draft] = OrderedDict()

    async def show(self, visit: Visit) -> Response:
        """GET /console/branding?scope=: what is set, ready to be changed."""
        scope = _scope(visit, visit.asked("scope"))
        own = await visit.engine.branding_set(scope, visit.actor)
        draft = await _drafted(visit, scope, own, _language(visit.asked("language")))
        return await self._shown(visit, draft, MailText.INVITE)

    async def change(self, visit: Visit) -> Response:
        """POST: show it, or save it."""
        scope, command = _scope(visit, visit.given("scope")), _command(visit)
        if visit.given("do") == "save":
            done = await visit.apply(command)
            return visit.go(_path(visit, done.branding.scope, command.language), "branded")
        own = command.checked(await visit.engine.branding_set(scope, visit.actor))
        draft = await _drafted(visit, scope, own, command.language)
        return await self._shown(visit, draft, _text(visit.given("mail")))

    async def _shown(self, visit: Visit, draft: _Draft, mail: MailText) -> Response:
        self._kept[visit.token] = draft
        self._kept.move_to_end(visit.token)
        while len(self._kept) > _DRAFTS_MAX:
            self._kept.popitem(last=False)
        shown = await sample(visit.engine, draft.whole, mail, draft.language)
        page = visit.show(
            "branding.html",
            title=visit.say("Branding of one organizer" if draft.scope else "Branding of this installation"),
            draft=draft,
            seal=visit.seal(draft.scope, Purpose.ORGANIZER),
            mail=mail,
            sample=shown,
            mails=list(MailText),
            called=_CALLED,
            defaults=_defaults(language(draft.language) if draft.language else visit.language),
            layouts=list(Layout),
            hubs_of=list(Hub),
            hub_names=_HUBS,
            languages=[
                ("", visit.say("All that have none of their own")),
                *((tag, language(tag).name) for tag in TAGS),
            ],
            own_texts=draft.own.said(draft.language),
            vendors=await vendors(visit.engine, hidden=not draft.scope)
            if visit.everywhere or draft.scope
            else [],
        )
        return framing(page)

    async def frame(self, visit: Visit) -> Response:
        """GET …/preview/{what}: the mail, or a page, as the draft makes it; nothing in it acts."""
        draft = self._kept.get(visit.token)
        if draft is None:
            raise Refused(Code.INVALID_ARGUMENT, "There is no draft to show.", "Open Branding again.")
        what = visit.path("what")
        if what == "page":
            headers = {**SEALED_OFF, "Content-Security-Policy": _PAGE_CSP}
            return Response(_page(draft.whole, visit.language), headers=headers, media_type="text/html")
        shown = await sample(visit.engine, draft.whole, _text(what), draft.language)
        return Response(shown.html, headers=SEALED_OFF, media_type="text/html")


async def _drafted(visit: Visit, scope: str, own: Branding, tag: str) -> _Draft:
    whole = own.over(await visit.engine.branding_of("")) if scope else own
    return _Draft(scope, own, whole, tag)


def _defaults(spoken: Language) -> Mapping[MailText, str]:
    """The first line of mails where none is set, in a language."""
    invite = spoken.say("{who} invites you.", who=ORGANIZER)
    return {**{mail: text and spoken.say(text) for mail, text in DEFAULTS.items()}, MailText.INVITE: invite}


def _language(tag: str) -> str:
    """The language that is meant; empty: all that have no texts of their own. Raises Refused: INVALID_ARGUMENT."""
    return choosing.require(tag) if tag else ""


def _page(brand: Branding, spoken: Language) -> str:
    lines = str(escape(brand.footer)).replace("\n", "<br>")
    return _PAGE.format(
        tag=spoken.tag,
        direction=spoken.direction,
        link=escape(spoken.say("A link")),
        button=escape(spoken.say("Send me the invite")),
        title=escape(brand.title or spoken.term("kind of page", "schedule")),
        css=page_asset("page.css").path,
        colour=(brand.colour or _DEFAULT_COLOUR).lstrip("#"),
        footer=lines,
    )


def _scope(visit: Visit, seal: str) -> str:
    """Whose branding is meant: a sealed organizer's, else the operator's whole installation, or one's own."""
    return visit.unseal(seal, Purpose.ORGANIZER) or (
        "" if visit.everywhere else visit.chosen or visit.actor.address
    )


def _path(visit: Visit, scope: str, tag: str = "") -> str:
    sealed = visit.seal(scope, Purpose.ORGANIZER) if visit.everywhere else ""
    query = {"scope": sealed, "language": tag}
    kept = urlencode({name: value for name, value in query.items() if value})
    return f"{_HUB}?{kept}" if kept else _HUB


def _text(name: str) -> MailText:
    try:
        return MailText(name or MailText.INVITE)
    except ValueError:
        raise Refused(Code.INVALID_ARGUMENT, "There is no such mail.", "Choose one of the list.") from None


def _command(visit: Visit) -> SetBranding:
    """The form as a command."""
    scope = _scope(visit, visit.given("scope"))
    given: dict[str, Any] = {
        name: visit.form.get(name) for name in ("title", "colour", "footer", "consent", "domain")
    }
    given["layout"] = visit.given("layout") or None
    given["texts"] = {name: visit.given(f"text_{name}") for name in MailText if f"text_{name}" in visit.form}
    if not scope:
        given["off"] = frozenset(hub for hub in Hub if not visit.given(f"hub_{hub}"))
    given["language"] = _language(visit.given("language"))
    return SetBranding.model_validate({"scope": scope, **given})


async def reset(visit: Visit) -> Response:
    """POST: one text, or everything, as it was before anything was set."""
    scope = _scope(visit, visit.given("scope"))
    only = _text(visit.given("only")) if visit.given("only") else None
    tag = _language(visit.given("language"))
    await visit.apply(ResetBranding(scope=scope, only=only, language=tag))
    return visit.go(_path(visit, scope, tag), "unbranded")


async def copies(visit: Visit) -> Response:
    """POST: mail one of each kind as it looks now, to the visitor's own address; the operator names any."""
    scope, tag = _scope(visit, visit.given("scope")), _language(visit.given("language"))
    to = visit.given("to") if visit.everywhere else visit.actor.address
    mails = await made_copies(visit.engine, await visit.engine.branding_of(scope), tag)
    await visit.apply(MailBrandingCopies(scope=scope, to=to, mails=mails))
    return visit.go(_path(visit, scope, tag), "copied")


async def logo(visit: Visit) -> Response:
    """POST: put a logo there, from a file or an address, or take it away."""
    scope = _scope(visit, visit.given("scope"))
    given: str | bytes = visit.given("address") if visit.upload is None else visit.upload
    if visit.given("do") == "remove":
        given = ""
    elif not given or (isinstance(given, str) and ":" not in given):
        raise Refused(
            Code.INVALID_ARGUMENT, "No picture is given.", "Choose a file, or give an https address."
        )
    whose = scope or visit.engine.local.address
    named = await with_pictures(visit.engine, visit.actor, whose, {"logo": given})
    await visit.apply(SetBranding(scope=scope, logo=named["logo"]))
    return visit.go(_path(visit, scope), "branded")


async def offer(visit: Visit) -> Response:
    """POST: offer a mail service in the link builder, or hide it; of an organizer, or for all."""
    found = await vendor(visit.engine, visit.given("vendor"))
    if scope := _scope(visit, visit.given("scope")):
        off = (await visit.engine.branding_set(scope, visit.actor)).vendors_off - {found.id}
        hidden = frozenset({found.id}) if visit.given("do") == "hide" else frozenset()
        await visit.apply(SetBranding(scope=scope, vendors_off=off | hidden))
        return visit.go(_path(visit, scope), "branded")
    await visit.apply(SaveVendor(vendor=found.model_copy(update={"hidden": visit.given("do") == "hide"})))
    return visit.go(_HUB, "branded")


def screens() -> tuple[Screen, ...]:
    """The page, its previews and its forms."""
    drafts = Drafts()
    return (
        Screen("GET", _HUB, drafts.show),
        Screen("POST", _HUB, drafts.change, Verb.PUBLISH),
        Screen("GET", f"{_HUB}/preview/{{what:str}}", drafts.frame),
        Screen("POST", f"{_HUB}/reset", reset, Verb.PUBLISH),
        Screen("POST", f"{_HUB}/logo", logo, Verb.PUBLISH, uploads=True),
        Screen("POST", f"{_HUB}/copies", copies, Verb.PUBLISH),
        Screen("POST", f"{_HUB}/vendors", offer, Verb.PUBLISH),
    )
