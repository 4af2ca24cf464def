"""Whether a request that changes something comes from a page of ours (OWASP, cross-site request forgery)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def same_origin(headers: Mapping[str, str]) -> bool:
    """True if the browser says so: by Sec-Fetch-Site, or, if it is older, by an Origin that is this very host.

    A request with neither is not believed: every browser sends one of them with a form.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    try:
        origin = urlsplit(headers.get("origin", ""))
    except ValueError:
        return False
    return bool(origin.netloc) and origin.netloc.lower() == headers.get("host", "").lower()
