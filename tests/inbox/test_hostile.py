"""Mails that were made to keep us busy: each ends in one action with a code."""

from __future__ import annotations

import pytest

from bench.hostile_mails import NAMES, made
from engine.engine import Engine
from engine.inbox.router import Router
from engine.inbox.spool import Envelope, Mailbox, Spooled
from engine.refusals import Code

SIZE = 1_000_000
"""What they cost at 10 MB is counted in tests/mail/test_growth.py, and limited in tests/attacks."""


@pytest.mark.parametrize("name", NAMES)
async def test_a_hostile_mail_ends_in_one_action_with_a_code(engine: Engine, name: str) -> None:
    envelope = Envelope(id="1", mailboxes=(Mailbox(name="create"),), sender="joe@example.org")
    spooled = Spooled(envelope=envelope, raw=made(name, SIZE))
    (outcome,) = await Router(engine).handle(spooled)
    assert outcome.code in set(Code)
    assert outcome.detail
