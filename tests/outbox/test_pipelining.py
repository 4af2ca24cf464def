"""The fast way out: what is said, what comes of each answer, and of none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.outbox.smtp.pipelining import Patience, PipeliningTransport
from engine.outbox.target import SmtpTarget
from engine.outbox.transport import Accepted, Envelope, Rejected
from tests.outbox.scripted import DROP, HALF_CLOSE, HANG, LOCKSTEP, PIPELINING, Script, envelope, scripted
from tests.support.ports import free_port
from tests.support.soak import examples
from tests.support.waiting import DEADLINE_S, eventually, time_passes

BOTH = pytest.mark.parametrize("offers", [PIPELINING, LOCKSTEP], ids=["pipelining", "one at a time"])
OK = "250 2.0.0 kept"


def told(outcome: Accepted | Rejected) -> str:
    return outcome.answer


async def outcomes(
    transport: PipeliningTransport,
    envelopes: Sequence[Envelope],
    *,
    close: bool = True,
    seconds: float = DEADLINE_S,
) -> list[Accepted | Rejected]:
    """What became of each, in the order of the list; each is settled exactly once. `seconds`: on the loop's clock."""
    found: dict[int, Accepted | Rejected] = {}

    def settled(index: int, outcome: Accepted | Rejected) -> None:
        assert index not in found
        found[index] = outcome

    async with asyncio.timeout(seconds):
        await transport.send_many(envelopes, settled)
        if close:
            await transport.close()
    return [found[index] for index in range(len(envelopes))]


def mails(names: str) -> list[Envelope]:
    return [envelope(name) for name in names]


# What is said


async def test_the_commands_of_the_next_mail_follow_a_mail_in_one_write() -> None:
    async with scripted() as server:
        assert [told(o) for o in await outcomes(server.transport(), mails("abc"))] == [OK] * 3
    _, first, second, third, last, bye = server.reads
    assert first.startswith(b"MAIL FROM:<rsvp+a@example.org>\r\nRCPT TO:<a@")
    assert first.endswith(b"DATA\r\n")
    for read in (second, third):
        content, _, following = read.partition(b"\r\n.\r\n")
        assert content.endswith(b"Hello.")
        assert following.startswith(b"MAIL")
        assert following.endswith(b"DATA\r\n")
    assert last.endswith(b"\r\n.\r\n")
    assert bye == b"QUIT\r\n"


async def test_a_server_without_pipelining_gets_one_command_at_a_time() -> None:
    async with scripted(Script(offers=LOCKSTEP)) as server:
        assert [told(o) for o in await outcomes(server.transport(), mails("ab"))] == [OK] * 2
    commands = [read for read in server.reads if not read.startswith(b"Subject")]
    assert [read.count(b"\n") for read in commands] == [1] * len(commands)


async def test_a_server_that_knows_no_ehlo_is_served_too() -> None:
    async with scripted(Script(answers={"EHLO": "502 5.5.2 what?"})) as server:
        assert [told(o) for o in await outcomes(server.transport(), mails("ab"))] == [OK] * 2
    assert "HELO client.example.org" in server.commands


@BOTH
async def test_mails_arrive_whole_and_in_order(offers: tuple[str, ...]) -> None:
    content = b"Subject: Dots\r\n\r\n.\r\n..\r\n" + b"long line\r\n" * 40_000
    async with scripted(Script(offers=offers)) as server:
        await outcomes(server.transport(), [envelope(name, content) for name in "abc"])
    assert server.mails == [(f"rsvp+{n}@example.org", f"{n}@example.com", content) for n in "abc"]


async def test_an_empty_list_asks_nobody() -> None:
    async with scripted() as server:
        assert await outcomes(server.transport(), []) == []
    assert server.connections == 0


# What is answered


@BOTH
@pytest.mark.parametrize("command", ["MAIL FROM:<rsvp+b@", "RCPT TO:<b@", ". b@"])
@pytest.mark.parametrize(("answer", "permanent"), [("450 4.2.0 later", False), ("550 5.1.1 never", True)])
async def test_a_refusal_is_of_one_mail_alone(
    offers: tuple[str, ...], command: str, answer: str, permanent: bool
) -> None:
    async with scripted(Script(offers=offers, answers={command: answer})) as server:
        first, refused, third = await outcomes(server.transport(), mails("abc"))
    assert (told(first), told(third)) == (OK, OK)
    assert isinstance(refused, Rejected)
    assert (refused.answer, refused.permanent) == (answer, permanent)
    assert not refused.in_doubt
    assert refused.server is (command.startswith("MAIL") and not permanent)
    assert server.recipients == ["a@example.com", "c@example.com"]
    assert server.connections == 1


