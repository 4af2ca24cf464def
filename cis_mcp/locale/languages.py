"""Languages as pages and console speak them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from engine.mail.locale.language import SOURCE, Language, messages, read

_HERE = Path(__file__).parent


@cache
def language(tag: str) -> Language:
    """The language with this tag, with our messages and those of mails; read when it is first asked for."""
    return Language(tag, read(tag, _HERE, messages(tag)))


ENGLISH = language(SOURCE)
