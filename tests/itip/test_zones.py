"""Zone names: what is certain is resolved, what is not is refused with a hint."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.itip import zones
from engine.refusals import Code, Refused


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Europe/Paris", "Europe/Paris"),
        ("europe/paris", "Europe/Paris"),
        ("America/New York", "America/New_York"),
        ("/mozilla.org/20050126_1/Europe/Paris", "Europe/Paris"),
        ("/softwarestudio.org/Olson_20011030_5/America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("pacific standard time", "America/Los_Angeles"),
        ("India Standard Time", "Asia/Kolkata"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("UTC", "UTC"),
        ("Z", "UTC"),
        ("GMT", "UTC"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Berlin"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("(GMT) Greenwich Mean Time : Dublin, Edinburgh, Lisbon, London", "Europe/London"),
        ("Sarajevo, Skopje, Warsaw, Zagreb", "Europe/Warsaw"),
        ('"Europe/Berlin"', "Europe/Berlin"),
        ("+05:00", "Etc/GMT-5"),
        ("UTC-03:00", "Etc/GMT+3"),
        ("Tokyo", "Asia/Tokyo"),
    ],
)
def test_a_known_name_becomes_its_iana_zone(name: str, zone: str) -> None:
    assert zones.resolve(name) == zone


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Customized Time Zone",
        "tzone://Microsoft/Custom",
        "GMT -0500 (Standard) / GMT -0400 (Daylight)",
        "PST",
        "IST",
        "Eastern",
        "Almaty, Novosibirsk, Paris",
        "(UTC+01:00) Brisbane",
        "+05:17",
        "../../etc/passwd",
        "x" * 5_000,
    ],
)
def test_an_uncertain_name_is_not_guessed(name: str) -> None:
    assert zones.resolve(name) is None


def test_canberra_melbourne_sydney_has_summer_time() -> None:
    for name in ("Canberra, Melbourne, Sydney", "(UTC+10:00) Canberra, Melbourne, Sydney"):
        assert zones.resolve(name) == "Australia/Sydney"
    summer = datetime(2026, 1, 15, tzinfo=ZoneInfo("Australia/Sydney"))
    assert summer.utcoffset() == timedelta(hours=11)


def test_central_america_is_not_chicago() -> None:
    assert zones.resolve("Central America") == "America/Guatemala"
    assert zones.resolve("Central America Standard Time") == "America/Guatemala"


def test_an_unknown_zone_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(Refused) as refusal:
        zones.require("Europe/Pariss")
    assert refusal.value.code is Code.UNKNOWN_TIMEZONE
    assert "Europe/Paris" in refusal.value.hint


def test_a_misspelt_city_names_its_zone() -> None:
    assert "America/Los_Angeles" in zones.nearest("Los Angelos")


def test_every_windows_name_leads_to_a_zone_that_exists() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for name in ("Turkey Standard Time", "Fiji Standard Time", *zones._windows()):
        zone = zones.resolve(name)
        assert zone is not None
        assert moment.astimezone(ZoneInfo(zone)).utcoffset() is not None


@given(st.text())
def test_any_text_is_a_zone_or_none(name: str) -> None:
    zone = zones.resolve(name)
    assert zone is None or ZoneInfo(zone)
