"""Bounds and cleaning of words that people give: one place, so that every face refuses the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from engine.itip import zones
from engine.refusals import Code, Refused

SUMMARY_MAX = 500
LOCATION_MAX = 1_000
DESCRIPTION_MAX = 20_000
NAME_MAX = 200
ADDRESS_MAX = 320
"""Characters of an address (RFC 3696, errata 1690: 254), with room for what surrounds it."""
SPECIAL = frozenset({"arpa", "invalid", "local", "localhost", "onion"})
"""Top-level domains that are nobody's (RFC 6761, 6762, 7686), but for `test`."""
_ORDINARY = re.compile(
    # No more than 200 characters, of which a label of the domain has at most 63.
    r"(?!.{201})[A-Za-z0-9_+-]{1,30}(?:\.[A-Za-z0-9_+-]{1,16}){0,2}@"
    r"(?:(?![A-Za-z0-9-]{64})[A-Za-z0-9]++(?>-[A-Za-z0-9]+)*+\.){1,4}"
    rf"(?!(?i:{'|'.join(sorted(SPECIAL))})(?![A-Za-z]))[A-Za-z]{{2,24}}"
)
"""An address of letters, digits and few signs at a domain of letters and digits that may be public."""
_HOPELESS = re.compile(r"\A[.@]|[.@][.@]|[.@]\Z")
URL_MAX = 2_000
NOTE_MAX = 500
ALARMS_MAX = 5
ALARM_MINUTES_MAX = 40_320
"""Four weeks."""
PLACES_MAX = 1_000_000
FIELD_MAX = 2_000
TIMEZONE = "timezone"
"""The personal field that holds a person's time zone."""
LANGUAGE = "lang"
"""The personal field that holds the tag of a person's language."""
_TIMEZONE_NAME = re.compile(
    r"(?:(?:iana|user|contact|hs|customer|subscriber|local)[ _-]?)?(?:time[ _-]?zone|tz)(?:[ _-]?(?:id|name))?"
    r"|zeitzone|fuseau(?:[ _-]horaire)?|zona[ _-]horaria|huso[ _-]horario|fuso[ _-]or[aá]rio|tijdzone"
)
"""What such a field is called by other programs, and in German, French, Spanish, Portuguese and Dutch."""
_LANGUAGE_NAME = re.compile(
    r"(?:(?:user|contact|hs|customer|subscriber|preferred)[ _-]?)?(?:language|locale)(?:[ _-]?code)?"
    r"|sprache|langue|idioma|lingua|taal"
)
"""What that field is called by other programs, and in German, French, Spanish, Portuguese, Italian and Dutch."""
FIELDS_MAX = 50
FIELD_NAME_MAX = 100


def address(text: str) -> str:
    """The address in lower case, its domain as ASCII; Refused(INVALID_ADDRESS) if it is none.

    Domains with digits, hyphens and `xn--` labels are fine, and so are non-ASCII ones.
    """
    if len(text) > ADDRESS_MAX:
        raise Refused(
            Code.INVALID_ADDRESS,
            "An address is longer than any that can be mailed.",
            "Give one address such as ann@example.com.",
        )
    plain = text.strip()
    # All rules cost some 60 µs an address, and a list may have a million: most can be told at a glance.
    if _ORDINARY.fullmatch(plain):
        return plain.lower()
    plain = cleaned(plain)
    if _ORDINARY.fullmatch(plain):
        return plain.lower()
    if not plain:
        raise Refused(Code.INVALID_ADDRESS, "No address is given.", "Give one such as ann@example.com.")
    if why := _flaw(plain):
        raise _no_address(text, why)
    return by_all_rules(plain)


def known_address(text: str) -> str:
    """An address as `address` keeps it, to look for one that is known; what is no address stays, in lower case."""
    try:
        return address(text)
    except Refused:
        return text.strip().lower()


