"""What the simulator does not return is named, and nothing of the check stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_mcp.verify import returns
from engine.commands.invites.suppressing import Suppress
from tests.support.clock import Clock
from tests.support.engines import do, engine_in


async def test_a_complaint_that_does_not_come_back_is_named(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returns, "_LOOKS", 2)
    monkeypatch.setattr(returns, "_LOOK_S", 0)
    places = {"outbox": "ses://eu-west-1", "inbox": "sqs://cis?region=eu-west-1"}
    async with engine_in(tmp_path, clock, **places) as engine:
        await do(engine, Suppress(targets=("bounce@simulator.amazonses.com",)))
        check = await returns.returns(engine)
        assert check
        assert (check.mark.value, "bounce and complaint" in check.detail) == ("Failed", True)
        assert await engine.suppressions(engine.local, "", 10, None) == []
        owed = await engine.store.claim_messages("test", 10, clock, 20)
    assert sorted(one.message.email.partition("@")[0] for one in owed) == ["bounce", "complaint"]
