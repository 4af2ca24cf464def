"""Time zones of states, provinces and countries that people write after a city: the zone of most of each."""

from __future__ import annotations

from functools import cache

_CITIES_OF_WINDOWS = (
    "bern osaka sapporo islamabad astana quito chongqing edinburgh guadalajara monterrey chihuahua mumbai new_delhi "
    "chennai canberra muscat abu_dhabi hanoi wellington pretoria st._petersburg mexico_city city_of_buenos_aires "
    "solomon_is. krasnoyarsk"
)
"""Cities in the names of Windows zones that are not a zone's name themselves."""
_REGIONS = {
    "America/New_York": (
        "connecticut ct delaware de florida fl georgia ga indiana in kentucky ky maine me maryland md massachusetts ma "
        "michigan mi new_hampshire nh new_jersey nj new_york ny north_carolina nc ohio oh pennsylvania pa "
        "rhode_island ri south_carolina sc vermont vt virginia va west_virginia wv"
    ),
    "America/Chicago": (
        "alabama al arkansas ar illinois il iowa ia kansas ks louisiana la minnesota mn mississippi ms missouri mo "
        "nebraska ne north_dakota nd oklahoma ok south_dakota sd tennessee tn texas tx wisconsin wi"
    ),
    "America/Denver": "colorado co montana mt new_mexico nm utah ut wyoming wy",
    "America/Boise": "idaho id",
    "America/Phoenix": "arizona az",
    "America/Los_Angeles": "california ca nevada nv oregon or washington wa",
    "America/Anchorage": "alaska ak",
    "Pacific/Honolulu": "hawaii hi",
    "America/Toronto": "ontario on quebec qc",
    "America/Winnipeg": "manitoba mb",
    "America/Regina": "saskatchewan sk",
    "America/Edmonton": "alberta ab",
    "America/Vancouver": "british_columbia bc",
    "America/Halifax": "nova_scotia ns new_brunswick nb prince_edward_island pe",
    "America/St_Johns": "newfoundland nl newfoundland_and_labrador",
    "Australia/Sydney": "new_south_wales nsw",
    "Australia/Melbourne": "victoria vic",
    "Australia/Brisbane": "queensland qld",
    "Australia/Perth": "western_australia",
    "Australia/Hobart": "tasmania tas",
    "Europe/London": "england scotland wales uk united_kingdom great_britain",
    "Europe/Dublin": "ireland",
    "Europe/Paris": "france",
    "Europe/Berlin": "germany deutschland",
    "Europe/Vienna": "austria",
    "Europe/Zurich": "switzerland",
    "Europe/Rome": "italy",
    "Europe/Madrid": "spain",
}


@cache
def _cities() -> frozenset[str]:
    return frozenset(_CITIES_OF_WINDOWS.split())


@cache
def _zones() -> dict[str, str]:
    return {name.replace("_", " "): zone for zone, names in _REGIONS.items() for name in names.split()}


def zone_of(region: str) -> str | None:
    """The zone of most of a state, province or country, by its lower-case name or abbreviation; None if unknown."""
    return _zones().get(region.rstrip("."))


def is_city(name: str) -> bool:
    """True for a city, in lower case, in the name of a Windows zone that is not a zone's name itself."""
    return name.replace(" ", "_") in _cities()
