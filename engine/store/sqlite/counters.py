"""Reading counters: they change when a message settles; until then, leases show what is being sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from engine.model.messages import Kind

_CALENDAR = ",".join(f"'{kind.value}'" for kind in Kind if kind.calendar)
_OF = {
    "event": f"event_uid = {{0}} AND kind IN ({_CALENDAR})",
    "organizer": f"organizer = {{0}} AND kind IN ({_CALENDAR})",
    "system": f"kind IN ({_CALENDAR})",
    "campaign": "campaign_id = {0}",
}
_HELD = (
    "SELECT 'delivery.' || state AS name, -json_array_length(run) AS n FROM lease WHERE {0} "
    "UNION ALL SELECT 'delivery.sending', json_array_length(run) FROM lease WHERE {0}"
)


def counted(scope: str, key: str) -> str:
    """The statement that reads the counters of a scope in one query; a name may occur several times.

    `key`: its key in SQL, such as `?1`.
    """
    if scope == "domain":
        return _of_domain(key)
    kept = f"SELECT name, n FROM tally WHERE scope = '{scope}' AND key = {key}"
    return f"{kept} UNION ALL {_HELD.format(_OF[scope].format(key))}" if scope in _OF else kept


def _of_domain(key: str) -> str:
    """The counters of every organizer at a domain."""
    held = _HELD.format(f"{at_domain('organizer')} = {key} AND kind IN ({_CALENDAR})")
    return (
        f"SELECT name, n FROM tally WHERE scope = 'organizer' AND {at_domain('key')} = {key} UNION ALL {held}"
    )


def at_domain(address: str) -> str:
    """The SQL expression for the domain of an address, which is also an expression."""
    return f"substr({address}, instr({address}, '@') + 1)"


def summed(counters: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The sums of counters by name, from pairs of name and number."""
    found: Counter[str] = Counter()
    for name, n in counters:
        found[name] += n
    return dict(found)
