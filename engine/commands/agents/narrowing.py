"""Whether the bounds of one key lie within those of another. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.bounds import SCALES, Bounds, Mode
from engine.model.keys import TIERS, Key, Standing
from engine.model.verbs import Verb, verbs_of
from engine.refusals import Code, Refused

OF_DOMAIN = frozenset({Verb.READ, Verb.REPORT})
"""What a key for all organizers of a domain may do."""
_STRICTNESS = (Mode.OBSERVE, Mode.ACT, Mode.HOLD)


def refuse_fixed(key: Key, bounds: Bounds) -> None:
    """Refuse with INVALID_ARGUMENT other verbs for a key of the reference API, and more for the owner of a domain."""
    if key.api and bounds.verbs != (key.bounds or Bounds()).verbs:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "What a key of the reference API may do is fixed.",
            "Leave out its verbs, or make another key.",
        )
    if key.address.startswith("@") and not bounds.verbs <= OF_DOMAIN:
        raise beyond_domain(key.address[1:])


def beyond_domain(domain: str) -> Refused:
    """The refusal of what the owner of a domain may not do (INVALID_ARGUMENT)."""
    return Refused(
        Code.INVALID_ARGUMENT,
        f"The owner of {domain} sees all organizers there and changes nothing.",
        "Give the key the verbs read and report, and nothing else.",
    )


def refuse_wider(key: Key, parent: Key) -> None:
    """Refuse with OUT_OF_BOUNDS and the bound's name if `key` could do more than `parent`."""
    if parent.bounds is None or key.bounds is None:
        return
    wider = _wider(key.bounds, parent.bounds)
    if parent.expires is not None and (key.expires is None or key.expires > parent.expires):
        wider = "expires_days"
    if wider:
        raise _too_wide(wider)


def refuse_other_tools(key: Key, parent: Key) -> None:
    """Refuse with OUT_OF_BOUNDS and the restriction's name if `key` may use tools that `parent` may not."""
    if parent.tools and not (key.tools and set(key.tools) <= set(parent.tools)):
        raise _too_wide("tools")
    if parent.tier and not (key.tier and TIERS.index(key.tier) <= TIERS.index(parent.tier)):
        raise _too_wide("tier")
    if parent.read_only and not key.read_only:
        raise _too_wide("read_only")


def refuse_beyond(key: Key, maker: Standing, verbs: frozenset[Verb]) -> None:
    """Refuse with OUT_OF_BOUNDS a key with more verbs than its maker has now, or with another owner.

    The owner approves what a key asks for: one that named its own would choose who approves.
    """
    if not verbs_of(key.scopes) <= verbs:
        raise _too_wide("verbs")
    if key.owner != maker.owner:
        raise _too_wide("owner")


def _too_wide(bound: str) -> Refused:
    return Refused(
        Code.OUT_OF_BOUNDS,
        f"A key must stay within the bounds of the key above; its {bound} is wider.",
        "Give it narrower bounds, or ask who may change the key above.",
        bound=bound,
    )


def _wider(own: Bounds, above: Bounds) -> str:
    """The first bound of `own` that is wider than that of `above`; empty if none is."""
    if not own.verbs <= above.verbs:
        return "verbs"
    if not _patterns_within(own.to, above.to):
        return "to"
    if not set(above.not_to) <= set(own.not_to):
        return "not_to"
    if above.links is not None and (own.links is None or not _all_covered(own.links, above.links)):
        return "links"
    for name in SCALES:
        if not _number_within(getattr(own, name), getattr(above, name)):
            return name
    return _wider_rest(own, above)


def _wider_rest(own: Bounds, above: Bounds) -> str:
    if above.hours and (own.hours, own.timezone) != (above.hours, above.timezone):
        return "hours"
    if not set(above.approval) <= set(own.approval):
        return "approval"
    if not _number_within(own.approval_bulk, above.approval_bulk):
        return "approval_bulk"
    if not set(own.decides_for) <= set(above.decides_for) and "*" not in above.decides_for:
        return "decides_for"
    if own.attended and not above.attended:
        return "attended"
    if _STRICTNESS.index(own.mode) < _STRICTNESS.index(above.mode):
        return "mode"
    return "owner" if above.owner and own.owner != above.owner else ""


def _number_within(own: int, above: int) -> bool:
    return not above or 0 < own <= above


def _patterns_within(own: Sequence[str] | None, above: Sequence[str] | None) -> bool:
    """True if each pattern names only addresses that the patterns above name as well."""
    if above is None or "*" in above:
        return True
    return own is not None and all(any(_covers(two, one) for two in above) for one in own)


def _covers(above: str, own: str) -> bool:
    if above == own:
        return True
    if own.startswith("@") or above.startswith("@"):
        return False
    local, _, domain = above.rpartition("@")
    own_local, _, own_domain = own.rpartition("@")
    return local in {"*", own_local} and _domain_covers(domain, own_domain)


def _all_covered(own: Sequence[str], above: Sequence[str]) -> bool:
    return all(any(_domain_covers(two, one) for two in above) for one in own)


def _domain_covers(above: str, own: str) -> bool:
    if above == own:
        return True
    return above.startswith("*.") and own.removeprefix("*").endswith(above[1:]) and own != above[2:]
