"""Who sent a mail that came in: a trusted server's word, else our own DKIM, SPF and DMARC (RFC 7489)."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter, OrderedDict
from concurrent.futures import ThreadPoolExecutor

from engine.inbox.authentication.dns import DnsNames, LookupFailed, Lookups, LookupsSpent, Names
from engine.inbox.spool import Envelope, Spooled
from engine.mail.authenticity import Verdict, judged, vouched
from engine.mail.dmarc import Policy, Spf, aligned, organizational_domain, read_policy
from engine.mail.incoming import IncomingMail
from engine.settings import Settings

_THREADS = 64
"""They do next to nothing but wait."""
_PATIENCE_S = 0.5
"""How long a mail holds its place while its sender is looked up; after that others go on, and it comes back."""
_OF_ONE_DOMAIN = 8
"""Checks of one sender domain at the same time: one whose name servers are silent must not take all threads."""
_TRIES = 3
_REMEMBERED_MAX = 10_000
_GOOGLE = "google.com"


class TryLater(Exception):  # noqa: N818 -- reads as what it is
    """DNS gave no answer about a mail's sender: the mail stays where it is and is looked at again."""


class Authenticator:
    """Judges senders; each mail costs at most 40 lookups and five seconds, in threads of its own."""

    def __init__(self, settings: Settings, names: Names | None = None) -> None:
        self._settings = settings
        self._names = names or DnsNames(settings.dns)
        self._relays = settings.relay_networks
        # Not the loop's own threads: a silent name server must not keep the others' work waiting.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="authentication")
        self._busy: Counter[str] = Counter()
        self._asked: OrderedDict[str, asyncio.Future[Verdict]] = OrderedDict()
        self._tries: OrderedDict[str, int] = OrderedDict()

    async def verdict(self, spooled: Spooled, mail: IncomingMail) -> Verdict:
        """Who sent it. Raises TryLater while DNS has not answered, and twice at most where it did not."""
        known = self.told(spooled.envelope, mail)
        if known or self._settings.sender_auth == "off":
            return known or Verdict(passed=False, reason="senders are not checked (CIS_SENDER_AUTH)")
        name = spooled.envelope.id
        verdict = await self._asking(name, spooled, mail)
        if verdict.temporary and self._again(name):
            raise TryLater(verdict.reason)
        self._tries.pop(name, None)
        return verdict

    async def _asking(self, name: str, spooled: Spooled, mail: IncomingMail) -> Verdict:
        """Our findings, once they are there; raises TryLater before."""
        asked = self._asked.get(name) or self._begun(name, spooled, mail)
        await asyncio.wait({asked}, timeout=None if name.startswith("~") else _PATIENCE_S)
        if not asked.done():
            raise TryLater("its sender is being looked up")
        self._asked.pop(name, None)
        return asked.result()

    def told(self, envelope: Envelope, mail: IncomingMail) -> Verdict | None:
        """What is known without asking anybody: a confirmation, or a trusted server's word."""
        if envelope.released:
            return Verdict(passed=True, reason="released by the operator", released=True)
        if envelope.confirmed_by:
            return Verdict(passed=True, reason="confirmed by mail", confirmed_by=envelope.confirmed_by)
        if envelope.client and not self._relayed(envelope):
            return None  # whoever connects from outside can write the header of a server that we trust
        return vouched(mail, self._settings.trusted_authserv_ids)

    def _begun(self, name: str, spooled: Spooled, mail: IncomingMail) -> asyncio.Future[Verdict]:
        """The check of a mail, in a thread; raises TryLater where its domain keeps enough of them busy."""
        domain = mail.from_address.rpartition("@")[2]
        domain = organizational_domain(domain) or domain
        if self._busy[domain] >= _OF_ONE_DOMAIN and not name.startswith("~"):
            raise TryLater("other mails of its domain are being looked up")
        self._busy[domain] += 1
        loop = asyncio.get_running_loop()
        asked = self._asked[name] = loop.run_in_executor(self._threads, self._found, spooled, mail)
        asked.add_done_callback(lambda _: self._idle(domain))
        if len(self._asked) > _REMEMBERED_MAX:
            self._asked.popitem(last=False)
        return asked

    def _idle(self, domain: str) -> None:
        self._busy[domain] -= 1
        if not self._busy[domain]:
            del self._busy[domain]

    def _relayed(self, envelope: Envelope) -> bool:
        """True where a mail server of ours handed the mail over (`CIS_RELAYS`)."""
        client = _address(envelope.client)
        return client is not None and any(client in network for network in self._relays)

    def _again(self, name: str) -> bool:
        """True where the mail may be tried once more; one that somebody waits for is judged at once."""
        if name.startswith("~"):
            return False
        self._tries[name] = self._tries.pop(name, 0) + 1
        if len(self._tries) > _REMEMBERED_MAX:
            self._tries.popitem(last=False)
        return self._tries[name] < _TRIES

    def _found(self, spooled: Spooled, mail: IncomingMail) -> Verdict:
        """Our own findings; blocks."""
        from engine.inbox.authentication import signatures as dkim
        from engine.inbox.authentication import spf as policies

        lookups = Lookups(self._names)
        envelope, domain = spooled.envelope, mail.from_address.rpartition("@")[2]
        signatures = dkim.check(
            spooled.raw, lookups, lambda signer: signer == _GOOGLE or aligned(signer, domain)
        )
        spf = Spf()
        client = _address(envelope.client)
        if client is not None and not self._relayed(envelope):
            # From a server of ours, the address says nothing of the sender; without one there is none to ask.
            spf = policies.check(lookups, str(client), envelope.sender or "", envelope.helo)
        policy, unsure = _policy(lookups, domain)
        return judged(mail, signatures, spf, policy, unsure=unsure)


def _address(client: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(client)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _policy(lookups: Lookups, domain: str) -> tuple[Policy | None, bool]:
    """The DMARC policy for `domain`, its own or its organizational domain's; and whether DNS was silent."""
    parent = organizational_domain(domain)
    asked = [(domain, False)] + [(parent, True)] * bool(parent and parent != domain)
    try:
        for name, of_parent in asked:
            policy = read_policy(lookups.texts(f"_dmarc.{name}"), of_parent=of_parent)
            if policy:
                return policy, False
    except LookupFailed:
        return None, True
    except LookupsSpent:
        return None, False
    return None, False
