"""Set how an installation, or an organizer, looks and speaks; in force with the next page and the next mail."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import Field

from engine.commands import text
from engine.commands.agents.bounds import refuse_links
from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer
from engine.commands.pages import texts
from engine.commands.pages.pictures import named
from engine.model.branding import INSTALLATION, Branding, Hub, MailText, merged
from engine.model.pages import Layout
from engine.refusals import Code, Refused
from engine.store.protocol.branding import BrandingQuestions

TITLE_MAX, TEXT_MAX, FOOTER_MAX = 80, 300, 1_000
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

    async def carry_out(self, work: Work) -> BrandingSet:
        """Raises Refused: NOT_ALLOWED, INVALID_ARGUMENT, INVALID_ADDRESS, TOO_LARGE, OUT_OF_BOUNDS, UNKNOWN_PICTURE."""
        scope = await scope_of(work, self.scope)
        known = await work.unit.branding(scope) or Branding(scope=scope)
        changed = self.checked(known)
        if scope and (changed.domain or changed.off):
            raise Refused(Code.NOT_ALLOWED, "Domain and switches are the installation's.", "Leave them out.")
        if self.logo is not None:
            whose = scope or work.settings.local_organizer
            changed = changed.model_copy(update={"logo": await named(work, whose, self.logo)})
        said = [changed.title, changed.footer, changed.consent, *changed.texts.values()]
        refuse_links(work, work.bounds, said)
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
            "texts": None if self.texts is None else {**known.texts, **self._texts()},
        }
        return known.model_copy(update={name: value for name, value in given.items() if value is not None})

    def _texts(self) -> dict[MailText, str]:
        return {name: _line(words, name.value, TEXT_MAX) for name, words in (self.texts or {}).items()}

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "branding"


class ResetBranding(Command[BrandingSet]):
    """Take back everything that is set for a scope, or one text of it."""

    scope: str = INSTALLATION
    only: MailText | None = None

    async def carry_out(self, work: Work) -> BrandingSet:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS."""
        scope = await scope_of(work, self.scope)
        known = await work.unit.branding(scope) or Branding(scope=scope)
        if self.only is None:
            await work.unit.drop_branding(scope)
            return BrandingSet(branding=Branding(scope=scope))
        kept = {name: words for name, words in known.texts.items() if name is not self.only}
        changed = known.model_copy(update={"texts": kept})
        await work.unit.save_branding(changed)
        return BrandingSet(branding=changed)

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "branding"


async def in_force(asked: BrandingQuestions, organizer: str) -> Branding:
    """What is set for an organizer over what is set for the installation; of nobody: the installation's."""
    scopes = dict.fromkeys((INSTALLATION, organizer))
    return merged([one for scope in scopes if (one := await asked.branding(scope))])


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


def _line(value: str, what: str, most: int) -> str:
    return " ".join(text.bounded(value, what, most).split())


def _host(value: str) -> str:
    host = value.strip().lower()
    if host and not (len(host) <= _HOST_MAX and _HOST.fullmatch(host)):
        raise Refused(Code.INVALID_ARGUMENT, "That is no host name.", "Such as invites.example.com.")
    return host
