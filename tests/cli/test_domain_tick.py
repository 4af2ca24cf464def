"""Whether mail can reach the domain: by its MX, which the invite domain of an installation on AWS has alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cis_mcp.watch import ticks
from engine.settings import Settings
from tests.support.names import NameServer

DOMAIN = "invites.example.com"


@pytest.fixture
def names() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


async def test_a_domain_that_has_an_mx_and_no_address_is_reached(names: NameServer) -> None:
    names.add(DOMAIN, "MX", "10 inbound-smtp.eu-west-1.amazonaws.com.")
    check = await ticks.domain(Settings(domain=DOMAIN, dns=names.address))
    assert (check.mark.value, check.detail) == (
        "Verified",
        f"{DOMAIN}, whose mail goes to inbound-smtp.eu-west-1.amazonaws.com",
    )


async def test_a_domain_that_the_dns_does_not_know_is_said(names: NameServer) -> None:
    own = "nowhere.invites.example.com"
    check = await ticks.domain(Settings(domain=own, dns=names.address))
    assert (check.mark.value, check.detail) == ("Failed", f"{own} has neither MX nor address in the DNS")
