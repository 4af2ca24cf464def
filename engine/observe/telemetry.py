"""OpenTelemetry: spans and metrics of an engine, exported by the standard OTEL_* variables (extra `otel`)."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from engine.observe import observer
from engine.observe.logs import discreet
from engine.observe.observer import Counted, Observer, Timed, Value

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OtelSpan

log = logging.getLogger(__name__)

_NAME = "cis-mcp"
_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_ATTRIBUTE_MAX = 200
_END_S = 1.0
"""The seconds for the last export when the process ends, which must end within 5 s of SIGTERM."""


def wanted(environment: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The exporters of `traces` and `metrics` that the OTEL_* variables name; empty if none is asked for."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return {}
    found = {signal: _exporters(environment, signal) for signal in ("traces", "metrics")}
    return {signal: names for signal, names in found.items() if names}


def _exporters(environment: Mapping[str, str], signal: str) -> tuple[str, ...]:
    upper = signal.upper()
    endpoint = environment.get(f"OTEL_EXPORTER_OTLP_{upper}_ENDPOINT") or environment.get(_ENDPOINT)
    named = environment.get(f"OTEL_{upper}_EXPORTER") or ("otlp" if endpoint else "none")
    names = [name.strip() for name in named.split(",")]
    return tuple(_protocol(environment, upper, name) for name in names if name and name != "none")


def _protocol(environment: Mapping[str, str], signal: str, name: str) -> str:
    """The packages' name for an exporter: for the specification's otlp they have one per transport."""
    if name != "otlp":
        return name
    general = environment.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    travels = environment.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") or general
    return "otlp_proto_grpc" if travels == "grpc" else "otlp_proto_http"


def begin(seen: Observer) -> Callable[[], None]:
    """Export what `seen` records, if the variables ask for it; returns the function to call at the end.

    If an exporter is not installed, a line is logged and the server runs without it.
    """
    exporters = wanted(os.environ)
    if not exporters:
        return _nothing
    try:
        tracing, metering = _providers(exporters)
    except (ImportError, LookupError) as error:
        log.warning("no OpenTelemetry: %s; install “cis-mcp[otel]”", error)
        return _nothing
    seen.listener = _Otel(tracing, metering)

    def end() -> None:
        seen.listener = None
        metering.shutdown(timeout_millis=_END_S * 1_000)
        tracing.shutdown()

    return end


async def flushed(end: Callable[[], None]) -> None:
    """Call `end`, which `begin` returned; if the collector does not answer, give up after a second."""
    ending = threading.Thread(target=end, daemon=True, name="telemetry")
    ending.start()
    await asyncio.to_thread(ending.join, _END_S)


def _nothing() -> None:
    return None


def _providers(exporters: Mapping[str, Sequence[str]]) -> tuple[TracerProvider, MeterProvider]:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME") or _NAME
    resource = Resource.create({SERVICE_NAME: name})
    spans = [_loaded("traces", exporter) for exporter in exporters.get("traces", ())]
    readers = [
        PeriodicExportingMetricReader(_loaded("metrics", exporter))
        for exporter in exporters.get("metrics", ())
    ]
    # A span's event is an exception with its message, which may quote a mail.
    limits = SpanLimits(max_events=0, max_attribute_length=_ATTRIBUTE_MAX)
    tracing = TracerProvider(resource=resource, span_limits=limits, shutdown_on_exit=False)
    for exporter in spans:
        tracing.add_span_processor(BatchSpanProcessor(_discreet(exporter)))
    metering = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
    # The MCP SDK creates a span for each request, the parent of ours.
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(metering)
    return tracing, metering


def _loaded(signal: str, name: str) -> Any:
    """An exporter from an installed package. Raises LookupError, ImportError."""
    found = next(iter(entry_points(group=f"opentelemetry_{signal}_exporter", name=name)), None)
    if found is None:
        raise LookupError(f"there is no exporter “{name}” for {signal}")
    exporter: Callable[..., SpanExporter | MetricExporter] = found.load()
    # With stdio, stdout carries MCP.
    return exporter(out=sys.stderr) if name == "console" else exporter()


def _discreet(exporter: SpanExporter) -> SpanExporter:
    """`exporter` without personal data, whoever created the span: the SDK's contain names that callers gave."""
    from opentelemetry.sdk.trace.export import SpanExporter as Base
    from opentelemetry.sdk.trace.export import SpanExportResult

    class Discreet(Base):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return exporter.export([_cleaned(span) for span in spans])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return Discreet()


def _cleaned(span: ReadableSpan) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan as Copy
    from opentelemetry.trace import Status

    attributes = {
        name: discreet(value) if isinstance(value, str) else value
        for name, value in (span.attributes or {}).items()
    }
    return Copy(
        name=discreet(span.name)[:_ATTRIBUTE_MAX],
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


class _OneSpan:
    """An OpenTelemetry span as the engine's `WorkSpan`."""

    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    def note(self, **attributes: Value) -> None:
        self._span.set_attributes({f"cis.{name}": value for name, value in attributes.items()})

    def failed(self, kind: str) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_attribute("error.type", kind)
        self._span.set_status(StatusCode.ERROR)


class _Otel:
    """The listener that creates OpenTelemetry spans and metrics."""

    def __init__(self, tracing: TracerProvider, metering: MeterProvider) -> None:
        self._tracer = tracing.get_tracer(_NAME)
        meter = metering.get_meter(_NAME)
        self._counters = {
            c.name: meter.create_counter(_dotted(c.name), description=c.says) for c in observer.COUNTERS
        }
        self._timers = {
            t.name: meter.create_histogram(
                _dotted(t.name), "s", t.says, explicit_bucket_boundaries_advisory=t.bounds
            )
            for t in observer.TIMERS
        }

    def count(self, what: Counted, n: int, labels: Mapping[str, str]) -> None:
        self._counters[what.name].add(n, labels)

    def took(self, what: Timed, seconds: float, labels: Mapping[str, str]) -> None:
        self._timers[what.name].record(seconds, labels)

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value]) -> Iterator[_OneSpan]:
        flushed = {f"cis.{key}": value for key, value in attributes.items()}
        with self._tracer.start_as_current_span(
            name, attributes=flushed, record_exception=False, set_status_on_exception=False
        ) as span:
            one = _OneSpan(span)
            try:
                yield one
            except BaseException as error:
                one.failed(type(error).__name__)
                raise


def _dotted(name: str) -> str:
    """A metric's name in OpenTelemetry's style: cis.command.duration for cis_command_seconds."""
    return name.removesuffix("_seconds").replace("_", ".") + (
        ".duration" if name.endswith("_seconds") else ""
    )
