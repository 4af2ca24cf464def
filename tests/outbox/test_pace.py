"""What the answers of mail servers allow: who rests, how long, and over how many connections."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.outbox.pace import Pace


def test_a_domain_that_refuses_again_and_again_rests_while_others_go_on() -> None:
    pace = Pace(8)
    for _ in range(5):
        pace.refused("ann@slow.example", 0.0)
    assert pace.rest("ben@slow.example", 1.0) == 29.0
    assert pace.rest("ann@quick.example", 1.0) == 0.0
    assert pace.pause(1.0) == 0.0


def test_a_domain_rests_longer_each_time_and_is_well_after_one_mail() -> None:
    pace = Pace(8)
    now, rests = 0.0, []
    for _ in range(8):
        for _ in range(5):
            pace.refused("ann@slow.example", now)
        rests.append(pace.rest("ann@slow.example", now))
        now += rests[-1]
    assert rests == [30, 60, 120, 240, 480, 900, 900, 900]
    pace.accepted("ben@slow.example")
    pace.refused("ann@slow.example", now)
    assert pace.rest("ann@slow.example", now) == 0.0


def test_a_domain_that_never_takes_anything_again_rests_at_its_longest_for_years() -> None:
    pace, now = Pace(8), 0.0
    for _ in range(40_000):
        pace.refused("ann@dead.example", now)
        now += pace.rest("ann@dead.example", now)
    pace.refused("ann@dead.example", now)
    assert pace.rest("ann@dead.example", now) == 900


def test_a_server_that_refuses_us_is_given_time_and_fewer_connections_and_more_again_later() -> None:
    pace = Pace(8)
    pace.throttled(0.0)
    assert (pace.pause(0.0), pace.connections) == (0.5, 4)
    pace.throttled(0.2)
    assert (pace.pause(0.2), pace.connections) == (0.3, 4), "what was under way already says nothing new"
    pace.throttled(1.0)
    assert (pace.pause(1.0), pace.connections) == (1.0, 2)
    for _ in range(1_000):
        pace.accepted("ann@example.com")
    assert pace.connections == 8
    pace.throttled(5.0)
    assert pace.pause(5.0) == 0.5


def test_dispatchers_that_send_at_the_same_time_share_the_connections() -> None:
    pace = Pace(8)
    pace.share(2)
    assert pace.connections == 4
    for _ in range(1_000):
        pace.accepted("ann@example.com")
    assert pace.connections == 4, "its share is the most"
    pace.share(1)
    assert pace.connections == 8
    pace.throttled(0.0)
    pace.share(1)
    assert pace.connections == 4, "a server that wants fewer gets fewer"
    pace.share(100)
    assert pace.connections == 1


@given(st.lists(st.sampled_from(["accepted", "refused", "throttled", "share"]), max_size=200))
def test_there_is_always_a_connection_and_no_wait_is_longer_than_a_quarter_of_an_hour(
    steps: list[str],
) -> None:
    pace = Pace(4)
    for now, step in enumerate(steps):
        match step:
            case "accepted":
                pace.accepted("ann@example.com")
            case "refused":
                pace.refused("ann@example.com", now)
            case "throttled":
                pace.throttled(now)
            case _:
                pace.share(now % 4)
        assert 1 <= pace.connections <= 4
        assert 0 <= pace.pause(now) <= 60
        assert 0 <= pace.rest("ann@example.com", now) <= 900
