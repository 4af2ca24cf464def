"""Metrics: as text that Prometheus reads, and the same as OpenTelemetry gauges."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from cis_mcp.watch.health import Health
from engine.engine import Engine
from engine.model.counters import Figures, KeptSums
from engine.model.messages import MessageState
from engine.observe.observer import COUNTERS, TIMERS, Histogram, Labels, Observer
from engine.refusals import Code

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Observation

log = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BEGAN = time.time()
_SETTLED_S = 1.0
_ANSWER_S = 2.0
_FRESH_S = 1.0
_NONE = dict.fromkeys((state.value for state in MessageState), 0)


@dataclass(frozen=True)
class MetricSample:
    """One value with its labels; `kind` is gauge or counter."""

    name: str
    kind: str
    says: str
    values: Mapping[Labels, float]


class Folders:
    """How many files folders hold; a folder is counted again only if it has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, int]] = {}

    def count(self, part: str) -> int:
        """The number of files in `part`; 0 if the folder does not exist."""
        try:
            changed = (self._folder / part).stat().st_mtime_ns
        except FileNotFoundError:
            return 0
        known = self._known.get(part)
        if known and known[0] == changed:
            return known[1]
        n = len(os.listdir(self._folder / part))  # noqa: PTH208 -- names alone: they may be many
        if time.time() - changed / 1e9 > _SETTLED_S:
            self._known[part] = (changed, n)
        return n


class MetricsCollector:
    """Gathers the metrics of one engine and of its process."""

    def __init__(self, engine: Engine, health: Health) -> None:
        self._engine = engine
        self._health = health
        self._folders = Folders(engine.settings.data_dir / "inbox")

    async def text(self) -> str:
        """All samples in the text format of Prometheus."""
        return "".join([*_lines(await self.samples()), *_seen(self._engine.observer)])

    async def samples(self) -> list[MetricSample]:
        """All samples, as of now."""
        figures = await self._engine.figures()
        waiting, aside = await asyncio.to_thread(
            lambda: [self._folders.count(p) for p in ("new", "quarantine")]
        )
        return [
            *_ledger(figures),
            _one(
                "cis_oldest_due_seconds",
                "How long the message has waited that is due longest.",
                self._age(figures),
            ),
            _one("cis_inbox_waiting", "Mails received and not yet handled.", waiting),
            _one("cis_quarantine_size", "Mails that wait for a person.", aside),
            *_kept(await self._engine.kept_sums()),
            self._running(),
            *_process(),
        ]

    def _age(self, figures: Figures) -> float:
        due = figures.oldest_due
        return max(0.0, (self._engine.clock() - due).total_seconds()) if due else 0.0

    def _running(self) -> MetricSample:
        alive = {_label("job", name): float(not task.done()) for name, task in self._health.jobs.items()}
        return MetricSample("cis_running", "gauge", "1 while this background job is running.", alive)


def _ledger(figures: Figures) -> Iterator[MetricSample]:
    messages, failures = figures.messages, figures.failures
    gone = messages.get("sent", 0) + failures.get(Code.BOUNCED.value, 0)
    yield MetricSample(
        "cis_messages", "gauge", "Messages to attendees, by state.", _by("state", {**_NONE, **messages})
    )
    says = "Messages to attendees that a mail server took."
    yield MetricSample("cis_messages_sent_total", "counter", says, {(): gone})
    yield MetricSample(
        "cis_messages_failed_total", "counter", "Messages that failed, by code.", _by("code", failures)
    )
    yield MetricSample(
        "cis_attendees", "gauge", "Attendees, by their answer.", _by("answer", figures.answers)
    )
    yield MetricSample(
        "cis_campaigns", "gauge", "Campaigns under way, by state.", _by("state", figures.campaigns)
    )


def _kept(sums: KeptSums) -> Iterator[MetricSample]:
    yield _one("cis_idle_mail_bytes", "Bytes of mail that changed nothing and is kept.", sums.kept_bytes)
    says = "Mails that changed nothing and were deleted for want of room."
    yield MetricSample("cis_idle_mail_dropped_total", "counter", says, {(): sums.dropped_mails})
    says = "Their bytes."
    yield MetricSample("cis_idle_mail_dropped_bytes_total", "counter", says, {(): sums.dropped_bytes})


