"""Authenticate the sender of a mail: by a trusted server's header, else by our own DKIM, SPF and DMARC (RFC 7489)."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

from engine.inbox.authentication.dns import (
    DnsNames,
    LookupFailed,
    Lookups,
    LookupsSpent,
    NameServer,
    RememberedNames,
)
from engine.inbox.contents.readers import Readers
from engine.inbox.spool.spool import ReceivedEnvelope, Spooled
from engine.inbox.turns.claims import turn_of
from engine.inbox.turns.fair_slots import FairSlots
from engine.mail.incoming import fields
from engine.mail.incoming.authenticity import Verdict, judged, supplemented, vouched
from engine.mail.incoming.content import IncomingMail
from engine.mail.incoming.dmarc import (
    UNKNOWN,
    Policy,
    Signature,
    Spf,
    aligned,
    organizational_domain,
    read_policy,
)
from engine.process.pools import AUTHENTICATION
from engine.settings import Settings

_AT_ONCE = 256
"""Mails whose senders are looked up at the same time; threads that do next to nothing but wait."""
_OF_ONE_CLIENT = 128
_OF_ONE_DOMAIN = 8
"""One whose name servers are silent must not take all."""
_TRIES_S = (3.0, 1.0, 1.0)
"""Seconds that each try of a mail's lookups may take: five in all, however often it is tried."""
_PAUSES = (20.0, 60.0)
_REMEMBERED_MAX = 10_000
_CLIENTS = 1_024
_LARGE = 262_144
"""Bytes of a mail from which on its signatures are checked by a reader."""


class TryLater(Exception):  # noqa: N818 -- reads as what it is
    """DNS gave no answer about a mail's sender: the mail stays where it is and is looked at again.

    `pause`: how many seconds later.
    """

    def __init__(self, reason: str, pause: float) -> None:
        super().__init__(reason)
        self.pause = pause


