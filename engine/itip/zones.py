"""Time zone names: the IANA name that a TZID stands for, if any."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from engine.itip import regions
from engine.refusals import Code, Refused

_UTC_NAMES = frozenset({"z", "utc", "gmt", "etc/utc", "etc/gmt", "zulu", "tzone://microsoft/utc"})
_NAME_MAX = 200
_ABBREVIATED = 4
_AREAS = frozenset(
    {"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)
_NOT_CITIES = frozenset({"north", "south", "west", "act", "nsw", "lhi", "yancowinna"})
_DISPLAY = re.compile(r"\((?:UTC|GMT)\s*(?:([+-])(\d{1,2}):?(\d\d))?\)\s*(.+)", re.IGNORECASE)
_OFFSET = re.compile(
    r"(?:(?:utc|gmt)\s*([+-])(\d{1,2}):?(\d\d)|(?:utc|gmt)\s*([+-])(\d{1,2})|([+-])(\d\d):(\d\d))"
)
# Zones without daylight saving time whose offset is not a whole number of hours.
_ODD_OFFSETS = {
    timedelta(hours=-9, minutes=-30): "Pacific/Marquesas",
    timedelta(hours=3, minutes=30): "Asia/Tehran",
    timedelta(hours=4, minutes=30): "Asia/Kabul",
    timedelta(hours=5, minutes=30): "Asia/Kolkata",
    timedelta(hours=5, minutes=45): "Asia/Kathmandu",
    timedelta(hours=6, minutes=30): "Asia/Yangon",
    timedelta(hours=8, minutes=45): "Australia/Eucla",
    timedelta(hours=9, minutes=30): "Australia/Darwin",
}
_EASTERN, _CENTRAL = ("America/New_York",), ("America/Chicago",)
_MOUNTAIN, _PACIFIC = ("America/Denver",), ("America/Los_Angeles",)
# What people call a place's time in both summer and winter; an IANA zone of that name may have only one of the two.
_WORDS = {
    **dict.fromkeys(("et", "est", "edt", "eastern", "eastern time"), _EASTERN),
    **dict.fromkeys(("ct", "cdt", "central time"), _CENTRAL),
    "cst": ("America/Chicago", "Asia/Shanghai"),
    **dict.fromkeys(("mt", "mst", "mdt", "mountain", "mountain time"), _MOUNTAIN),
    **dict.fromkeys(("pt", "pst", "pdt", "pacific", "pacific time"), _PACIFIC),
    **dict.fromkeys(("akst", "akdt"), ("America/Anchorage",)),
    **dict.fromkeys(("adt", "atlantic time"), ("America/Halifax",)),
    **dict.fromkeys(("nst", "ndt"), ("America/St_Johns",)),
    "ast": ("America/Halifax", "Asia/Riyadh"),
    "bst": ("Europe/London",),
    "ist": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "cest": ("Europe/Paris", "Europe/Berlin"),
    "eest": ("Europe/Athens", "Europe/Kyiv"),
    "west": ("Europe/Lisbon",),
    "mesz": ("Europe/Berlin",),
    "mez": ("Europe/Berlin",),
    "msk": ("Europe/Moscow",),
    "gst": ("Asia/Dubai",),
    "pkt": ("Asia/Karachi",),
    "sgt": ("Asia/Singapore",),
    "hkt": ("Asia/Hong_Kong",),
    "jst": ("Asia/Tokyo",),
    "kst": ("Asia/Seoul",),
    "awst": ("Australia/Perth",),
    "acst": ("Australia/Adelaide", "Australia/Darwin"),
    "acdt": ("Australia/Adelaide",),
    "aest": ("Australia/Sydney", "Australia/Brisbane"),
    "aedt": ("Australia/Sydney",),
    **dict.fromkeys(("nzst", "nzdt"), ("Pacific/Auckland",)),
    "brt": ("America/Sao_Paulo",),
    "sast": ("Africa/Johannesburg",),
}
_FIXED_WORDS = frozenset({"est", "mst"})
"""IANA names of zones without daylight saving time, which is hardly ever what people mean by them."""
_SAMPLES = tuple(datetime(2023, 1, 1, 12, tzinfo=UTC) + timedelta(days=5 * n) for n in range(220))

# Names that Windows shows for its zones if the cities in them do not identify one.
_PHRASES = {
    "coordinated universal time": "UTC",
    "dublin, edinburgh, lisbon, london": "Europe/London",
    "athens, bucharest, istanbul": "Europe/Bucharest",
    "eastern time (us & canada)": "America/New_York",
    "central time (us & canada)": "America/Chicago",
    "mountain time (us & canada)": "America/Denver",
    "pacific time (us & canada)": "America/Los_Angeles",
    "pacific time (us & canada); tijuana": "America/Los_Angeles",
    "atlantic time (canada)": "America/Halifax",
    "indiana (east)": "America/Indiana/Indianapolis",
    "central america": "America/Guatemala",
    "arizona": "America/Phoenix",
    "alaska": "America/Anchorage",
    "hawaii": "Pacific/Honolulu",
    "newfoundland": "America/St_Johns",
    "saskatchewan": "America/Regina",
    "brasilia": "America/Sao_Paulo",
    "greenland": "America/Nuuk",
    "west central africa": "Africa/Lagos",
    "harare, pretoria": "Africa/Johannesburg",
    "abu dhabi, muscat": "Asia/Dubai",
    "chennai, kolkata, mumbai, new delhi": "Asia/Kolkata",
    "beijing, chongqing, hong kong, urumqi": "Asia/Shanghai",
}


# CLDR keeps the original names of zones; these are the current ones.
_RENAMED = {
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Godthab": "America/Nuuk",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Europe/Kiev": "Europe/Kyiv",
    "Etc/UTC": "UTC",
}
# Of several zones with the same offsets, the one with the most people.
_PREFERRED = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Halifax",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Kyiv",
)


@cache
def _names() -> dict[str, str]:
    """All IANA names by lower-case name."""
    skip = {"localtime", "Factory", "posixrules"}
    return {name.lower(): name for name in available_timezones() if name not in skip}


@cache
def names() -> tuple[str, ...]:
    """All IANA names, in order."""
    return tuple(sorted(_names().values()))


@cache
def info(name: str) -> ZoneInfo:
    """The zone `name`, cached: ZoneInfo caches only a few and reads the others from disk again."""
    return ZoneInfo(name)


@cache
def _windows() -> dict[str, str]:
    # Only names that no calendar program should write come here.
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    return {name.lower(): _current(zone) for name, zone in WINDOWS_TO_OLSON.items()}


def _current(zone: str) -> str:
    renamed = _RENAMED.get(zone, zone)
    return renamed if renamed.lower() in _names() else zone


@cache
def _cities() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name in sorted(_names().values()):
        area, _, city = name.partition("/")
        key = city.lower().replace("_", " ")
        if area in _AREAS and key and "/" not in key and key not in _NOT_CITIES:
            found.setdefault(key, []).append(name)
    return {city: tuple(names) for city, names in found.items()}


@cache
def offsets(name: str) -> tuple[timedelta | None, ...]:
    """UTC offsets of the zone `name` at fixed samples over three years, to find zones that agree."""
    zone = ZoneInfo(name)
    return tuple(moment.astimezone(zone).utcoffset() for moment in _SAMPLES)


@cache
def representatives() -> tuple[str, ...]:
    """One well-known zone for each set of rules in use: the zones that Windows names map to."""
    names = {zone for zone in _windows().values() if "/" in zone and not zone.startswith("Etc/")}
    return (*_PREFERRED, *sorted(names - set(_PREFERRED)))


def fixed(offset: timedelta) -> str | None:
    """The zone that always has this UTC offset: for whole hours from -12 to +14 and a few others, else None."""
    hours, rest = divmod(int(offset.total_seconds()), 3600)
    if rest or not -12 <= hours <= 14:
        return _ODD_OFFSETS.get(offset)
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"


def _path(name: str) -> str | None:
    """The IANA name at the end of a vendor's path such as /example.org/20260101/Europe/Paris."""
    parts = [p for p in name.split("/") if p][-8:]
    tails = ("/".join(parts[index:]) for index in range(1 if name[0] != "/" else 0, len(parts)))
    return next((_names()[tail] for tail in tails if tail in _names()), None)


