"""A client that takes a call back while a mail is on its way does not cut the mail in half."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.cli.processes import run
from tests.support.handshakes import Stdio, over_stdio
from tests.support.relay import Relay, relaying
from tests.support.waiting import eventually

ANN = "ann@example.com"
EVENT = {"summary": "Opener", "start": "2037-05-02T19:00:00Z", "duration": "PT2H", "timezone": "UTC"}


@asynccontextmanager
async def _connected(folder: Path, relay: Relay) -> AsyncIterator[Stdio]:
    """A client whose server sends to the relay; afterwards its books add up."""
    outbox = f"smtp://127.0.0.1:{relay.port}?starttls=no"
    async with over_stdio(folder, CIS_OUTBOX=outbox) as wire:
        await wire.shake_hands("2025-11-25")
        yield wire
    code, said, _ = await run(folder, "check")
    assert (code, said) == (0, "Everything adds up.\n")


async def _done(wire: Stdio, tool: str, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await wire.call(tool, **arguments))["structuredContent"]
    return found


async def _begun(wire: Stdio, uid: str, email: str = ANN) -> int:
    """The number of a call that invites somebody and waits for what becomes of it."""
    arguments = {"uid": uid, "email": email, "wait_s": 30}
    request = wire.request("tools/call", name="send_invite", arguments=arguments)
    await wire.send(request)
    return int(request["id"])


async def _taken_back(wire: Stdio, number: int) -> None:
    """Take a call back; the server has read it once it answers what is asked next."""
    await wire.tell("notifications/cancelled", requestId=number, reason="changed my mind")
    await wire.ask("ping")


async def _accepted(wire: Stdio, uid: str) -> int:
    delivery: dict[str, int] = (await _done(wire, "get_stats", scope="event", key=uid))["delivery"]
    return delivery["sent"]


async def _until_accepted(wire: Stdio, uid: str, people: int) -> None:
    """Return once the mail server has taken the mails to that many people."""

    async def over() -> bool:
        return await _accepted(wire, uid) == people

    await eventually(over)


async def test_an_invite_that_is_taken_back_while_the_relay_has_it_is_sent_once(tmp_path: Path) -> None:
    async with relaying() as relay, _connected(tmp_path, relay) as wire:
        uid = (await _done(wire, "create_event", **EVENT))["event"]["uid"]
        relay.answering.clear()
        number = await _begun(wire, uid)
        await eventually(lambda: relay.deliveries)
        await _taken_back(wire, number)
        assert await _accepted(wire, uid) == 0
        relay.answering.set()
        await _until_accepted(wire, uid, 1)
        again = await _done(wire, "send_invite", uid=uid, email=ANN, wait_s=30)
        assert (again["status"], again["delivery"]) == ("already_invited", "sent")
        assert wire.strays == [], "a call that is taken back gets no answer"
        assert [(d.recipient, d.method) for d in relay.deliveries] == [(ANN, "REQUEST")]
        assert again["message_id"] == relay.deliveries[0].message_id


async def test_an_invite_that_is_taken_back_at_any_moment_is_sent_once_when_it_is_asked_for_again(
    tmp_path: Path,
) -> None:
    people = [f"p{n}@example.com" for n in range(12)]
    async with relaying() as relay, _connected(tmp_path, relay) as wire:
        uid = (await _done(wire, "create_event", **EVENT))["event"]["uid"]
        for later, email in enumerate(people):
            number = await _begun(wire, uid, email)
            for _ in range(later):
                await wire.ask("ping")
            await _taken_back(wire, number)
        for email in people:
            again = await _done(wire, "send_invite", uid=uid, email=email, wait_s=30)
            assert again["status"] in {"sent", "already_invited"}
        await _until_accepted(wire, uid, len(people))
        assert sorted(d.recipient for d in relay.deliveries) == sorted(people)
