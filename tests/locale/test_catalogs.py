"""No message is untranslated, in none of the languages."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import pytest

from engine.mail.locale import catalog
from engine.mail.locale.language import SOURCE, TAGS
from tests.locale.extraction import DOMAINS, Said, messages

LANGUAGES = [tag for tag in TAGS if tag != SOURCE]
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@cache
def known(package: str, tag: str) -> list[catalog.CatalogEntry]:
    text = (DOMAINS[package] / f"{tag}.po").read_text(encoding="utf-8")
    return [entry for entry in catalog.entries(text) if entry.message]


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("package", DOMAINS)
def test_every_message_is_translated_and_nothing_else(package: str, tag: str) -> None:
    found = known(package, tag)
    translated = [Said(e.message, e.context, e.plural) for e in found if e.translated]
    assert set(translated) == messages(package), "make messages, then translate what is empty"
    assert [key for key, times in Counter(e.key for e in found).items() if times > 1] == []


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("package", DOMAINS)
def test_every_translation_has_the_values_of_its_message(package: str, tag: str) -> None:
    for entry in known(package, tag):
        wanted = set(_PLACEHOLDER.findall(entry.plural or entry.message))
        for text in entry.texts:
            given = set(_PLACEHOLDER.findall(text))
            # One and two are often written as words; whatever else is counted has its number.
            assert given == wanted or (entry.plural and given < wanted), (tag, entry.message, text)
        assert not entry.plural or set(_PLACEHOLDER.findall(entry.texts[-1])) == wanted, (tag, entry.message)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_plural_has_each_form_that_its_language_has(tag: str) -> None:
    for package in DOMAINS:
        head = catalog.entries((DOMAINS[package] / f"{tag}.po").read_text(encoding="utf-8"))[0].texts[0]
        (count,) = re.findall(r"nplurals=(\d)", head)
        assert {len(e.texts) for e in known(package, tag) if e.plural} == {int(count)}


def test_a_catalog_that_lacks_a_message_or_has_doubts_about_it_is_seen() -> None:
    """The checks above see what they are for."""
    found = catalog.entries(
        'msgid ""\nmsgstr "Language: de\\n"\n\n#, fuzzy\nmsgid "Yes"\nmsgstr "Ja"\n\nmsgid "No"\nmsgstr ""\n\n'
        'msgctxt "list"\nmsgid "one"\nmsgid_plural "{n}"\nmsgstr[0] "eins"\nmsgstr[1] "{n}"\n'
    )
    assert [entry.translated for entry in found] == [True, False, False, True]
    assert found[3].key == "list\x04one"
    with pytest.raises(ValueError, match="No line of a PO file"):
        catalog.entries('msgid "a"\nmsgstr "b"\nanything "else"\n')
