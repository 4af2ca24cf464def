"""Tools that read a few rows read them in the event loop: the way to a thread and back costs as much as the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.engines import created, deliver, engine_in, invite
from tests.support.queries import counting_queries
from tests.tools.caller import calling

_PERSON = "guest@example.com"
_READS: dict[str, tuple[dict[str, object], int]] = {
    "get_event": ({"uid": "{uid}"}, 1),
    "get_stats": ({"scope": "event", "key": "{uid}"}, 1),
    "list_attendees": ({"uid": "{uid}"}, 3),
    "get_attendee": ({"uid": "{uid}", "email": _PERSON}, 10),
    "list_changes": ({}, 2),
}
"""What each tool is asked, and how many statements it may take."""


@pytest.mark.parametrize("tool", _READS)
async def test_a_read_takes_few_statements_and_no_way_to_a_thread(tool: str, tmp_path: Path) -> None:
    given, most = _READS[tool]
    with counting_queries() as queries:
        async with engine_in(tmp_path) as engine:
            event = await created(engine)
            await invite(engine, event, _PERSON)
            await deliver(engine)
            async with calling(engine) as caller:
                arguments = {name: str(value).format(uid=event.uid) for name, value in given.items()}
                await caller.ok(tool, **arguments)
                queries.zero()
                await caller.ok(tool, **arguments)
                assert queries.in_threads == set()
                assert queries.different <= most, queries.by_text
