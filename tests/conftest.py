"""What every test may ask for: a clock that it moves, an engine of its own, settings from nowhere else."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import AsyncIterator, Generator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from engine.engine import Engine
from engine.inbox.contents.readers import Readers
from engine.process.heap import settle
from tests.support import forks
from tests.support.clock import Clock
from tests.support.compiling import compile_beside
from tests.support.engines import engine_in
from tests.support.leftovers import collect
from tests.support.names import nobody
from tests.support.schemas import check_each_once
from tests.support.scratch import use_memory
from tests.support.soak import examples
from tests.support.workers import add_option, run_in_workers

# How long an example takes says more of the machine than of us; what must not take long has a test of its own.
settings.register_profile("cis", examples(200), deadline=None)
settings.load_profile("cis")


use_memory()
check_each_once()

# What was imported and collected stays for good: the collector need not look through it while tests run, nor before.
gc.disable()

# httpx and httpcore ask several times for each request whether this library is here: it is not, which Python does not
# remember by itself but looks for in every folder anew.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

# Each client of HTTP or SMTP reads all authorities that are trusted, which takes 20 ms; in tests only a test's own are.
# This one has signed nothing, and its key is gone.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "fixtures" / "authority.pem")
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent / "fixtures")

LONGEST = (
    "judges/test_inspector.py",
    "judges/test_conformance.py",
    "attacks/test_costly_mails.py",
    "outbox/test_sender_pool.py",
    "attacks/test_stopping.py",
    "cli/test_serve.py",
    "agents/test_orders.py",
    "mail/test_growth.py",
    "attacks/test_backscatter.py",
    "faults/test_server.py",
    "tools/test_size.py",
    "inbox/test_imap.py",
    "triggers/test_orders.py",
    "inbox/test_authentication.py",
    "attacks/test_sender_authentication.py",
    "packaging/test_bundle.py",
    "attacks/test_costly_reading.py",
    "attacks/test_quarantine_floods.py",
    "faults/test_disk.py",
    "attacks/test_turns.py",
    "attacks/test_tools.py",
)
"""Files of many seconds. They come first: one at the end would leave the other cores idle."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests be run by several processes."""
    add_option(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Begin with what takes long in a new checkout."""
    compile_beside(session.config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run what was collected in as many processes as were asked for; one server forks commands for them all."""
    if sys.platform == "linux":
        forks.begin()
    return run_in_workers(session)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order that files are dealt out in; within a file nothing moves."""
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def pytest_collection_finish() -> None:
    """All is loaded."""
    gc.collect()
    settle()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """Fail a test that leaves something open; at the end of a file what was left by tests without a loop, too.

    What a test made and dropped is young: only what several tests share needs the look at everything.
    """
    yield
    last = nextitem is None or nextitem.path != item.path
    if last or item.get_closest_marker("asyncio"):
        collect(whole=last)
    if last:
        gc.freeze()  # what is left belongs to no file: it need not be looked through again


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CIS_") and name != "CIS_JUDGES"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CIS_DNS", nobody().address)
    # What starts unseen leaves at once here, too; tests/tools/test_undo.py has the time that it waits for.
    monkeypatch.setenv("CIS_UNDO_CAMPAIGN_S", "0")


@pytest.fixture
def clock() -> Clock:
    """A clock at 1 March 2027, 09:00 UTC."""
    return Clock()


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    """Readers for a router of the test's own; none of their processes outlives the test."""
    opened = Readers()
    yield opened
    await opened.close()


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    """An engine over a new folder; when the test is over, everything must still add up."""
    async with engine_in(tmp_path, clock) as opened:
        yield opened