def _numeric(name: str) -> str | None:
    match = _OFFSET.fullmatch(name)
    if not match:
        return None
    sign, hours, minutes = ([g for g in match.groups() if g is not None] + ["0"])[:3]
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return fixed(-offset if sign == "-" else offset)


def _of_cities(phrase: str) -> str | None:
    """The zone that all known cities of a list such as "Canberra, Melbourne, Sydney" share."""
    words = [word.strip() for word in phrase.rpartition(" : ")[2].split(",")[:12]]
    zones = [zone for word in words for zone in _cities().get(word, ())]
    others = [word for word in words if word not in _cities() and not regions.is_city(word)]
    regional = [zone for word in others for zone in _region(word)]
    # “Paris, Texas” is not in Europe, and an unknown word may change the meaning of the others.
    if not zones or len(regional) < len(others) or len({offsets(zone) for zone in (*zones, *regional)}) != 1:
        return None
    return next((zone for zone in zones if zone in representatives()), zones[0])


def _region(word: str) -> tuple[str, ...]:
    zone = regions.zone_of(word)
    return (zone,) if zone else ()


def _display(name: str) -> str | None:
    """The zone of a name as Windows shows it, with or without its leading offset."""
    match = _DISPLAY.fullmatch(name)
    phrase = " ".join((match.group(4) if match else name).split())
    last = phrase.rpartition(" : ")[2]
    zone = _PHRASES.get(last) or _windows().get(phrase) or _of_cities(phrase)
    if zone and match and match.group(1):
        standard = timedelta(hours=int(match.group(2)), minutes=int(match.group(3)))
        standard = -standard if match.group(1) == "-" else standard
        return zone if standard in offsets(zone) else None
    return zone


