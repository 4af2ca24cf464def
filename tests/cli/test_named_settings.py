"""Settings that name what does not exist, or what nothing would ever fit, are refused at the start."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from cis_mcp.cli.main import cli
from engine.settings import Settings

NAMELESS = [
    ("data_dir", "s3://bucket/cis"),
    ("organizer", "agent"),
    ("organizer", "@example.com"),
    ("owner", "Olga"),
    ("organizers", "example.com"),
    ("organizers", "*@example.com, example.org"),
    ("aliases", "events"),
    ("aliases", "events@example.com, calendar"),
    ("public_url", "cis.example.com"),
    ("public_url", "ftp://cis.example.com"),
    ("domain_rates", "gmail.com"),
    ("domain_rates", "gmail.com=0"),
    ("domain_rates", "gmail=5"),
    ("domain_rates", "gmail.com=nan"),
]


@pytest.mark.parametrize(("name", "value"), NAMELESS)
def test_a_setting_that_names_nothing_is_refused_with_what_it_must_be(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CIS_{name.upper()}", value)
    result = CliRunner().invoke(cli, ["config"])
    assert result.exit_code == 2
    assert result.output.startswith(f"CIS_{name.upper()}: ")
    assert "must" in result.output or "names" in result.output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data_dir", "data"),
        ("organizer", "agent@localhost"),
        ("organizers", "*"),
        ("organizers", "*@example.com, ann@example.org,"),
        ("organizers", "*@*.example.com"),
        ("aliases", "events@example.com, none@example.com"),
        ("public_url", "http://127.0.0.1:8000"),
        ("public_url", "https://[2001:db8::1]/cis"),
        ("domain_rates", "gmail.com=20, yahoo.com=0.5"),
    ],
)
def test_settings_that_name_something_are_taken(name: str, value: str) -> None:
    assert str(getattr(Settings(_env_file=None, **{name: value}), name)) == value  # type: ignore[call-arg,arg-type]
