"""Whether a mail's From address is authentic, by a trusted server's header or our own checks (RFC 8601, RFC 7489)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.mail.incoming.authresults import Clause, Results, read
from engine.mail.incoming.content import IncomingMail
from engine.mail.incoming.dmarc import Policy, Signature, Spf, aligned, proofs
from engine.mail.incoming.proof import Evidence
from engine.mail.incoming.sesmail import AUTHSERV_ID
from engine.model.base import Value

_REJECT = re.compile(r"\bp=reject\b", re.IGNORECASE)
_GOOGLE_SENDER = "calendar-notification@google.com"
_GOOGLE = "google.com"
_AMBIGUOUS = "programs may read its head, or its From, differently"


class Verdict(Value):
    """Whether the From address is proven.

    `google_calendar`: Google's calendar sent it, which counts for receipts, and for a calendar whose organizer is
    the From address. `forged`: the owner of the From domain says that such mail is not theirs. `temporary`: DNS
    gave no answer. `confirmed_by`: the address whose owner confirmed the mail; `released`: the operator did.
    `proofs`: each thing that proves the From address, as dkim:domain:selector, spf:domain:network,
    trusted:server:… in front of what a trusted server says, confirmed:address, released. `grounds`: what that says of
    the mail itself, and `google_grounds` what says that Google's calendar sent it.
    """

    passed: bool
    reason: str
    google_calendar: bool = False
    forged: bool = False
    temporary: bool = False
    confirmed_by: str = ""
    released: bool = False
    proofs: tuple[str, ...] = ()
    grounds: Evidence = Evidence()
    google_grounds: Evidence = Evidence()

    @property
    def wants_signatures(self) -> bool:
        """True if a trusted server's word is all there is, which does not tell what of the mail is signed."""
        claims = ((self.passed, self.grounds), (self.google_calendar, self.google_grounds))
        by_word = not (self.released or self.confirmed_by)
        return by_word and any(holds and not grounds.direct for holds, grounds in claims)


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _proofs(results: Results, domain: str) -> tuple[str, ...]:
    """What a server says that proves `domain`: aligned signatures and SPF, else DMARC alone."""
    found = []
    for clause in results.clauses:
        signer, sender = _signer(clause), _sender(clause)
        if aligned(signer, domain):
            found.append(f"dkim:{signer}:{clause.properties.get('header.s', '')}")
        if aligned(sender, domain):
            found.append(f"spf:{sender}")
    return tuple(f"trusted:{results.server}:{each}" for each in dict.fromkeys(found or [f"dmarc:{domain}"]))


def _signer(clause: Clause) -> str:
    """The domain whose DKIM signature holds, if it says so."""
    holds = (clause.method, clause.result) == ("dkim", "pass")
    return clause.domain("header.d", "header.i") if holds else ""


def _sender(clause: Clause) -> str:
    """The domain of the envelope that SPF proves, if it says so."""
    holds = (clause.method, clause.result) == ("spf", "pass")
    return clause.domain("smtp.mailfrom") if holds else ""


def vouched(mail: IncomingMail, trusted: frozenset[str]) -> Verdict | None:
    """What a server that we trust says of the From domain of `mail`; None if none says anything.

    Only the topmost Authentication-Results counts, and only where its authserv-id is in `trusted`
    (lower case): whoever sends a mail can write any number of them below. DMARC must pass, or DKIM with
    an aligned domain where DMARC says nothing.
    """
    results = read(mail.authentication_results)
    if results is None or results.server not in trusted or mail.ambiguous:
        return None
    if results.server == AUTHSERV_ID:
        results = _as_others_write(results)
    domain, signers = _domain(mail.from_address), [_signer(clause) for clause in results.clauses]
    senders = [_sender(clause) for clause in results.clauses]
    google = mail.sender_address == _GOOGLE_SENDER and _GOOGLE in signers
    stated = _stated(results.clauses, domain, signers, mail.authentication_results)
    return stated.model_copy(
        update={
            "google_calendar": google,
            "proofs": _proofs(results, domain) if stated.passed else (),
            "grounds": Evidence(direct=stated.passed and any(aligned(sender, domain) for sender in senders)),
            "google_grounds": Evidence(direct=google and any(aligned(sender, _GOOGLE) for sender in senders)),
        }
    )