class SenderAuthenticator:
    """Judges senders; each mail costs at most 40 lookups a try and five seconds in all, in threads of its own."""

    def __init__(self, settings: Settings, readers: Readers, names: NameServer | None = None) -> None:
        self._readers = readers
        self._settings = settings
        self._names = names or DnsNames(settings.dns)
        self._relays = settings.relay_networks
        self._lookups = FairSlots(_AT_ONCE)
        self._tries: OrderedDict[str, int] = OrderedDict()

    async def verdict(self, spooled: Spooled, mail: IncomingMail) -> Verdict:
        """Who sent it; and what of it is signed, if a trusted server's word does not show that it was written to us.

        Raises TryLater, twice at most, if DNS did not answer.
        """
        known = self.known_verdict(spooled.envelope, mail)
        if (known and not known.wants_signatures) or self._settings.sender_auth == "off":
            return known or Verdict(passed=False, reason="senders are not checked (CIS_SENDER_AUTH)")
        tried = self._tries.get(spooled.envelope.id, 0)
        turn = turn_of(spooled, self._relays)
        bounds = {turn.kind: _OF_ONE_DOMAIN} | ({turn.client: _OF_ONE_CLIENT} if turn.client else {})
        async with self._lookups.slot(f"{turn.client} {turn.kind}", bounds):
            verdict = await self._found(spooled, mail, _TRIES_S[tried])
        if verdict.temporary:
            self._again(spooled.envelope.id, tried, verdict.reason)
        self._tries.pop(spooled.envelope.id, None)
        return verdict

    def _again(self, name: str, tried: int, reason: str) -> None:
        """Have the mail tried once more if it may be; one that someone waits for is judged at once."""
        if name.startswith("~") or tried >= len(_PAUSES):
            return
        self._tries[name] = tried + 1
        if len(self._tries) > _REMEMBERED_MAX:
            self._tries.popitem(last=False)
        raise TryLater(reason, _PAUSES[tried])

    def known_verdict(self, envelope: ReceivedEnvelope, mail: IncomingMail) -> Verdict | None:
        """The verdict that needs no lookups: from a confirmation or a trusted server's header."""
        if envelope.released:
            return Verdict(
                passed=True, reason="released by the operator", released=True, proofs=("released",)
            )
        if envelope.confirmed_by:
            owner = envelope.confirmed_by
            reason = "confirmed by mail"
            return Verdict(passed=True, reason=reason, confirmed_by=owner, proofs=(f"confirmed:{owner}",))
        if envelope.client and not self._relayed(envelope):
            return None  # whoever connects from outside can write the header of a server that we trust
        own = envelope.authserv_ids
        return vouched(mail, self._settings.trusted_authserv_ids if own is None else frozenset(own))

    def _relayed(self, envelope: ReceivedEnvelope) -> bool:
        """True if a mail server of ours handed the mail over (`CIS_RELAYS`)."""
        client = _address(envelope.client)
        return client is not None and any(client in network for network in self._relays)

    async def _found(self, spooled: Spooled, mail: IncomingMail, seconds: float) -> Verdict:
        """Our own findings; after a trusted server's word, no more than what is signed.

        The name servers are asked in a thread. To hash a large mail keeps Python's lock, so that is done elsewhere.
        """
        names = RememberedNames(self._names)
        envelope, raw = spooled.envelope, spooled.raw
        domain = mail.from_address.rpartition("@")[2]
        head = raw if len(raw) <= _LARGE else raw[: fields.extent(raw)[1]] + b"\r\n\r\n"
        lookups = Lookups(names, seconds=seconds)
        verdict = await AUTHENTICATION.run(self._judged, envelope, mail, head, lookups)
        if head is raw:
            return verdict
        signatures = await self._readers.signatures(
            raw, names.answers, domain, turn_of(spooled, self._relays).sender
        )
        recalled = Lookups(RememberedNames(answers=names.answers, spent=lookups.spent))
        return self._weighed(envelope, mail, lambda: signatures, recalled)

    def _judged(
        self, envelope: ReceivedEnvelope, mail: IncomingMail, raw: bytes, lookups: Lookups
    ) -> Verdict:
        from engine.inbox.authentication import signatures as dkim

        domain = mail.from_address.rpartition("@")[2]
        return self._weighed(envelope, mail, lambda: dkim.of_sender(raw, lookups, domain), lookups)

    def _weighed(
        self,
        envelope: ReceivedEnvelope,
        mail: IncomingMail,
        checked: Callable[[], tuple[Signature, ...]],
        lookups: Lookups,
    ) -> Verdict:
        """The verdict on what the signatures come to, with SPF and the policy of the sender's domain.

        The policy is asked for first: signatures and SPF lead to names of the sender's choice, which could use up
        the lookups and the time.
        """
        from engine.inbox.authentication import spf as policies

        domain = mail.from_address.rpartition("@")[2]
        if known_verdict := self.known_verdict(envelope, mail):
            return supplemented(known_verdict, mail, checked())
        policy = _policy(lookups, domain)
        signatures = checked()
        spf = Spf()
        client = _address(envelope.client)
        sent_by = (envelope.sender or envelope.helo).rpartition("@")[2]
        if client is not None and not self._relayed(envelope) and aligned(sent_by, domain):
            # SPF for another domain proves nothing, and asks name servers of whoever wrote the mail. The address of
            # a server of ours says nothing of the sender.
            spf = policies.check(lookups, str(client), envelope.sender or "", envelope.helo)
        return judged(mail, signatures, spf, policy)


@lru_cache(_CLIENTS)
def _address(client: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(client)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _policy(lookups: Lookups, domain: str) -> Policy | None:
    """The DMARC policy for `domain`, its own or its organizational domain's; UNKNOWN if DNS was silent.

    A silent server leaves time for the signatures: one of the very domain counts whatever the policy.
    """
    parent = organizational_domain(domain)
    asked = [(domain, False)] + [(parent, True)] * bool(parent and parent != domain)
    try:
        for name, of_parent in asked:
            policy = read_policy(lookups.texts(f"_dmarc.{name}", share=0.5), of_parent=of_parent)
            if policy:
                return policy
    except (LookupFailed, LookupsSpent):
        return UNKNOWN
    return None
