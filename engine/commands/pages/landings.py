"""Where a visitor may be led after a Send: to hosts that operator or organizer allowed, and to nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from engine.model.addresses import host_matches
from engine.settings import Settings

LENGTH_MAX = 2_000


def allowed_address(settings: Settings, given: str, own: Sequence[str] = ()) -> str:
    """`given`, with http:// where it has no scheme, if its host is allowed; else an empty text.

    Allowed are the hosts of CIS_LANDING_HOSTS, and the organizer's `own`.
    """
    wanted = given if "://" in given else f"http://{given}"
    # Browsers read backslashes, blanks and controls in their own ways: such an address is no place to lead to.
    plain = wanted.isascii() and wanted.isprintable() and not set(wanted) & set('\\ "<>')
    if not given or len(wanted) > LENGTH_MAX or not plain:
        return ""
    try:
        parts = urlsplit(wanted)
        host = parts.hostname or ""
    except ValueError:
        return ""
    known = parts.scheme in {"http", "https"} and parts.username is None
    return wanted if known and host_matches((*_hosts(settings), *own), host) else ""


def _hosts(settings: Settings) -> Sequence[str]:
    return [one.strip() for one in settings.landing_hosts.split(",") if one.strip()]
