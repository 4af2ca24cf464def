"""A page of the console as somebody sees it whose browser speaks German, and the English that is left in it."""

from __future__ import annotations

import re

from engine.model.bounds import Approval, Mode
from engine.model.verbs import Verb
from tests.console.person import Person
from tests.locale.words import english_words

DATA = {"api", "list", "own", "to", *Verb, *Mode, *Approval}
"""By what somebody was invited, as the record has it; how a list on AWS is named; a mail service; a key's bounds."""


async def seen_in(person: Person, path: str, language: str) -> str:
    """The page in that language of a browser."""
    answer = await person.web.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return answer.text


def english_in(page: str) -> set[str]:
    """The English words of a page, read out or not; without what is typed, or says that its language is another."""
    page = re.sub(r"<(pre|code)\b.*?</\1>|\w+\.md", " ", page, flags=re.DOTALL)
    page = re.sub(r"(<textarea[^>]*>).*?</textarea>", r"\1", page, flags=re.DOTALL)
    page = re.sub(r"<(?!html)(\w+)[^>]* lang=\"[^>]*>.*?</\1>", " ", page, flags=re.DOTALL)
    words = re.sub(r"<[^>]*(?:aria-label|placeholder)=\"([^\"]*)\"[^>]*>", r" \1 ", page)
    text = re.sub(r"<[^>]+>", " ", words)
    return english_words(re.sub(r"\S+@\S+|Calendar Invite Server|CSV|AWS|[A-Z]\w+/\w+|\bid\b", " ", text))
