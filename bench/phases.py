"""What each phase of a mail of a campaign costs, in one process and without SMTP: `python -m bench.phases [N]`.

A figure is the processor time for one mail in the cheapest of many parts, which a busy machine hardly changes.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from pathlib import Path

from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign
from engine.commands.campaigns.fan_out import FanOut
from engine.commands.events.events import CreateEvent
from engine.commands.events.timing import Timing
from engine.engine import SYSTEM, Engine
from engine.model.claims import Claim
from engine.model.events import Event
from engine.model.list_rows import ListRow
from engine.outbox import answers
from engine.outbox.render import Renderer
from engine.outbox.smtp.wire import Extensions, body, commands
from engine.outbox.transport import Accepted, Envelope
from engine.process import heap
from engine.settings import Settings

_CHUNK, _CLAIMED, _PART = 1_000, 768, 64
_MICROSECONDS = 1_000_000
_OFFERS = Extensions(pipelining=True, eight_bit=True, takes_size=True)
_TAKEN = Accepted("250 2.0.0 Ok: queued as 4D2B81C0A3")


class Phases:
    """Processor seconds for one mail, by phase, of each part that was measured."""

    def __init__(self) -> None:
        self._taken: dict[str, list[float]] = {}

    async def waited(self, phase: str, mails: int, work: Coroutine[object, object, object]) -> None:
        """Measure what is awaited."""
        began = time.process_time()
        await work
        self._note(phase, mails, began)

    def done(self, phase: str, mails: int, work: Callable[[], object]) -> None:
        """Measure what is called."""
        began = time.process_time()
        work()
        self._note(phase, mails, began)

    def _note(self, phase: str, mails: int, began: float) -> None:
        self._taken.setdefault(phase, []).append((time.process_time() - began) / mails)

    def lines(self) -> Iterator[str]:
        """A line for each phase, and one for all."""
        least = {phase: min(taken) * _MICROSECONDS for phase, taken in self._taken.items()}
        yield from (f"{phase}: {us:.1f} µs" for phase, us in least.items())
        yield f"together: {sum(least.values()):.1f} µs"


async def _measured(folder: Path, people: int) -> Phases:
    settings = Settings(data_dir=folder, domain="cis.test", invite_limit=0, undo_campaign_s=0)
    engine, phases = await Engine.open(settings), Phases()
    try:
        await _start(engine, (await _event(engine)).uid, people)
        heap.settle()
        for _ in range(people // _CHUNK):
            await phases.waited("fan-out", _CHUNK, engine.apply(FanOut(), SYSTEM))
        renderer = Renderer(settings, engine.store)
        for _ in range(people // _CLAIMED):
            await _sent(engine, phases, renderer, await _claimed(engine, phases))
    finally:
        await engine.close()
    return phases


async def _event(engine: Engine) -> Event:
    command = CreateEvent(
        summary="Season call for {{name}}",
        when=Timing(start="2031-05-06T19:30:00", duration="PT1H", timezone="Europe/Paris"),
        location="Room 4, Example Hall",
        description="Hello {{name}}, bring your questions; the room opens a quarter of an hour earlier.",
    )
    return (await engine.apply(command, engine.local)).event


async def _start(engine: Engine, uid: str, people: int) -> None:
    rows = [ListRow(email=f"member{n}@example.com", name=f"Guest {n}") for n in range(people)]
    draft = await engine.apply(DraftCampaign(uid=uid, recipients=rows), engine.local)
    start = ControlCampaign(
        campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
    )
    await engine.apply(start, engine.local)


async def _claimed(engine: Engine, phases: Phases) -> Sequence[Claim]:
    found: list[Claim] = []

    async def claim() -> None:
        found.extend(await engine.store.claim_messages("bench", _CLAIMED, engine.clock, 60.0))

    await phases.waited("claim", _CLAIMED, claim())
    return found


async def _sent(engine: Engine, phases: Phases, renderer: Renderer, claims: Sequence[Claim]) -> None:
    for first in range(0, _CLAIMED, _PART):
        some, mails = claims[first : first + _PART], list[Envelope]()

        async def render(some: Sequence[Claim] = some, mails: list[Envelope] = mails) -> None:
            mails.extend([await renderer.render(claim, engine.clock()) for claim in some])

        await phases.waited("render", _PART, render())
        phases.done("to the wire", _PART, partial(_to_the_wire, mails))
    results = [answers.accepted(claim, _TAKEN) for claim in claims]
    await phases.waited(
        "write answers", _CLAIMED, engine.store.write_answers("bench", results, engine.clock())
    )


def _to_the_wire(mails: Sequence[Envelope]) -> list[bytes]:
    return [b"".join([*commands(mail, _OFFERS), body(mail.content)]) for mail in mails]


def main() -> None:
    """Print what each phase costs."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        for line in asyncio.run(_measured(Path(folder), people)).lines():
            print(line, flush=True)


if __name__ == "__main__":
    main()
