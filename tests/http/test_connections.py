"""Who may be connected: shares of addresses, and who goes when there is no room."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_mcp.http.connections import ConnectionLimits, OpenConnections
from engine.network import client_network, is_loopback, within


@dataclass(eq=False)
class One:
    """A connection."""

    host: str
    idle: bool = True
    known: bool = False
    dropped: bool = False

    def drop(self) -> None:
        self.dropped = True


BOUNDS = ConnectionLimits(all=10, strangers=3, known=5)


def _entered(crowd: OpenConnections, *those: One) -> list[bool]:
    return [crowd.enter(one) for one in those]


def test_the_oldest_idle_stranger_of_an_address_makes_room_for_its_next() -> None:
    crowd = OpenConnections(BOUNDS)
    here = [One("192.0.2.1", idle=n != 0) for n in range(4)]
    other = One("192.0.2.2")
    assert all(_entered(crowd, other, *here))
    assert [one.dropped for one in (other, *here)] == [False, False, True, False, False]


def test_an_address_that_is_busy_with_all_it_may_have_gets_no_more() -> None:
    crowd = OpenConnections(BOUNDS)
    assert _entered(crowd, *(One("192.0.2.1", idle=False) for _ in range(4))) == [True, True, True, False]
    assert crowd.enter(One("192.0.2.2"))


def test_the_addresses_of_one_ipv6_site_are_one() -> None:
    crowd = OpenConnections(BOUNDS)
    here = [One(f"2001:db8::{n}", idle=False) for n in range(4)]
    assert _entered(crowd, *here) == [True, True, True, False]


def test_whoever_showed_a_key_stays_when_strangers_come() -> None:
    crowd = OpenConnections(BOUNDS)
    known = [One("192.0.2.1", known=True) for _ in range(4)]
    flood = [One(f"198.51.100.{n}") for n in range(50)]
    assert all(_entered(crowd, *known, *flood))
    assert not any(one.dropped for one in known)
    assert sum(one.dropped for one in flood) == len(flood) - 6


def test_many_with_keys_at_one_address_leave_room_for_others() -> None:
    crowd = OpenConnections(BOUNDS)
    known = [One("192.0.2.1", known=True) for _ in range(20)]
    assert all(_entered(crowd, *known))
    assert sum(one.dropped for one in known) == 20 - BOUNDS.known


def test_a_proxy_stands_for_many_and_leaves_room_for_a_stranger() -> None:
    crowd = OpenConnections(BOUNDS, proxies=[ip_network("192.0.2.0/24")])
    through = [One("192.0.2.9", idle=False) for _ in range(8)]
    assert _entered(crowd, *through) == [True] * 7 + [False]
    assert all(_entered(crowd, *(One("198.51.100.1", idle=False) for _ in range(3))))


def test_who_leaves_is_no_longer_counted_also_twice() -> None:
    crowd = OpenConnections(BOUNDS)
    one = One("192.0.2.1")
    for _ in range(20):
        assert crowd.enter(one)
        crowd.leave(one)
        crowd.leave(one)
    assert not crowd.stressed
    assert crowd == OpenConnections(BOUNDS)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.booleans(), st.booleans(), st.booleans()),
        max_size=60,
    )
)
def test_no_bound_is_ever_passed(steps: list[tuple[int, bool, bool, bool]]) -> None:
    crowd = OpenConnections(BOUNDS)
    there: list[One] = []
    for host, idle, known, leaves in steps:
        if leaves and there:
            crowd.leave(there.pop(0))
        one = One(f"192.0.2.{host}", idle, known)
        if crowd.enter(one):
            there.append(one)
        there = [other for other in there if not other.dropped]
        assert len(there) <= BOUNDS.all
        for at in {other.host for other in there}:
            here = [other for other in there if other.host == at]
            assert len(here) <= BOUNDS.known
            assert sum(not other.known for other in here) <= BOUNDS.strangers


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("somewhere", "somewhere"),
        ("", ""),
    ],
)
def test_a_client_is_its_address_or_its_site(host: str, network: str) -> None:
    assert client_network(host) == network


def test_an_address_is_within_a_network_or_not() -> None:
    networks = [ip_network("127.0.0.0/8"), ip_network("::1")]
    assert [within(host, networks) for host in ("127.0.0.9", "::ffff:127.0.0.1", "::1", "::2", "x")] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("127.example.com", False),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("", False),
    ],
)
def test_a_name_leads_to_this_machine_alone_only_if_it_says_so(host: str, own: bool) -> None:
    assert is_loopback(host) is own
