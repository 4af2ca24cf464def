"""Runs the tests in several processes, which are forked when everything is imported and collected.

Collecting takes one process ten seconds, and a new checkout twenty: here one does so for all. Each file of tests is
run by one process, and who is free takes the next file.
"""

from __future__ import annotations

import atexit
import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from signal import SIGINT, default_int_handler, signal
from traceback import format_exc
from typing import Any, Self

import pytest

Indices = list[int]
"""Where a file's tests stand in the session's list."""


def add_option(parser: pytest.Parser) -> None:
    parser.addoption(
        "--workers", default="0", help="how many processes run the tests; auto: two for each core"
    )


def run_in_workers(session: pytest.Session) -> bool | None:
    """Run what was collected; None if pytest is to do so itself."""
    number = _number(session.config)
    if number < 1 or session.testsfailed or session.config.option.collectonly:
        return None
    with _Workers(session) as workers:
        workers.run(number)
    return True


def _number(config: pytest.Config) -> int:
    """Two for each core: many tests wait for processes of their own, or for a time limit."""
    asked: str = config.getoption("--workers")
    if asked == "auto":
        return 2 * (os.cpu_count() or 1)
    if not asked.isdecimal():
        raise pytest.UsageError(f"--workers {asked}: give a number, or auto")
    return int(asked)


@dataclass
class _Worker:
    pid: int
    channel: Connection
    rest: Indices = field(default_factory=list)
    """What it has not finished of the files that it was given."""
    error: str = ""
    """Why it gave up, if it could tell."""


class _Workers:
    """The processes, and the files that none of them has been given yet."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session
        numbered = enumerate(session.items)
        self._files = deque([n for n, _ in of] for _, of in groupby(numbered, key=lambda pair: pair[1].path))
        self._running: list[_Worker] = []

    def __enter__(self) -> Self:
        """Whoever leaves the block leaves no process behind."""
        # Made here, it is removed when this process ends, and no child makes another.
        self._session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        return self

    def __exit__(self, *_: object) -> None:
        """Interrupt those that still run, so that their tests take down what they set up."""
        for worker in self._running:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, SIGINT)
            self._reaped(worker)

    def run(self, number: int) -> None:
        """Return when every test has been run. Raises Failed or Interrupted where pytest's own loop would."""
        for _ in range(min(number, len(self._files))):
            self._start()
        while self._running:
            by_channel = {worker.channel: worker for worker in self._running}
            for ready in wait(list(by_channel)):
                self._receive(by_channel[ready])  # type: ignore[index]
                if self._session.shouldfail:
                    raise self._session.Failed(self._session.shouldfail)
                if self._session.shouldstop:
                    raise self._session.Interrupted(self._session.shouldstop)

    def _start(self) -> None:
        ours, theirs = Pipe()
        self._session.config.get_terminal_writer().flush()
        pid = os.fork()
        if not pid:
            for inherited in (ours, *(worker.channel for worker in self._running)):
                inherited.close()
            _work(self._session, theirs)
        theirs.close()
        self._running.append(_Worker(pid, ours))

    def _receive(self, worker: _Worker) -> None:
        hook, config = self._session.config.hook, self._session.config
        try:
            told, value = worker.channel.recv()
        except (EOFError, ConnectionResetError):
            self._running.remove(worker)
            self._ended(worker, self._reaped(worker))
            return
        if told == "error":
            worker.error = value
        elif told == "done":
            index, reports = value
            worker.rest.remove(index)
            for data in reports:
                report = hook.pytest_report_from_serializable(config=config, data=data)
                hook.pytest_runtest_logreport(report=report)
            item = self._session.items[index]
            hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        else:
            given = self._files.popleft() if self._files else []
            worker.rest += given
            with suppress(BrokenPipeError):
                worker.channel.send(given)

    def _ended(self, worker: _Worker, how: int) -> None:
        """One with tests left died in the first of them, which has failed; another one runs the others."""
        if not worker.rest:
            assert how == 0, f"a process that had run all its tests ended with {how}\n{worker.error}"
            return
        died, *left = worker.rest
        item = self._session.items[died]
        words = f"the process that ran this test ended with {how} in the middle of it\n{worker.error}"
        report = pytest.TestReport(item.nodeid, item.location, {}, "failed", words, "call")
        item.ihook.pytest_runtest_logreport(report=report)
        if left:
            self._files.appendleft(left)
        self._start()

    def _reaped(self, worker: _Worker) -> int:
        """Its exit code, or the negative number of the signal that it died of."""
        worker.channel.close()
        return os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])


class _Reporter:
    """Gathers what this process reports of a test, to be sent in one message."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._reports: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        hook = self._config.hook
        self._reports.append(hook.pytest_report_to_serializable(config=self._config, report=report))

    def taken(self) -> list[dict[str, Any]]:
        """All since the last time."""
        reports, self._reports = self._reports, []
        return reports


def _work(session: pytest.Session, channel: Connection) -> None:
    """Run files until there are no more, and end without what belongs to the first process."""
    code = 1
    signal(SIGINT, default_int_handler)  # a shell's background jobs start with it ignored
    atexit._clear()  # what is registered so far is the first process's to do
    try:
        reporter = _reporting(session.config)
        while given := _next(channel):
            for index, following in zip_longest(given, given[1:]):
                # At the end of a file only what the whole session shares is kept.
                after = session if following is None else session.items[following]
                item = session.items[index]
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                channel.send(("done", (index, reporter.taken())))
        session._setupstate.teardown_exact(None)
        code = 0
    except BaseException:  # noqa: BLE001 - the first process tells it
        channel.send(("error", format_exc()))
    finally:
        atexit._run_exitfuncs()
        channel.close()
        os._exit(code)


def _reporting(config: pytest.Config) -> _Reporter:
    """Leave the terminal to the first process, and capture what tests write in files of this one."""
    reporter = _Reporter(config)
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(reporter)
    capture = config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    return reporter


def _next(channel: Connection) -> Indices:
    """The next file's tests, as the first process deals them out; none at the end."""
    channel.send(("next", None))
    given: Indices = channel.recv()
    return given