@BOTH
async def test_a_refusal_of_data_is_told_in_the_servers_words(offers: tuple[str, ...]) -> None:
    async with scripted(Script(offers=offers, answers={"DATA": "451 4.3.0 disk\x1b[31m full"})) as server:
        found = await outcomes(server.transport(), mails("ab"))
    assert [told(o) for o in found] == ["451 4.3.0 disk [31m full"] * 2
    assert server.connections == 1


async def test_a_lone_dot_for_a_server_that_wants_a_mail_without_a_recipient_is_not_counted() -> None:
    script = Script(forgiving=True, answers={"RCPT TO:<b@": "550 5.1.1 never"})
    async with scripted(script) as server:
        found = await outcomes(server.transport(), mails("abbc"))
    assert [told(o) for o in found] == [OK, "550 5.1.1 never", "550 5.1.1 never", OK]
    # What the server made of the lone dots has no content and, for want of a recipient, goes nowhere.
    assert [content for _, _, content in server.mails if content] == [mails("a")[0].content] * 2
    assert [recipient for _, recipient, content in server.mails if content] == [
        "a@example.com",
        "c@example.com",
    ]


async def test_a_lone_dot_may_be_the_last_thing_said() -> None:
    async with scripted(Script(forgiving=True, answers={"RCPT": "550 5.1.1 never"})) as server:
        assert [told(o) for o in await outcomes(server.transport(), mails("ab"))] == ["550 5.1.1 never"] * 2


async def test_answers_of_several_lines_are_understood() -> None:
    async with scripted(Script(answers={". a@": "250-2.0.0 kept\r\n250 as 12AB"})) as server:
        assert [told(o) for o in await outcomes(server.transport(), mails("a"))] == ["250 2.0.0 kept as 12AB"]


async def test_one_mail_is_sent_by_itself() -> None:
    async with scripted(Script(answers={"RCPT TO:<b@": "550 5.1.1 never"})) as server:
        transport = server.transport()
        assert await transport.send(envelope("a")) == Accepted(answer=OK)
        with pytest.raises(Rejected, match=r"550 5\.1\.1 never"):
            await transport.send(envelope("b"))
        await transport.close()
    assert server.connections == 1


# How connections end


@BOTH
@pytest.mark.parametrize("command", ["MAIL FROM:<rsvp+c@", "RCPT TO:<c@"])
@pytest.mark.parametrize("answer", ["421 4.3.2 going down", DROP])
async def test_a_mail_that_was_not_on_its_way_when_the_server_left_goes_by_another_connection(
    offers: tuple[str, ...], command: str, answer: str
) -> None:
    def welcome(script: Script) -> str:
        if script.connections == 2:
            script.answers.clear()
        return "220 script.example.net"

    async with scripted(Script(offers=offers, answers={command: answer}, welcome=welcome)) as server:
        found = await outcomes(server.transport(), mails("abcd"))
    assert [told(o) for o in found] == [OK] * 4
    assert server.recipients == [f"{name}@example.com" for name in "abcd"]
    assert server.connections == 2


@BOTH
@pytest.mark.parametrize("farewell", [DROP, "421 4.7.0 enough for today"])
async def test_a_server_that_leaves_after_some_mails_gets_the_others_by_new_connections(
    offers: tuple[str, ...], farewell: str
) -> None:
    async with scripted(Script(offers=offers, mails_per_connection=3, farewell=farewell)) as server:
        found = await outcomes(server.transport(), mails("abcdefgh"))
    # Where a connection is reset, an answer may be lost on the way; such a mail is in doubt.
    lost = [o for o in found if isinstance(o, Rejected)]
    assert all(o.in_doubt and o.server for o in lost)
    assert farewell == DROP or not lost
    assert server.recipients == [f"{name}@example.com" for name in "abcdefgh"]