def _process() -> Iterator[MetricSample]:
    yield _one("process_resident_memory_bytes", "Resident memory.", resident_bytes())
    says = "CPU time, user and system."
    yield MetricSample("process_cpu_seconds_total", "counter", says, {(): time.process_time()})
    yield _one("process_start_time_seconds", "When the process began, in seconds since 1970.", _BEGAN)


def resident_bytes() -> int:
    """Resident memory of this process in bytes; 0 if the system does not report it."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _label(name: str, value: str) -> Labels:
    return ((name, value),)


def _by(label: str, values: Mapping[str, int]) -> dict[Labels, float]:
    return {_label(label, name): n for name, n in sorted(values.items())}


def _one(name: str, says: str, value: float) -> MetricSample:
    return MetricSample(name, "gauge", says, {(): value})


def _lines(samples: Iterable[MetricSample]) -> Iterator[str]:
    for sample in samples:
        yield _head(sample.name, sample.says, sample.kind)
        for labels, value in sample.values.items():
            yield f"{sample.name}{_braced(labels)} {value!r}\n"


def _seen(observer: Observer) -> Iterator[str]:
    """Samples of what this process has counted and timed."""
    for counted in COUNTERS:
        yield _head(f"{counted.name}_total", counted.says, "counter")
        for labels, n in observer.counters.get(counted.name, {}).items():
            yield f"{counted.name}_total{_braced(labels)} {n}\n"
    for timed in TIMERS:
        yield _head(timed.name, timed.says, "histogram")
        for labels, histogram in observer.timers.get(timed.name, {}).items():
            yield from _buckets(timed.name, labels, timed.bounds, histogram)


def _buckets(name: str, labels: Labels, bounds: tuple[float, ...], histogram: Histogram) -> Iterator[str]:
    running = list(accumulate(histogram.counts))
    for bound, n in zip([*map(repr, bounds), "+Inf"], running, strict=True):
        yield f"{name}_bucket{_braced((*labels, ('le', bound)))} {n}\n"
    yield f"{name}_sum{_braced(labels)} {histogram.total!r}\n{name}_count{_braced(labels)} {running[-1]}\n"


def _head(name: str, says: str, kind: str) -> str:
    return f"# HELP {name} {says}\n# TYPE {name} {kind}\n"


def _braced(labels: Labels) -> str:
    escaped = [(k, v.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")) for k, v in labels]
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped) + "}" if labels else ""


class Gauges:
    """The samples as OpenTelemetry gauges, which are read from a thread of its own."""

    def __init__(
        self, gather: Callable[[], Awaitable[list[MetricSample]]], first: list[MetricSample]
    ) -> None:
        from opentelemetry.metrics import get_meter

        self._gather = gather
        self._loop = asyncio.get_running_loop()
        self._samples, self._at = first, time.monotonic()
        meter = get_meter("cis-mcp")
        for sample in first:
            name = sample.name.removesuffix("_total").replace("_", ".")
            make = (
                meter.create_observable_counter if sample.kind == "counter" else meter.create_observable_gauge
            )
            make(name, [self._callback(sample.name)], description=sample.says)

    def _callback(self, name: str) -> Callable[[CallbackOptions], list[Observation]]:
        def observe(_: CallbackOptions) -> list[Observation]:
            from opentelemetry.metrics import Observation

            found = next(sample for sample in self._fresh() if sample.name == name)
            return [Observation(value, dict(labels)) for labels, value in found.values.items()]

        return observe

    def _fresh(self) -> list[MetricSample]:
        """The samples, gathered again if they are old; the old ones if that fails or the engine is closing."""
        if time.monotonic() - self._at > _FRESH_S and self._loop.is_running():

            async def gathered() -> list[MetricSample]:
                return await self._gather()

            try:
                self._samples = asyncio.run_coroutine_threadsafe(gathered(), self._loop).result(_ANSWER_S)
            except Exception as error:  # noqa: BLE001 -- a reader without answers reads what it had
                log.warning("the figures cannot be gathered: %s", type(error).__name__)
            self._at = time.monotonic()
        return self._samples
