"""Templates are compiled once for all processes, and again wherever what was kept does not fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from jinja2 import DictLoader, Environment

from engine.mail.outgoing.template_cache import TemplateCache


class CountingEnvironment(Environment):
    """Says how often it compiled."""

    def __init__(self, cache: TemplateCache, source: str = "Hello {{ name }}") -> None:
        super().__init__(autoescape=True, loader=DictLoader({"greeting": source}), bytecode_cache=cache)
        self.compiled = 0

    def compile(self, *given: Any, **named: Any) -> str | CodeType:  # type: ignore[override]
        self.compiled += 1
        compiled: str | CodeType = super().compile(*given, **named)
        return compiled

    def greeted(self) -> str:
        return self.get_template("greeting").render(name="<Ann>")


def test_what_one_process_compiled_the_next_takes(tmp_path: Path) -> None:
    first, second = CountingEnvironment(TemplateCache(tmp_path)), CountingEnvironment(TemplateCache(tmp_path))
    assert [first.greeted(), second.greeted()] == ["Hello &lt;Ann&gt;"] * 2
    assert [first.compiled, second.compiled] == [1, 0]


def test_another_source_is_compiled_anew(tmp_path: Path) -> None:
    CountingEnvironment(TemplateCache(tmp_path)).greeted()
    changed = CountingEnvironment(TemplateCache(tmp_path), "Dear {{ name }}")
    assert (changed.greeted(), changed.compiled) == ("Dear &lt;Ann&gt;", 1)


@pytest.mark.parametrize("rubbish", [b"", b"no bytecode", b"j2"])
def test_what_is_no_bytecode_is_compiled_anew(tmp_path: Path, rubbish: bytes) -> None:
    CountingEnvironment(TemplateCache(tmp_path)).greeted()
    (kept,) = (tmp_path / "__pycache__").iterdir()
    kept.write_bytes(rubbish)
    again = CountingEnvironment(TemplateCache(tmp_path))
    assert (again.greeted(), again.compiled) == ("Hello &lt;Ann&gt;", 1)


@pytest.mark.parametrize("left", range(1, 200, 7))
def test_what_was_kept_in_part_is_compiled_anew(tmp_path: Path, left: int) -> None:
    CountingEnvironment(TemplateCache(tmp_path)).greeted()
    (kept,) = (tmp_path / "__pycache__").iterdir()
    kept.write_bytes(kept.read_bytes()[:left])
    again = CountingEnvironment(TemplateCache(tmp_path))
    assert (again.greeted(), again.compiled) == ("Hello &lt;Ann&gt;", 1)


def test_a_package_that_cannot_be_written_is_compiled_each_time(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.write_bytes(b"no folder")
    for _ in range(2):
        each = CountingEnvironment(TemplateCache(package))
        assert (each.greeted(), each.compiled) == ("Hello &lt;Ann&gt;", 1)


@pytest.mark.parametrize(("option", "kept"), [((), "TemplateCache"), (("-B",), "NoneType")])
def test_python_that_writes_no_bytecode_keeps_no_templates(
    option: tuple[str, ...], kept: str, tmp_path: Path
) -> None:
    asked = (
        "import sys, pathlib; from engine.mail.outgoing.template_cache import template_cache as of; "
        "print(type(of(pathlib.Path(sys.argv[1]))).__name__)"
    )
    said = subprocess.run(
        [sys.executable, *option, "-c", asked, str(tmp_path)],
        capture_output=True, text=True, check=True, env={"PATH": ""},
    )  # fmt: skip
    assert said.stdout.strip() == kept
