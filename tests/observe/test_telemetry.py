"""Spans and metrics of OpenTelemetry: what is told, to whom, and what never is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from engine.engine import Engine
from engine.observe.observer import Observer
from engine.observe.telemetry import _cleaned, _Otel, wanted
from tests.cli.processes import run
from tests.observe.test_discretion import server
from tests.outbox.scripted import scripted
from tests.support.engines import created, invite, working
from tests.support.waiting import eventually
from tests.support.webs import client


class Told:
    """What was exported."""

    def __init__(self) -> None:
        self.spans, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracing = TracerProvider(shutdown_on_exit=False)
        self.tracing.add_span_processor(SimpleSpanProcessor(self.spans))
        self.metering = MeterProvider([self.reader], shutdown_on_exit=False)
        self.listener = _Otel(self.tracing, self.metering)

    def names(self) -> set[str]:
        return {span.name for span in self.spans.get_finished_spans()}

    def points(self) -> Iterator[tuple[str, Any]]:
        data = self.reader.get_metrics_data()
        assert data is not None
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            yield from ((metric.name, point) for point in metric.data.data_points)


@pytest.fixture
def told() -> Iterator[Told]:
    one = Told()
    yield one
    one.tracing.shutdown()
    one.metering.shutdown()


@pytest.mark.parametrize(
    ("variables", "exporters"),
    [
        ({}, {}),
        ({"OTEL_TRACES_EXPORTER": "none"}, {}),
        ({"OTEL_TRACES_EXPORTER": "console"}, {"traces": ("console",)}),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "TRUE"}, {}),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
            {"traces": ("otlp_proto_http",), "metrics": ("otlp_proto_http",)},
        ),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4318"}, {"metrics": ("otlp_proto_http",)}),
        (
            {"OTEL_METRICS_EXPORTER": "otlp, console", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            {"metrics": ("otlp_proto_grpc", "console")},
        ),
    ],
)
def test_the_standard_variables_say_what_is_exported(
    variables: dict[str, str], exporters: dict[str, tuple[str, ...]]
) -> None:
    assert wanted(variables) == exporters


def test_who_is_not_listened_to_makes_no_spans() -> None:
    seen = Observer()
    assert seen.span("one") is seen.span("two", size=1)


async def test_a_command_and_the_sending_of_its_message_are_spans(engine: Engine, told: Told) -> None:
    engine.observer.listener = told.listener
    event = await created(engine)
    async with scripted() as mail_server, working(engine, mail_server.transport()):
        await invite(engine, event, "one@example.com")
        await eventually(
            lambda: {"CreateEvent", "SendInvite", "claim", "send batch", "render", "send"} <= told.names()
        )
    by_name = {span.name: span for span in told.spans.get_finished_spans()}
    command = by_name["SendInvite"].attributes
    assert command == {"cis.actor": "local", "cis.outcome": "done"}
    send = by_name["send"]
    batch = by_name["send batch"].get_span_context()
    assert send.parent is not None
    assert batch is not None
    assert send.parent.span_id == batch.span_id
    points = [(name, dict(point.attributes)) for name, point in told.points()]
    assert ("cis.commands", {"command": "SendInvite", "outcome": "done"}) in points
    assert ("cis.command.duration", {"command": "SendInvite"}) in points
    assert ("cis.send.answers", {"state": "sent"}) in points


def test_a_span_that_fails_names_the_exception_and_not_its_text(told: Told) -> None:
    with pytest.raises(RuntimeError), told.listener.span("work", {}):
        raise RuntimeError("ann@example.com said so")
    (span,) = told.spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes == {"error.type": "RuntimeError"}
    assert "ann" not in span.to_json()


def test_what_others_put_into_spans_is_cleaned_before_it_leaves(told: Told) -> None:
    tracer = told.tracing.get_tracer("other")
    with pytest.raises(ValueError), tracer.start_as_current_span("tools/call ann@example.com") as span:
        span.set_attribute("gen_ai.tool.name", "bob@example.com")
        span.set_attribute("n", 7)
        raise ValueError("carol@example.com")
    (found,) = told.spans.get_finished_spans()
    text = _cleaned(found).to_json()
    assert "@" not in text
    cleaned = json.loads(text)
    assert (cleaned["attributes"]["n"], cleaned["status"]) == (7, {"status_code": "ERROR"})
    assert cleaned["context"] == json.loads(found.to_json())["context"]


async def test_a_server_exports_spans_and_figures_to_where_the_variables_say(tmp_path: Path) -> None:
    exporters = {
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "console",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_METRIC_EXPORT_INTERVAL": "200",
    }
    async with server(tmp_path, CIS_LOG="json", **exporters) as one:
        async with client(one.address, await _key(tmp_path)) as agent:
            when = {"start": "2037-05-02T19:00:00", "duration": "PT2H", "timezone": "UTC"}
            made = await agent.call_tool("create_event", {"summary": "Quiet meeting", **when})
            assert made.structured_content
            uid = made.structured_content["event"]["uid"]
            await agent.call_tool("send_invite", {"uid": uid, "email": "one@example.com", "wait_s": 20})
            await agent.call_tool("ann@example.com", {})
        for awaited in ('"send batch"', '"tools/call send_invite"', '"cis.messages.sent"'):
            await eventually(lambda: awaited in "".join(one.lines))  # noqa: B023 -- it is called before the next
    said = "".join(one.lines)
    names = set(re.findall(r'^    "name": "(.+)",$', said, re.MULTILINE))
    assert {"CreateEvent", "SendInvite", "send batch", "tools/call send_invite"} <= names
    assert "cis.oldest.due.seconds" in said
    assert "cis.messages.sent" in said
    for secret in ("Quiet meeting", "one@example.com", "ann@example.com", "agent@cis.test"):
        assert secret not in said


async def _key(folder: Path) -> str:
    _, key, _ = await run(folder, "key", "create", "--horizon", "0")
    return key.strip()


async def test_an_exporter_that_is_not_installed_is_said_and_the_server_runs(tmp_path: Path) -> None:
    async with server(tmp_path, OTEL_TRACES_EXPORTER="carrier-pigeon") as one:
        assert one.address
    assert one.process.returncode == 0
    assert any("no OpenTelemetry" in line and "cis-mcp[otel]" in line for line in one.lines)