@BOTH
async def test_a_mail_whose_last_answer_never_came_is_in_doubt_and_the_others_go_on(
    offers: tuple[str, ...],
) -> None:
    async with scripted(Script(offers=offers, answers={". b@": DROP})) as server:
        first, lost, third = await outcomes(server.transport(), mails("abc"))
    assert (told(first), told(third)) == (OK, OK)
    assert isinstance(lost, Rejected)
    assert lost.in_doubt
    assert not lost.permanent


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_server_that_always_leaves_before_a_mail_is_left_alone(command: str) -> None:
    async with scripted(Script(answers={command: DROP})) as server:
        found = await outcomes(server.transport(), mails("abcdef"))
    assert all(isinstance(o, Rejected) and not o.in_doubt for o in found)
    assert server.connections == 2


async def test_a_mail_that_could_not_be_handed_over_whole_is_not_in_doubt() -> None:
    large = envelope("a", b"long line\r\n" * 2_000_000)
    async with scripted(Script(answers={"DATA": HALF_CLOSE})) as server:
        (lost,) = await outcomes(server.transport(), [large])
    assert isinstance(lost, Rejected)
    assert not lost.in_doubt


@BOTH
async def test_a_421_at_the_end_of_a_mail_is_its_answer(offers: tuple[str, ...]) -> None:
    async with scripted(Script(offers=offers, answers={". b@": "421 4.3.2 going down"})) as server:
        first, refused, third = await outcomes(server.transport(), mails("abc"))
    assert (told(first), told(refused), told(third)) == (OK, "421 4.3.2 going down", OK)
    assert isinstance(refused, Rejected)
    assert not refused.permanent
    assert server.connections == 2


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", ". a@"])
async def test_a_server_that_says_nothing_is_not_waited_for_for_ever(command: str) -> None:
    async with scripted(Script(answers={command: HANG})) as server:
        patient = outcomes(server.transport(answer=60, end_of_data=60), mails("a"), seconds=1e9)
        sending = asyncio.create_task(patient)
        await eventually(lambda: server.hangs)
        # Again and again: the client may begin to wait for this answer only after it has read the one before.
        await eventually(lambda: time_passes(61) or sending.done())
        lost, *_ = await sending
    assert isinstance(lost, Rejected)
    assert lost.in_doubt is (command == ". a@")
    assert lost.answer == "the server did not answer in time"


async def test_the_end_of_a_mail_is_waited_for_longer_than_commands_are() -> None:
    async with scripted(Script(answers={". a@": HANG})) as server:
        sending = asyncio.create_task(outcomes(server.transport(answer=20, end_of_data=100), mails("a")))
        await eventually(lambda: server.hangs)
        time_passes(50)
        assert not (await asyncio.wait({sending}, timeout=0.05))[0]
        time_passes(50)
        (lost,) = await sending
    assert isinstance(lost, Rejected)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"250 " + b"x" * 100_000,
        b"250-x\r\n" * 10_000,
        b"\x00\xff" * 5_000,
        b"354 go on\r\n",
        b"250 2.0.0 OK\r\n250 2.0.0 OK\r\n250 2.0.0 OK\r\n250 2.0.0 OK\r\n250 2.0.0 OK\r\n",
    ],
)
@pytest.mark.parametrize("command", ["MAIL", ". a@"])
async def test_a_server_that_talks_nonsense_is_hung_up_on(answer: bytes, command: str) -> None:
    async with scripted(Script(answers={command: answer})) as server:
        (lost,) = await outcomes(server.transport(), mails("a"))
        await eventually(lambda: not server.open)
    accepted = isinstance(lost, Accepted)
    assert accepted is (command == ". a@" and answer.startswith(b"250 2.0.0 OK"))
    assert accepted or (isinstance(lost, Rejected) and lost.in_doubt is (command == ". a@"))


async def test_a_server_that_cannot_be_reached_defers_everything() -> None:
    transport = PipeliningTransport(
        SmtpTarget(host="127.0.0.1", port=free_port(), connections=3), "client.example.org"
    )
    found = await asyncio.gather(*(outcomes(transport, mails("abc")) for _ in range(5)))
    assert all(isinstance(o, Rejected) and o.server and not o.permanent for batch in found for o in batch)
    assert "cannot connect" in told(found[0][0])