def _flaw(plain: str) -> str:
    """What is wrong with an address, where one look tells; empty if nothing is."""
    local, at, domain = plain.partition("@")
    if not at:
        return "there is no @ in it."
    if not local or not domain:
        return f"nothing stands {'after' if local else 'before'} the @."
    if "@" in domain:
        several = any(mark in plain for mark in ",; \n")
        return "it holds more than one address." if several else "it has more than one @."
    if "." not in domain:
        return _NO_DOT
    return "a period is first or last in a part, or beside another." if _HOPELESS.search(plain) else ""


def address_or_domain(text: str) -> str:
    """An address, or the bare name of a domain (`example.com`, `@example.com`, `*.example.com`), in lower case.

    Raises Refused: INVALID_ADDRESS.
    """
    plain = text.strip()[: ADDRESS_MAX + 1]
    if "@" in plain[1:]:
        return address(text)
    try:
        return address(f"any@{plain.removeprefix('@').removeprefix('*.')}").partition("@")[2]
    except Refused:
        raise Refused(
            Code.INVALID_ADDRESS,
            f"“{text[:80]}” is neither an address nor a domain.",
            "Give an address such as ann@example.com, or a domain such as example.com.",
        ) from None


def with_domains(target: str) -> list[str]:
    """`target`, an address or a domain, then its domain and those above it."""
    labels = target.rpartition("@")[2].split(".")
    return list(dict.fromkeys([target, *(".".join(labels[n:]) for n in range(len(labels)))]))


_INVISIBLE = dict.fromkeys(
    [
        0xAD,
        0x34F,
        0x61C,
        0x180E,
        0xFEFF,
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
    ]
)
"""What web pages and office programs leave in a copied address: no width, or a direction of writing alone."""
_WRAPPED = re.compile(r"[^<>@]*<([^<>]+)>")
_PAIRS = ("''", '""', "‘’", "“”", "()", "[]")


def cleaned(text: str) -> str:
    """An address without what stands around it where it was copied from: invisible characters, `mailto:`, quotes, …"""
    text = text.translate(_INVISIBLE).strip()
    for _ in range(2):
        if match := _WRAPPED.fullmatch(text.rstrip(".,; ")):
            text = match[1].strip()
        text = re.sub(r"\Amailto:\s*", "", text, flags=re.IGNORECASE).rstrip(".,;: ")
        if text[:1] + text[-1:] in _PAIRS:
            text = text[1:-1].strip()
    return text


_NO_DOT = "there is no dot in the domain."


def by_all_rules(text: str) -> str:
    """As `address`, whatever the address looks like."""
    # Its tables take long to load, and most servers start without an address to judge.
    from email_validator import EmailNotValidError, validate_email

    try:
        valid = validate_email(
            text, check_deliverability=False, allow_smtputf8=False, strict=True, test_environment=True
        )
    except EmailNotValidError as error:
        raise _no_address(text, str(error)) from None
    if "." not in valid.domain:
        # The library takes the bare top-level domain `test` for one that can be mailed.
        raise _no_address(text, _NO_DOT)
    return (valid.ascii_email or valid.normalized).lower()


def _no_address(text: str, why: str) -> Refused:
    return Refused(
        Code.INVALID_ADDRESS,
        f"“{' '.join(text.split())[:80]}” is not an email address that can be mailed: {why}",
        "Give one address such as ann@example.com.",
    )


_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])
"""Characters that iCalendar text must not hold (RFC 5545, 3.3.11); tab, LF and CR stay."""


def bounded(value: str, what: str, limit: int) -> str:
    """`value` stripped and without control characters; Refused(TOO_LARGE) over `limit` characters."""
    if len(value) <= limit and value.isprintable():
        return value.strip()
    if len(value) <= 2 * limit:
        value = value.translate(_CONTROLS).strip()
    if len(value) > limit:
        raise Refused(
            Code.TOO_LARGE, f"{what} has {len(value)} characters; {limit} are allowed.", "Shorten it."
        )
    return value


def cut(value: str, limit: int) -> str:
    """`value` stripped and without control characters; what is over `limit` characters is cut with an ellipsis."""
    value = value[: 2 * limit].translate(_CONTROLS).strip()
    return value if len(value) <= limit else f"{value[: limit - 1].rstrip()}…"