def resolve(name: str) -> str | None:
    """The canonical IANA name for a TZID or for what a person calls a zone; None if it is not certain.

    Understands IANA names in any case, vendors' paths, Windows names and display strings, UTC and fixed offsets.
    """
    if len(name) > _NAME_MAX:
        return None
    plain = name.strip().strip("\"'").strip().lower()
    return _resolved(plain) if plain else None


@lru_cache(maxsize=1024)
def _resolved(plain: str) -> str | None:
    if plain in _UTC_NAMES:
        return "UTC"
    if plain in _FIXED_WORDS:
        return None
    exact = _names().get(plain) or _names().get(plain.replace(" ", "_"))
    if exact:
        return exact
    zone = _windows().get(plain) or _names().get(plain.replace("-", "/", 1))
    zone = (
        zone or ("/" in plain and "://" not in plain and _path(plain)) or _numeric(plain) or _display(plain)
    )
    return _current(zone) if zone else None


def nearest(name: str, n: int = 3) -> list[str]:
    """Up to `n` IANA names that `name` may stand for or resembles, best first; empty for abbreviations and offsets."""
    plain = name[:_NAME_MAX].strip().lower()[:60]
    if plain in _WORDS:
        return list(_WORDS[plain][:n])
    if "," in plain:
        return list(_region(plain.rpartition(",")[2].strip()))
    if len(plain) <= _ABBREVIATED or any(c.isdigit() for c in plain):
        # Zones whose names resemble an abbreviation or an offset have other times.
        return []
    return [zone for zone in _nearest(plain.replace(" ", "_"), n) if not zone.startswith("Etc/")]


@lru_cache(maxsize=256)
def _nearest(plain: str, n: int) -> tuple[str, ...]:
    by_city = {key.replace(" ", "_"): zones[0] for key, zones in _cities().items()}
    keys = [*difflib.get_close_matches(plain, _names(), n, 0.6)]
    cities = difflib.get_close_matches(plain.rpartition("/")[2], by_city, n, 0.6)
    found = [_names()[key] for key in keys] + [by_city[city] for city in cities]
    return tuple(dict.fromkeys(found))[:n]


def require(name: str) -> str:
    """The canonical IANA name for `name`.

    Raises Refused(UNKNOWN_TIMEZONE) naming the nearest zones.
    """
    zone = resolve(name)
    if zone:
        return zone
    raise unknown(name, nearest(name))


def unknown(name: str, close: Sequence[str] = ()) -> Refused:
    """The refusal of an unknown zone name; `close` are names that may be meant."""
    near = ", ".join(close)
    hint = f"Did you mean {near}?" if near else "Use an IANA name such as Europe/Paris or America/New_York."
    shown = " ".join(name.split())[:80]
    return Refused(Code.UNKNOWN_TIMEZONE, f"The time zone “{shown}” is not known.", hint)
