"""A language: its tag, its direction, and our messages in it."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path

from engine.mail.locale import catalog

TAGS = ("en", "es", "fr", "de", "pt-BR", "it", "nl", "ja", "ar")
"""The languages that there are, by their tags (RFC 5646); each but English has a catalog in each folder of them."""
SOURCE = "en"
_HERE = Path(__file__).parent


def noop(message: str) -> str:
    """`message` as it is: marks a constant as one to translate, where it is translated later."""
    return message


def noop_term(context: str, message: str) -> tuple[str, str]:
    """As noop, for a message whose meaning depends on where it stands."""
    return context, message


class Language:
    """One language and its catalog; the messages are sentences in English, their values named in braces."""

    def __init__(self, tag: str, messages: gettext.NullTranslations) -> None:
        self.tag = tag
        self._messages = messages
        self.direction = self.term("direction of writing", "ltr")

    @property
    def rtl(self) -> bool:
        return self.direction == "rtl"

    def say(self, message: str, /, **values: object) -> str:
        """A message with its values."""
        text = self._messages.gettext(message)
        return text.format(**values) if values else text

    def some(self, one: str, many: str, n: int, /, **values: object) -> str:
        """A message about `n` things; `{n}` in it is the number as it is written."""
        return self.form(one, many, n).format(n=self.number(n), **values)

    def form(self, one: str, many: str, n: int, /) -> str:
        """The plural form of a message for `n` things, its values not yet filled in."""
        return self._messages.ngettext(one, many, n)

    def term(self, context: str, message: str, /, **values: object) -> str:
        """A message whose meaning depends on where it stands, with its values."""
        text = self._messages.pgettext(context, message)
        return text.format(**values) if values else text

    def knows(self, message: str) -> bool:
        """True if a message is ours and translated."""
        return self.tag == SOURCE or self._messages.gettext(message) != message

    def number(self, n: int) -> str:
        """A whole number with separators between thousands."""
        written = f"{n:,}"
        return written.replace(",", self.term("between thousands", ",")) if "," in written else written

    @property
    def name(self) -> str:
        """The name of the language, in that language."""
        return self.term("name of this language", "English")


def read(tag: str, folder: Path, beyond: gettext.NullTranslations | None = None) -> gettext.NullTranslations:
    """The catalog of a language in a folder of them; `beyond` has what is not in it."""
    if tag == SOURCE:
        return gettext.NullTranslations()
    found = catalog.read(folder / f"{tag}.po")
    if beyond is not None:
        found.add_fallback(beyond)
    return found


@cache
def messages(tag: str) -> gettext.NullTranslations:
    """The messages of mails in a language, read when they are first asked for."""
    return read(tag, _HERE)


@cache
def language(tag: str) -> Language:
    """The language of mails with this tag of TAGS."""
    return Language(tag, messages(tag))


ENGLISH = language(SOURCE)