def summary(value: str) -> str:
    """The title of an event: one line, not empty."""
    value = " ".join(bounded(value, "summary", SUMMARY_MAX).split())
    if not value:
        raise Refused(Code.INVALID_ARGUMENT, "summary is empty.", "Say briefly what the event is.")
    return value


def url(value: str) -> str:
    """A web address with its scheme, or nothing."""
    value = bounded(value, "url", URL_MAX)
    if value and (not value.lower().startswith(("http://", "https://")) or any(c.isspace() for c in value)):
        raise Refused(
            Code.INVALID_ARGUMENT, "url is not a web address.", "Give it with its scheme: https://…"
        )
    return value


def name(value: str) -> str:
    """A person's name: one line."""
    value = bounded(value, "name", NAME_MAX)
    # What is printable holds no blank but the plain one.
    return value if value.isprintable() and "  " not in value else " ".join(value.split())


def note(value: str) -> str:
    """A personal line above the text of a mail; it stands as it is, so it holds no placeholders."""
    value = " ".join(bounded(value, "note", NOTE_MAX).split())
    if "{{" in value:
        raise Refused(
            Code.INVALID_TEMPLATE,
            "note cannot contain placeholders.",
            "Put them into the description instead.",
        )
    return value


def alarms(minutes: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Minutes before the start at which calendars remind, the earliest reminder first."""
    if minutes is None:
        return None
    if len(minutes) > ALARMS_MAX or any(not 0 <= one <= ALARM_MINUTES_MAX for one in minutes):
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"alarm_minutes holds at most {ALARMS_MAX} numbers from 0 to {ALARM_MINUTES_MAX}.",
            "Give minutes before the start, such as [60, 10]; an empty list is no alarm.",
        )
    return tuple(sorted(set(minutes), reverse=True))


def places(number: int) -> int:
    """How many people can have an event; 0 is any number."""
    if not 0 <= number <= PLACES_MAX:
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"places is {number}.",
            f"Give a number up to {PLACES_MAX:,}; 0 means no limit.",
        )
    return number


def fields(values: dict[str, str]) -> dict[str, str]:
    """Personal fields, bounded in number and size; `timezone` and `lang` hold the person's.

    A language that is none of ours stays a field like others: the person is mailed in the organizer's.
    Raises Refused: UNKNOWN_TIMEZONE.
    """
    if len(values) > FIELDS_MAX:
        raise Refused(Code.TOO_LARGE, f"{len(values)} fields; {FIELDS_MAX} are allowed.", "Send fewer.")
    if max(map(len, values), default=0) > FIELD_NAME_MAX:
        raise Refused(
            Code.TOO_LARGE,
            f"The name of a field is too long; {FIELD_NAME_MAX} characters are allowed.",
            "Shorten it.",
        )
    found = {k.strip().lower(): _field(k, v) for k, v in values.items()}
    if zone := _zone(found):
        found[TIMEZONE] = zones.require(zone)
    if LANGUAGE not in found and (tag := next((v for k, v in found.items() if _names_language(k)), "")):
        found[LANGUAGE] = tag
    return found


def _field(name: str, value: str) -> str:
    # Names of fields are put into words for refusals alone: a list has as many fields as cells.
    short = len(value) <= FIELD_MAX and value.isprintable()
    return value.strip() if short else bounded(value, f"field “{name[:40]}”", FIELD_MAX)


@lru_cache(maxsize=256)
def _names_language(name: str) -> bool:
    return _LANGUAGE_NAME.fullmatch(name) is not None


@lru_cache(maxsize=256)
def _names_zone(name: str) -> bool:
    return _TIMEZONE_NAME.fullmatch(name) is not None


def _zone(values: Mapping[str, str]) -> str:
    """The person's zone, by the first of the names for it that has a value; empty if none has."""
    named = next((v for k, v in values.items() if v and _names_zone(k)), "")
    zone = values.get(TIMEZONE) or named
    return zone.replace("_slash_", "/")  # as HubSpot exports it