@pytest.mark.parametrize(
    "answer", ["554 5.7.1 not you", "421 4.7.0 too many", HANG, DROP, b"\xff\r\n", b"x" * 99_999]
)
async def test_a_server_that_does_not_greet_defers_everything(answer: str | bytes) -> None:
    async with scripted(Script(welcome=lambda _: answer)) as server:  # type: ignore[arg-type,return-value]
        found = await outcomes(server.transport(connect=0.3), mails("ab"))
    assert all(isinstance(o, Rejected) and not o.permanent for o in found)


# Which connection


async def test_a_connection_carries_a_thousand_mails_at_most() -> None:
    async with scripted() as server:
        found = await outcomes(server.transport(), [envelope(f"p{n}") for n in range(2_100)])
    assert [told(o) for o in found] == [OK] * 2_100
    assert server.connections == 3
    assert server.most_open <= 2


async def test_connections_are_opened_while_all_are_busy_and_no_more_than_allowed() -> None:
    async with scripted() as server:
        transport = server.transport(connections=4)
        await asyncio.gather(*(outcomes(transport, mails("abcdefgh"), close=False) for _ in range(20)))
        assert server.connections == 4
        await transport.close()
    assert len(server.mails) == 160


async def test_one_after_the_other_needs_one_connection() -> None:
    async with scripted() as server:
        transport = server.transport(connections=4)
        for _ in range(5):
            await outcomes(transport, mails("ab"), close=False)
        await transport.close()
    assert server.connections == 1


async def test_an_idle_connection_is_closed_politely() -> None:
    async with scripted() as server:
        transport = server.transport(idle=0.05)
        await transport.send(envelope("a"))
        await eventually(lambda: not server.open)
        assert server.commands[-1] == "QUIT"
        await transport.send(envelope("b"))
        await transport.close()
    assert server.connections == 2


@pytest.mark.parametrize("farewell", [DROP, "421 4.4.2 idle for too long"])
async def test_a_connection_that_the_server_closed_while_idle_is_replaced(farewell: str) -> None:
    async with scripted(Script(mails_per_connection=1, farewell=farewell)) as server:
        transport = server.transport()
        for name in "abc":
            assert isinstance(await transport.send(envelope(name)), Accepted)
            await eventually(lambda: not server.open)
        await transport.close()
    assert server.recipients == ["a@example.com", "b@example.com", "c@example.com"]


async def test_a_server_that_takes_two_connections_gets_all_mails_by_two() -> None:
    script = Script(welcome=lambda s: "220 come in" if len(s.open) <= 2 else "421 4.7.0 too many connections")
    async with scripted(script) as server:
        transport = server.transport(connections=10)
        found = await asyncio.gather(
            *(outcomes(transport, mails("abcdefgh"), close=False) for _ in range(30))
        )
        await transport.close()
    assert all(told(o) == OK for batch in found for o in batch)
    assert len(server.mails) == 240


async def test_a_delivery_that_is_called_off_settles_all_and_frees_its_turn() -> None:
    found: dict[int, Accepted | Rejected] = {}
    async with scripted(Script(answers={". b@": HANG})) as server:
        transport = server.transport()
        task = asyncio.create_task(transport.send_many(mails("abcd"), found.__setitem__))
        await eventually(lambda: 0 in found and "MAIL FROM:<rsvp+c@example.org>" not in server.commands)
        await eventually(lambda: any(b".\r\nMAIL FROM:<rsvp+c@" in read for read in server.reads))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.answers.clear()
        assert await transport.send(envelope("e")) == Accepted(answer=OK)
        await transport.close()
    assert told(found.pop(0)) == OK
    assert sorted(found) == [1, 2, 3]
    doubts = [o.in_doubt for _, o in sorted(found.items()) if isinstance(o, Rejected)]
    assert doubts == [True, False, False]


async def test_deliveries_that_wait_for_a_connection_can_be_called_off() -> None:
    # Whichever of them comes in first hangs.
    script = Script(
        welcome=lambda s: "220 come in" if len(s.open) == 1 else "421 4.7.0 too many",
        answers={f". {name}@": HANG for name in "abc"},
    )
    async with scripted(script) as server:
        transport = server.transport(connections=3)
        tasks = [asyncio.create_task(outcomes(transport, mails(name), close=False)) for name in "abc"]
        await eventually(lambda: server.connections == 3 and len(server.open) == 1)
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends)
        server.answers.clear()
        assert await transport.send(envelope("d")) == Accepted(answer=OK)
        await transport.close()


