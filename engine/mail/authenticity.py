"""Whether a mail is from whom it says: reads Authentication-Results (RFC 8601, RFC 7489; interop 2.3)."""

from __future__ import annotations

import re

from engine.mail.incoming import IncomingMail
from engine.model import Value

_PAIR = re.compile(r"([a-z0-9_./-]+)\s*=\s*(\"[^\"]*\"|[^\s;]*)", re.IGNORECASE)
_GOOGLE_SENDER = "calendar-notification@google.com"


class Verdict(Value):
    """Whether the From address is proven. `google_calendar` counts for receipts alone, where it is not."""

    passed: bool
    reason: str
    google_calendar: bool = False


def _without_comments(value: str) -> str:
    """`value` without its comments in parentheses, which may nest; an open one swallows the rest."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for char in value:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"' and not depth:
            quoted = not quoted
        elif char == "(" and not quoted:
            depth += 1
        elif char == ")" and not quoted and depth:
            depth -= 1
            continue
        if not depth:
            kept.append(char)
    return "".join(kept)


def _clauses(value: str) -> tuple[str, list[dict[str, str]]]:
    """The authserv-id and, for each clause, its pairs; the pair named "" is (method, result)."""
    pieces = re.findall(r'(?:"[^"]*"?|[^";])+', _without_comments(value))
    if not pieces:
        return "", []
    clauses = []
    for piece in pieces[1:100]:
        pairs = [(m.group(1).lower(), m.group(2).strip('"').lower()) for m in _PAIR.finditer(piece)]
        if pairs:
            method, result = pairs[0]
            clauses.append({**dict(pairs[1:]), "method": method.partition("/")[0], "result": result})
    return (pieces[0].split() or [""])[0].lower(), clauses


def aligned(one: str, other: str) -> bool:
    """True for the same domain, or a subdomain of one that has at least two labels (RFC 7489, 3.1.1)."""
    one, other = one.strip(".").lower(), other.strip(".").lower()
    short, long = sorted((one, other), key=len)
    return bool(short) and (short == long or ("." in short and long.endswith(f".{short}")))


def _domain(value: str) -> str:
    return value.rpartition("@")[2]


def _signers(clauses: list[dict[str, str]]) -> set[str]:
    """Domains whose DKIM signature holds."""
    passed = [c for c in clauses if c["method"] == "dkim" and c["result"] == "pass"]
    return {_domain(c.get("header.d") or c.get("header.i") or "") for c in passed} - {""}


def authenticated(mail: IncomingMail, trusted: frozenset[str]) -> Verdict:
    """Whether a server that we trust vouches for the From domain of `mail`.

    Only the topmost Authentication-Results counts, and only where its authserv-id is in `trusted`
    (lower case): whoever sends a mail can write any number of them below. DMARC must pass, or DKIM with
    an aligned domain where DMARC says nothing.
    """
    server, clauses = _clauses(mail.authentication_results)
    if not server or server not in trusted:
        return Verdict(passed=False, reason="no Authentication-Results of a trusted server on top")
    domain, signers = _domain(mail.from_address), _signers(clauses)
    google = mail.sender_address == _GOOGLE_SENDER and "google.com" in signers
    dmarc = [c for c in clauses if c["method"] == "dmarc"]
    failed = [c["result"] for c in dmarc if c["result"] in {"fail", "permerror", "temperror"}]
    if failed:
        return Verdict(passed=False, reason=f"dmarc={failed[0]}", google_calendar=google)
    passes = [c for c in dmarc if c["result"] == "pass"]
    if passes and all(aligned(_domain(c.get("header.from", "")), domain) for c in passes):
        return Verdict(passed=True, reason="dmarc=pass", google_calendar=google)
    if any(aligned(signer, domain) for signer in signers):
        return Verdict(passed=True, reason="dkim=pass", google_calendar=google)
    return Verdict(passed=False, reason="neither dmarc nor an aligned dkim passed", google_calendar=google)
