"""Bounces and complaints, end to end: SES's mailbox simulator returns two mails, and the queue reports both."""

from __future__ import annotations

import asyncio

from cis_mcp.watch.checks import Check, failed, skipped, verified
from engine.commands.operators.simulating import SIMULATED, ForgetSimulator, MailSimulator
from engine.engine import Engine

NAME = "bounces, complaints"
_LOOKS, _LOOK_S = 180, 0.5
"""A minute and a half: SES publishes within seconds."""


async def returns(engine: Engine) -> Check | None:
    """Mail the simulator and wait for its bounce and complaint; None if mail is not sent through SES."""
    settings = engine.settings
    if not settings.outbox.get_secret_value().strip().startswith("ses://"):
        return None
    if "sqs://" not in settings.inbox.get_secret_value():
        return skipped(NAME, "CIS_INBOX names no queue (sqs://) that tells of them")
    await engine.apply(MailSimulator(), engine.local)
    try:
        for _ in range(_LOOKS):
            if not (missing := await _missing(engine)):
                return verified(NAME, "the simulator's bounce and complaint came by the queue")
            await asyncio.sleep(_LOOK_S)
        what = " and ".join(missing)
        why = f"nothing tells of the {what}: does the configuration set publish to the topic of the queue?"
        return failed(NAME, why)
    finally:
        await engine.apply(ForgetSimulator(), engine.local)


async def _missing(engine: Engine) -> list[str]:
    """The names of what has not arrived yet."""
    found = []
    for address, cause in SIMULATED.items():
        entries = await engine.suppressions_of(engine.local, "", address)
        if not any(entry.target == address and entry.cause is cause for entry in entries):
            found.append(address.partition("@")[0])
    return found