async def test_a_delivery_that_is_called_off_at_any_moment_of_its_connecting_goes_no_further() -> None:
    async with scripted(Script(welcome=lambda s: "421 4.7.0 too many")) as server:
        transport = server.transport()
        await outcomes(transport, mails("a"), close=False)
        for moment in count():
            sending = asyncio.create_task(transport.send(envelope("b")))
            for _ in range(moment):
                await asyncio.sleep(0)
            if sending.done():
                break
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
        with pytest.raises(Rejected):
            await sending
        await transport.close()


async def test_one_listener_that_fails_does_not_stop_the_mails(caplog: pytest.LogCaptureFixture) -> None:
    def settled(index: int, outcome: Accepted | Rejected) -> None:
        raise RuntimeError("a fault of the caller")

    async with scripted() as server:
        transport = server.transport()
        with caplog.at_level(logging.ERROR):
            await transport.send_many(mails("abc"), settled)
        await transport.close()
    assert len(server.mails) == 3
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 3
    assert "example.com" not in caplog.text


async def test_greeting_connects_and_sends_nothing() -> None:
    async with scripted() as server:
        await server.transport().greet()
    assert server.commands == ["EHLO client.example.org", "QUIT"]


async def test_what_a_server_cannot_take_is_refused_between_the_others() -> None:
    async with scripted(Script(offers=("PIPELINING", "SIZE 60"))) as server:
        plain, large = mails("a")[0], envelope("b", b"long line\r\n" * 9)
        eight_bit = envelope("c", b"\xc3\xab\r\n")
        found = await outcomes(server.transport(), [large, plain, eight_bit, plain, large])
    assert [isinstance(o, Accepted) for o in found] == [False, True, False, True, False]
    assert [o.permanent for o in found if isinstance(o, Rejected)] == [True] * 3
    assert server.commands[1].endswith(f"SIZE={len(plain.content)}")


# Whatever happens

FATES: dict[str, dict[str, str | bytes]] = {
    ".": {},
    "m": {"MAIL FROM:<rsvp+{}@": "450 4.1.8 later"},
    "r": {"RCPT TO:<{}@": "550 5.1.1 never"},
    "e": {". {}@": "554 5.6.0 never"},
    "d": {". {}@": DROP},
    "c": {"RCPT TO:<{}@": "421 4.3.2 going down"},
    "x": {"MAIL FROM:<rsvp+{}@": DROP},
    "g": {". {}@": b"nonsense\r\n"},
}


@settings(examples(120), suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="".join(FATES), max_size=12), st.sampled_from([PIPELINING, LOCKSTEP]), st.booleans())
def test_each_mail_is_settled_once_and_kept_where_it_was_accepted(
    fates: str, offers: tuple[str, ...], forgiving: bool
) -> None:
    envelopes = [envelope(f"p{n}") for n in range(len(fates))]
    answers = {
        beginning.format(f"p{n}"): answer
        for n, fate in enumerate(fates)
        for beginning, answer in FATES[fate].items()
    }

    async def run() -> tuple[list[Accepted | Rejected], Script]:
        async with scripted(Script(offers=offers, forgiving=forgiving, answers=dict(answers))) as server:
            return await outcomes(server.transport(), envelopes), server

    found, server = asyncio.run(run())
    kept = [recipient for _, recipient, content in server.mails if content]
    # A reset can overtake an answer; what the server kept and could not say is in doubt.
    maybe = [e.recipient for e, o in zip(envelopes, found, strict=True) if _maybe_taken(o)]
    accepted = {e.recipient for e, o in zip(envelopes, found, strict=True) if isinstance(o, Accepted)}
    assert kept == [recipient for recipient in maybe if recipient in kept]
    assert accepted <= set(kept)
    permanent = [o.permanent for o in found if isinstance(o, Rejected)]
    assert sum(permanent) <= fates.count("r") + fates.count("e")
    if not set(fates) & {"d", "c", "x", "g"}:
        assert [isinstance(o, Accepted) for o in found] == [fate == "." for fate in fates]


def _maybe_taken(outcome: Accepted | Rejected) -> bool:
    return isinstance(outcome, Accepted) or (isinstance(outcome, Rejected) and outcome.in_doubt)


def test_patience_is_bounded_as_the_rfc_allows() -> None:
    assert (Patience().answer, Patience().end_of_data) == (60, 300)
