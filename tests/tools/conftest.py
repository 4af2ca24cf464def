"""Both eras of the protocol."""

from __future__ import annotations

import pytest

from tests.tools.caller import Mode


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """`auto` speaks the modern protocol, `legacy` the one with a handshake."""
    value: Mode = request.param
    return value