def _as_others_write(results: Results) -> Results:
    """The results of Amazon SES, which writes the envelope's sender behind a semicolon: envelope-from=…"""
    found: list[Clause] = []
    for clause in results.clauses:
        if clause.method == "envelope-from" and found and found[-1].method == "spf":
            properties = {**found[-1].properties, "smtp.mailfrom": clause.result}
            found[-1] = found[-1].model_copy(update={"properties": properties})
        else:
            found.append(clause)
    return Results(server=results.server, clauses=tuple(found))


def _stated(clauses: Sequence[Clause], domain: str, signers: Sequence[str], header: str) -> Verdict:
    dmarc = [clause for clause in clauses if clause.method == "dmarc"]
    failed = [c.result for c in dmarc if c.result in {"fail", "permerror", "temperror"}]
    if failed:
        # The policy stands in a comment, as most servers write it; at worst someone is not asked.
        forged = failed[0] == "fail" and _REJECT.search(header) is not None
        return Verdict(passed=False, reason=f"dmarc={failed[0]}", forged=forged)
    passes = [clause for clause in dmarc if clause.result == "pass"]
    if passes and all(aligned(clause.domain("header.from"), domain) for clause in passes):
        return Verdict(passed=True, reason="dmarc=pass")
    if any(aligned(signer, domain) for signer in signers):
        return Verdict(passed=True, reason="dkim=pass")
    return Verdict(passed=False, reason="neither dmarc nor an aligned dkim passed")


def authenticated(mail: IncomingMail, trusted: frozenset[str]) -> Verdict:
    """As `vouched`, where nothing but a trusted server's word counts."""
    missing = Verdict(passed=False, reason="no Authentication-Results of a trusted server on top")
    return vouched(mail, trusted) or missing


def judged(mail: IncomingMail, signatures: Sequence[Signature], spf: Spf, policy: Policy | None) -> Verdict:
    """The verdict from our own checks; `policy`: None where the domain publishes none."""
    domain = _domain(mail.from_address)
    found = () if mail.ambiguous else proofs(domain, signatures, spf, policy)
    verdict = Verdict(
        passed=bool(found),
        reason=_reason(mail, signatures, spf, policy),
        proofs=found,
        grounds=_direct(spf, domain, policy),
        google_grounds=_direct(spf, _GOOGLE, None),
    )
    verdict = supplemented(verdict, mail, signatures, policy)
    if verdict.passed:
        return verdict.model_copy(update={"temporary": False})
    known = policy is None or policy.known
    unsure = not known or "temperror" in {spf.result, *(s.result for s in signatures)}
    denied = policy.wish == "reject" if policy else spf.result == "fail" and aligned(spf.domain, domain)
    return verdict.model_copy(update={"forged": denied and not unsure, "temporary": unsure})


def _direct(spf: Spf, domain: str, policy: Policy | None) -> Evidence:
    strict = bool(policy and policy.strict_spf)
    return Evidence(direct=spf.result == "pass" and aligned(spf.domain, domain, strict=strict))


def supplemented(
    verdict: Verdict, mail: IncomingMail, signatures: Sequence[Signature], policy: Policy | None = None
) -> Verdict:
    """A verdict with what our own check of the signatures says about the mail itself."""
    domain, strict = _domain(mail.from_address), bool(policy and policy.strict_dkim)
    good = [s for s in signatures if s.result == "pass" and not mail.ambiguous]
    theirs = tuple(s.covers for s in good if aligned(s.domain, domain, strict=strict))
    google = tuple(s.covers for s in good if s.domain == _GOOGLE and "sender" in s.covers)
    google = google if mail.sender_address == _GOOGLE_SENDER else ()
    return verdict.model_copy(
        update={
            "google_calendar": verdict.google_calendar or bool(google),
            "grounds": verdict.grounds.model_copy(update={"signed": theirs}),
            "google_grounds": verdict.google_grounds.model_copy(update={"signed": google}),
            "temporary": "temperror" in {s.result for s in signatures},
        }
    )


def _reason(mail: IncomingMail, signatures: Sequence[Signature], spf: Spf, policy: Policy | None) -> str:
    """The findings in a few words; never an address."""
    odd = [_AMBIGUOUS] if mail.ambiguous else []
    signed = [f"dkim={s.result}{f' ({s.reason})' if s.reason else ''}" for s in signatures] or ["dkim=none"]
    return "; ".join([*odd, *signed, f"spf={spf.result}", _published(policy)])


def _published(policy: Policy | None) -> str:
    if policy is None:
        return "the domain has no dmarc policy"
    return f"the domain's dmarc policy is {policy.wish if policy.known else 'not known: DNS gave no answer'}"
