"""The texts of our script, which a page brings along in its own language."""

from __future__ import annotations

import json
from functools import lru_cache

from engine.mail.locale.language import Language

_SAMPLES = {"zero": 0, "one": 1, "two": 2, "few": 3, "many": 11, "other": 100}
"""A number of each plural category (CLDR), by which the browser asks."""


@lru_cache(maxsize=64)
def script_texts(language: Language) -> str:
    """All that the script says, as JSON; `{n}` and the like are filled in there."""
    say, term = language.say, language.term
    found = {
        "none": say("Send me the invites"),
        "send": _forms(language, "Send me this invite", "Send me these {n} invites"),
        "chosen": _forms(language, "{n} chosen.", "{n} chosen."),
        "unseen": _forms(
            language, "{n} chosen ({unseen} not shown just now).", "{n} chosen ({unseen} not shown just now)."
        ),
        "choose": say("Choose above what you want in your calendar."),
        "nothing": say("Nothing is chosen yet: tick what you want in your calendar."),
        "shown": _forms(language, "{n} shown", "{n} shown"),
        "events": _forms(language, "{n} event", "{n} events"),
        "own": say("{time} your time"),
        "ownDay": say("{time} your time, {day}"),
        "am": term("time of day", "{clock} am"),
        "pm": term("time of day", "{clock} pm"),
    }
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def _forms(language: Language, one: str, many: str) -> dict[str, str]:
    """The plural forms of a message, those alone that differ from the usual one."""
    found = {category: language.form(one, many, n) for category, n in _SAMPLES.items()}
    return {k: v for k, v in found.items() if k == "other" or v != found["other"]}
