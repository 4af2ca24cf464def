"""Whether a request that changes something comes from a page of ours (OWASP, cross-site request forgery)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from engine.network import is_loopback

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


def of_this_machine(headers: Mapping[str, str], public_url: str) -> bool:
    """False for what a page of another site may have sent to a server that asks for no keys, and acts for its operator.

    That is a request under a name which is not this machine's (DNS rebinding), and one of which the browser says that
    another site made it. What is typed into a browser, and what a program sends, passes.
    """
    host = _hostname(f"//{headers.get('host', '')}")
    if not (is_loopback(host) or host == _hostname(public_url)):
        return False
    if "origin" in headers:
        return same_origin(headers)
    return headers.get("sec-fetch-site", "none") in {"none", "same-origin"}


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
