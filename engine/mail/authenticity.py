"""Whether a mail is from whom it says: a trusted server's word, or our own findings (RFC 8601, RFC 7489)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.mail.dmarc import Policy, Signature, Spf, aligned, proofs
from engine.mail.incoming import IncomingMail
from engine.model import Value

_PAIR = re.compile(r"([a-z0-9_./-]+)\s*=\s*(\"[^\"]*\"|[^\s;]*)", re.IGNORECASE)
_REJECT = re.compile(r"\bp=reject\b", re.IGNORECASE)
_GOOGLE_SENDER = "calendar-notification@google.com"


class Verdict(Value):
    """Whether the From address is proven.

    `google_calendar`: Google's calendar sent it, which counts for receipts, and for a calendar whose organizer is
    the From address. `forged`: the owner of the From domain says that such mail is not theirs. `temporary`: DNS
    gave no answer. `confirmed_by`: the address whose owner confirmed the mail; `released`: the operator did.
    `proofs`: each thing that proves the From address, as dkim:domain:selector, spf:domain:network,
    trusted:server:… in front of what a trusted server says, confirmed:address, released.
    """

    passed: bool
    reason: str
    google_calendar: bool = False
    forged: bool = False
    temporary: bool = False
    confirmed_by: str = ""
    released: bool = False
    proofs: tuple[str, ...] = ()


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


def _domain(value: str) -> str:
    return value.rpartition("@")[2]


def _signers(clauses: list[dict[str, str]]) -> set[str]:
    """Domains whose DKIM signature holds."""
    passed = [c for c in clauses if c["method"] == "dkim" and c["result"] == "pass"]
    return {_domain(c.get("header.d") or c.get("header.i") or "") for c in passed} - {""}


def _proofs(server: str, clauses: list[dict[str, str]], domain: str) -> tuple[str, ...]:
    """What `server` says that proves `domain`: aligned signatures and SPF, else DMARC alone."""
    found = []
    for clause in clauses:
        sender, signer = _domain(clause.get("smtp.mailfrom", "")), next(iter(_signers([clause])), "")
        if aligned(signer, domain):
            found.append(f"trusted:{server}:dkim:{signer}:{clause.get('header.s', '')}")
        elif (clause["method"], clause["result"]) == ("spf", "pass") and aligned(sender, domain):
            found.append(f"trusted:{server}:spf:{sender}")
    return tuple(dict.fromkeys(found)) or (f"trusted:{server}:dmarc:{domain}",)


def vouched(mail: IncomingMail, trusted: frozenset[str]) -> Verdict | None:
    """What a server that we trust says of the From domain of `mail`; None where none says anything.

    Only the topmost Authentication-Results counts, and only where its authserv-id is in `trusted`
    (lower case): whoever sends a mail can write any number of them below. DMARC must pass, or DKIM with
    an aligned domain where DMARC says nothing.
    """
    server, clauses = _clauses(mail.authentication_results)
    if not server or server not in trusted:
        return None
    domain, signers = _domain(mail.from_address), _signers(clauses)
    google = mail.sender_address == _GOOGLE_SENDER and "google.com" in signers
    dmarc = [c for c in clauses if c["method"] == "dmarc"]
    failed = [c["result"] for c in dmarc if c["result"] in {"fail", "permerror", "temperror"}]
    if failed:
        result = failed[0]
        # The policy stands in a comment, as most servers write it; at worst somebody is not asked.
        forged = result == "fail" and _REJECT.search(mail.authentication_results) is not None
        return Verdict(passed=False, reason=f"dmarc={result}", google_calendar=google, forged=forged)
    passes = [c for c in dmarc if c["result"] == "pass"]
    if passes and all(aligned(_domain(c.get("header.from", "")), domain) for c in passes):
        proofs = _proofs(server, clauses, domain)
        return Verdict(passed=True, reason="dmarc=pass", google_calendar=google, proofs=proofs)
    if any(aligned(signer, domain) for signer in signers):
        proofs = _proofs(server, clauses, domain)
        return Verdict(passed=True, reason="dkim=pass", google_calendar=google, proofs=proofs)
    return Verdict(passed=False, reason="neither dmarc nor an aligned dkim passed", google_calendar=google)


def authenticated(mail: IncomingMail, trusted: frozenset[str]) -> Verdict:
    """As `vouched`, where nothing but a trusted server's word counts."""
    missing = Verdict(passed=False, reason="no Authentication-Results of a trusted server on top")
    return vouched(mail, trusted) or missing


def judged(
    mail: IncomingMail, signatures: Sequence[Signature], spf: Spf, policy: Policy | None, *, unsure: bool
) -> Verdict:
    """The verdict on our own findings; `unsure`: a lookup of the policy got no answer."""
    domain = _domain(mail.from_address)
    google = mail.sender_address == _GOOGLE_SENDER and any(
        s.result == "pass" and s.domain == "google.com" and "sender" in s.covers for s in signatures
    )
    found = proofs(domain, signatures, spf, policy)
    reason = _reason(signatures, spf, policy)
    if found:
        return Verdict(passed=True, reason=reason, google_calendar=google, proofs=found)
    unsure = unsure or "temperror" in {spf.result, *(s.result for s in signatures)}
    denied = policy.wish == "reject" if policy else spf.result == "fail" and aligned(spf.domain, domain)
    return Verdict(
        passed=False, reason=reason, google_calendar=google, forged=denied and not unsure, temporary=unsure
    )


def _reason(signatures: Sequence[Signature], spf: Spf, policy: Policy | None) -> str:
    """The findings in a few words; never an address."""
    signed = [f"dkim={s.result}{f' ({s.reason})' if s.reason else ''}" for s in signatures] or ["dkim=none"]
    published = f"the domain's dmarc policy is {policy.wish}" if policy else "the domain has no dmarc policy"
    return "; ".join([*signed, f"spf={spf.result}", published])
