"""Branding of an installation or an organizer: set at run time, in force with the next page and mail."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import Field

from engine.model.base import Value
from engine.model.messages import Kind
from engine.model.pages import Layout
from engine.model.pictures import PagePicture

INSTALLATION = ""
"""What stands for the whole installation where an organizer's address could stand."""
ORGANIZER = "{organizer}"
"""Stands in a text for the organizer's name."""


class MailText(StrEnum):
    """Mails whose first line can be replaced."""

    INVITE = "invite"
    UPDATE = "update"
    CANCEL = "cancel"
    REPORT = "report"
    NOTICE = "notice"


_OF_KIND = {
    Kind.INVITE: MailText.INVITE,
    Kind.UPDATE: MailText.UPDATE,
    Kind.CANCELLATION: MailText.CANCEL,
    Kind.REPORT: MailText.REPORT,
    Kind.NOTICE: MailText.NOTICE,
}


class Hub(StrEnum):
    """Parts of the console that can be hidden from organizers."""

    LISTS = "lists"
    LINKS = "links"
    PAGES = "pages"
    REPORTS = "reports"
    EXPORTS = "exports"
    AGENTS = "agents"
    MESSAGES = "messages"
    RECORD = "record"
    WEBHOOKS = "webhooks"
    TRIGGERS = "triggers"
    DEVELOPER = "developer"
    VERIFY = "verify"
    BRANDING = "branding"


class Branding(Value):
    """What is set for one scope; an empty field falls back to the installation's, and there to the product's own."""

    scope: str = Field(INSTALLATION, description="an organizer's address; empty: the installation")
    title: str = Field("", description="in whose name pages, notices and the console speak")
    colour: str = Field("", description="of buttons and links, as #rrggbb; dark enough for white letters")
    logo: PagePicture | None = Field(None, description="above mails, pages and the console; none needs it")
    domain: str = Field("", description="host to which mails link; of an installation alone")
    footer: str = Field("", description="last lines of mails and pages, such as an imprint")
    layout: Layout | None = Field(None, description="of new pages")
    consent: str = Field("", description="what visitors of new pages agree to")
    off: frozenset[Hub] = Field(
        frozenset(), description="what organizers do not have; of an installation alone"
    )
    texts: Mapping[MailText, str] = Field(
        default_factory=dict, description="in place of the first line of mails"
    )
    translated: Mapping[str, Mapping[MailText, str]] = Field(
        default_factory=dict, description="by language: the same for its readers; others read `texts`"
    )
    vendors_off: frozenset[str] = Field(
        frozenset(), description="ids of mail services that an organizer's link builder does not offer"
    )

    def over(self, below: Branding) -> Branding:
        """This branding, with its empty fields taken from `below`."""
        own: dict[str, Any] = {name: value for name, value in self if value or name == "scope"}
        texts = {**below.texts, **{name: text for name, text in self.texts.items() if text}}
        tags = below.translated.keys() | self.translated.keys()
        # What an organizer says in all languages comes before what the installation says in one of them.
        unsaid = {name: "" for name, text in self.texts.items() if text}
        whose = {
            "domain": below.domain or self.domain,
            "off": below.off or self.off,
            "translated": {
                tag: {**below.translated.get(tag, {}), **unsaid, **self.translated.get(tag, {})}
                for tag in tags
            },
        }
        return below.model_copy(update={**own, **whose, "texts": texts})

    def said(self, language: str) -> Mapping[MailText, str]:
        """The texts for one language; without a language, those for all."""
        return self.translated.get(language, {}) if language else self.texts

    def opening(self, kind: Kind, organizer: str, language: str = "") -> str:
        """The first line of a mail of this kind for a reader of this language; empty: the product's own."""
        name = _OF_KIND.get(kind)
        if name is None:
            return ""
        words = self.translated.get(language, {}).get(name) or self.texts.get(name, "")
        return words.replace(ORGANIZER, organizer)

    @cached_property
    def mark(self) -> str:
        """A text that changes when any field changes."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


PLAIN = Branding()


def merged(brandings: Iterable[Branding]) -> Branding:
    """The branding in force, from the installation's and an organizer's, given in any order; each may be missing."""
    found = PLAIN
    for one in sorted(brandings, key=lambda branding: branding.scope):
        found = one.over(found) if one.scope else one
    return found
