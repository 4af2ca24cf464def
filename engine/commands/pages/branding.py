"""Set the branding of an installation or an organizer; in force with the next page and the next mail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field

from engine.commands import notices, text
from engine.commands.agents.bounds import refuse_links, refuse_links_that_wait
from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer
from engine.commands.pages import texts
from engine.commands.pages.pictures import named
from engine.mail.locale import choosing
from engine.model.branding import INSTALLATION, Branding, Hub, MailText
from engine.model.messages import Notice
from engine.model.pages import Layout
from engine.refusals import Code, Refused

TITLE_MAX, TEXT_MAX, FOOTER_MAX, VENDORS_MAX = 80, 300, 1_000, 200
COPIES_PAUSE = timedelta(minutes=1)
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+")
_HOST_MAX = 253


class BrandingSet(Done):
    """The branding of the scope as it is now."""

    branding: Branding


class SetBranding(Command[BrandingSet]):
    """Change what is set for a scope; None leaves it as it is, and an empty value as the level above has it."""

    scope: str = INSTALLATION
    title: str | None = None
    colour: str | None = None
    logo: str | None = Field(None, description="name of a picture that is kept; empty: none")
    domain: str | None = None
    footer: str | None = None
    layout: Layout | None = None
    consent: str | None = None
    off: frozenset[Hub] | None = None
    texts: Mapping[MailText, str] | None = None
    language: str = Field("", description="tag of the language whose readers get `texts`; empty: all others")
    vendors_off: frozenset[str] | None = None

    async def carry_out(self, work: Work) -> BrandingSet:
        """Raises Refused: NOT_ALLOWED, INVALID_ARGUMENT, INVALID_ADDRESS, TOO_LARGE, OUT_OF_BOUNDS, UNKNOWN_PICTURE."""
        scope = await scope_of(work, self.scope)
        known = await work.unit.branding(scope) or Branding(scope=scope)
        changed = self.checked(known)
        if scope and (changed.domain or changed.off):
            raise Refused(
                Code.NOT_ALLOWED, "Domain and switches are set for the whole installation.", "Leave them out."
            )
        if self.vendors_off and not scope:
            raise _refused(
                "Which services everybody is offered is set on each service.", "Hide the service itself."
            )
        if self.logo is not None:
            whose = scope or work.settings.local_organizer
            changed = changed.model_copy(update={"logo": await named(work, whose, self.logo)})
        said = _words(changed)
        refuse_links(work, work.bounds, said)
        refuse_links_that_wait(work, [words for words in said if words not in _words(known)])
        await work.unit.save_branding(changed)
        return BrandingSet(branding=changed)

    def checked(self, known: Branding) -> Branding:
        """What it comes to. Raises Refused: INVALID_ARGUMENT, TOO_LARGE."""
        given: dict[str, object] = {
            "title": None if self.title is None else _line(self.title, "title", TITLE_MAX),
            "colour": None if self.colour is None else self.colour and texts.colour(self.colour),
            "domain": None if self.domain is None else _host(self.domain),
            "footer": None
            if self.footer is None
            else text.bounded(self.footer.strip(), "footer", FOOTER_MAX),
            "layout": self.layout,
            "consent": None if self.consent is None else _line(self.consent, "consent", texts.CONSENT_MAX),
            "off": self.off,
            "vendors_off": None if self.vendors_off is None else _vendors(self.vendors_off),
            **self._said(known),
        }
        return known.model_copy(update={name: value for name, value in given.items() if value is not None})

    def _said(self, known: Branding) -> dict[str, object]:
        """The texts of the language that is meant, in their place."""
        if self.texts is None:
            return {}
        if not self.language:
            return {"texts": {**known.texts, **self._texts()}}
        tag = choosing.require(self.language)
        return {"translated": {**known.translated, tag: {**known.said(tag), **self._texts()}}}

    def _texts(self) -> dict[MailText, str]:
        return {name: _line(words, name.value, TEXT_MAX) for name, words in (self.texts or {}).items()}

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "branding"


class ResetBranding(Command[BrandingSet]):
    """Reset everything that is set for a scope, or one text of it in one language."""

    scope: str = INSTALLATION
    only: MailText | None = None
    language: str = ""

    async def carry_out(self, work: Work) -> BrandingSet:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS."""
        scope = await scope_of(work, self.scope)
        known = await work.unit.branding(scope) or Branding(scope=scope)
        if self.only is None:
            await work.unit.drop_branding(scope)
            return BrandingSet(branding=Branding(scope=scope))
        kept = {name: words for name, words in known.said(self.language).items() if name is not self.only}
        others = {tag: texts for tag, texts in known.translated.items() if tag != self.language}
        changed = known.model_copy(
            update={"translated": {**others, self.language: kept}} if self.language else {"texts": kept}
        )
        await work.unit.save_branding(changed)
        return BrandingSet(branding=changed)

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "branding"


async def scope_of(work: Work, scope: str) -> str:
    """The scope in order, if the actor may set it. Raises Refused: NOT_ALLOWED, INVALID_ADDRESS."""
    if scope == INSTALLATION:
        may_administer(work.actor)
        return scope
    address = text.address(scope)
    work.require("publish")
    if not work.actor.owns(address) or work.actor.domain:
        raise Refused(Code.NOT_ALLOWED, "That is another organizer's.", "Set your own.")
    return address


class MailBrandingCopies(Command[Done]):
    """Owe an address one mail of each kind as it looks now, about an event that is none.

    An organizer has their own address alone; the operator any. A standing copy of all mail there is none: notices
    hold links that sign in, and invites the address at which one person answers.
    """

    scope: str = INSTALLATION
    to: str
    mails: tuple[Notice, ...] = Field(max_length=len(MailText), description="as `engine.outbox` makes them")

    async def carry_out(self, work: Work) -> Done:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, TOO_SOON."""
        scope = await scope_of(work, self.scope)
        to = text.address(self.to)
        if not work.actor.everywhere and to != work.actor.address:
            raise Refused(Code.NOT_ALLOWED, "Copies go only to your own address.", "Leave out any other.")
        if not await work.unit.may_notify(f"branding {to}", work.now, COPIES_PAUSE):
            raise Refused(Code.TOO_SOON, "Copies were asked for a moment ago.", "They are being sent.")
        whose = scope or work.settings.local_organizer
        owed = [notices.message(work, to, whose, mail, None) for mail in self.mails]
        await work.unit.add_messages(owed, priority=0)
        return Done()

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "branding"


def _words(branding: Branding) -> list[str]:
    """All that people read of it."""
    translated = (words for texts in branding.translated.values() for words in texts.values())
    return [branding.title, branding.footer, branding.consent, *branding.texts.values(), *translated]


def _refused(why: str, hint: str) -> Refused:
    return Refused(Code.INVALID_ARGUMENT, why, hint)


def _vendors(ids: frozenset[str]) -> frozenset[str]:
    if len(ids) > VENDORS_MAX or not all(re.fullmatch(r"[a-z0-9][a-z0-9_-]{1,39}", one) for one in ids):
        raise _refused("Those are not ids of mail services.", "Choose them from the list.")
    return ids


def _line(value: str, what: str, most: int) -> str:
    return " ".join(text.bounded(value, what, most).split())


def _host(value: str) -> str:
    host = value.strip().lower()
    if host and not (len(host) <= _HOST_MAX and _HOST.fullmatch(host)):
        raise Refused(Code.INVALID_ARGUMENT, "That is no host name.", "Such as invites.example.com.")
    return host
