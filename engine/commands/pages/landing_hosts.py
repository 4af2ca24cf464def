"""Allow hosts to which an organizer's visitors may be led after a Send."""

from __future__ import annotations

import re

from pydantic import Field

from engine.commands import text
from engine.commands.agents.bounds import refuse_links, refuse_links_that_wait
from engine.commands.base import Command, Done, Work
from engine.model.addresses import canonical_domain
from engine.refusals import Code, Refused

HOSTS_MAX = 50
_HOST = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,10}")


class LandingHostsDone(Done):
    """The hosts that an organizer allows now, beside those of the operator."""

    organizer: str
    hosts: tuple[str, ...]


class SettleLandingHosts(Command[LandingHostsDone]):
    """Allow these hosts and no others, such as example.com or *.example.com; none: only those of the operator."""

    hosts: tuple[str, ...] = Field(max_length=HOSTS_MAX)
    organizer: str | None = None

    async def carry_out(self, work: Work) -> LandingHostsDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ARGUMENT, OUT_OF_BOUNDS, ORGANIZER_SUSPENDED."""
        work.require("publish")
        organizer = text.address(self.organizer) if self.organizer else work.actor.address
        if not work.actor.owns(organizer):
            raise Refused(Code.NOT_ALLOWED, "Those are another organizer's links.", "Leave organizer out.")
        await work.refuse_suspended(organizer)
        hosts = tuple(sorted({_host(host) for host in self.hosts}))
        refuse_links(work, work.bounds, hosts)
        known = await work.unit.landing_hosts(organizer)
        refuse_links_that_wait(work, [host for host in hosts if host not in known])
        await work.unit.ensure_organizer(organizer, "", work.now)
        await work.unit.save_landing_hosts(organizer, hosts)
        return LandingHostsDone(organizer=organizer, hosts=hosts)

    def subject(self) -> str:
        """What the record calls it."""
        return "landing hosts"


def _host(given: str) -> str:
    """A host, or all below it, as it is kept. Raises Refused: INVALID_ARGUMENT."""
    plain = given.strip().lower()
    below = "*." if plain.startswith("*.") else ""
    host = canonical_domain(plain.removeprefix("*."))
    if host is None or not _HOST.fullmatch(host) or host.rpartition(".")[2].isdigit():
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"“{given[:80]}” is not a host name.",
            "Give it as example.com, or *.example.com for all its subdomains.",
        )
    return below + host
