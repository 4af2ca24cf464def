"""Settings that name what does not exist, or what nothing would ever fit, are refused at the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cis_mcp.cli.main import cli
from engine.settings import Settings

CENTURIES = str(10**12)
NAMELESS = [
    ("data_dir", "s3://bucket/cis"),
    ("domain", "s3://x"),
    ("domain", "agent@example.com"),
    ("domain", "invites example com"),
    ("domain", "https://invites.example.com"),
    ("store", "mysql://db/cis"),
    ("secret", "short"),
    ("public_url", "cis.example.com"),
    ("public_url", "ftp://cis.example.com"),
    ("public_url", "https://a b"),
    ("public_url", "https://cis.example.com:99999"),
    ("public_url", "https://user@cis.example.com"),
    ("public_url", "https://cis.example.com/?a=b"),
    ("streams_url", "live.example.com"),
    ("organizer", "agent"),
    ("organizer", "@example.com"),
    ("owner", "Olga"),
    ("organizers", "example.com"),
    ("organizers", "*@example.com, example.org"),
    ("organizers", "@example.com"),
    ("messages_from", "example.com"),
    ("messages_from", "*@example.com, @example.org"),
    ("message_answer", "x" * 2_001),
    ("aliases", "events"),
    ("aliases", "events@example.com, calendar"),
    ("audiences", "nothing"),
    ("audiences", "s3://my-lists/*, https://example.com/list"),
    ("authserv_ids", "a b"),
    ("authserv_ids", "mx.example.com, https://mx.example.org"),
    ("relays", "mx.example.com"),
    ("proxies", "10.0.0.0/40"),
    ("local_receivers", "crm"),
    ("dns", "resolver"),
    ("dns", "192.0.2.53:0"),
    ("export", "bucket/folder"),
    ("search_snapshot", "bucket/folder"),
    ("domain_rates", "gmail.com"),
    ("domain_rates", "gmail.com=0"),
    ("domain_rates", "gmail=5"),
    ("domain_rates", "gmail.com=nan"),
    ("domain_rates", "g mail.com=5"),
    ("landing_hosts", "https://example.com/shop"),
    ("landing_hosts", "example.com, *"),
    ("plans", "free"),
    ("products", "8811=gold"),
    ("products", "8812=event:nothing"),
    ("order_secrets", "one,two,three"),
    ("oauth_issuer", "http://issuer.example.com"),
    ("oauth_jwks", "keys"),
    ("oauth_jwks", "https://issuer.example.com/keys"),
    ("oauth_audience", "x"),
    ("oauth_audience", "https://cis.example.com/mcp"),
    ("oauth_client", "console"),
    ("oauth_client_secret", "hidden"),
    ("oauth_claim", "e mail"),
    ("oauth_subjects", "some"),
    ("tls_cert", "/nonexistent"),
    ("tls_cert", "/"),
    ("tls_key", "/nonexistent"),
    ("tls_key", __file__),
    ("registration", "maybe"),
    ("sender_auth", "sometimes"),
    ("update_audience", "everyone"),
    ("cancel_audience", "everyone"),
    ("log", "xml"),
    ("log_level", "loud"),
    ("metrics", "secret"),
    ("confirm_receipts", "perhaps"),
    ("report_on_screen", "perhaps"),
    ("invite_limit", "many"),
    ("first_proof_max", "-1"),
    ("first_contact_max", "51"),
    ("digest_hour", "24"),
    ("keep_mail_days", CENTURIES),
    ("keep_quarantine_days", CENTURIES),
    ("record_days", CENTURIES),
    ("quarantine_mb", "-1"),
    ("disk_reserve_mb", "-1"),
    ("undo_s", "86401"),
    ("undo_campaign_s", "soon"),
    ("undo_trigger_s", "-1"),
    ("send_rate", "inf"),
    ("day_limit", "-1"),
    ("senders", "0"),
    ("fail_share", "5"),
    ("http_rate", "nan"),
    ("http_concurrency", "-1"),
    ("max_mail_bytes", "1"),
]
ASKED_BY_WHAT_USES_THEM = {
    "outbox": ("worker", "ftp://mail.example.com"),
    "inbox": ("worker", "ftp://mail.example.com"),
    "store": ("worker", "dynamodb://x"),
}
"""Settings whose values only what opens them can judge, and a command that does at its start."""
ELSEWHERE = {
    "key": "only the store knows keys: tests/cli/test_stdio_keys.py starts a server with an unknown one"
}


@pytest.mark.parametrize(("name", "value"), NAMELESS)
def test_a_setting_that_names_nothing_is_refused_with_what_it_must_be(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CIS_{name.upper()}", value)
    result = CliRunner().invoke(cli, ["config"])
    assert result.exit_code == 2
    assert result.output.startswith(f"CIS_{name.upper()}: ")
    assert any(word in result.output for word in ("must", "should", "names", "set ", "give "))


@pytest.mark.parametrize("name", ASKED_BY_WHAT_USES_THEM)
def test_what_only_its_opening_can_judge_is_refused_then(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command, value = ASKED_BY_WHAT_USES_THEM[name]
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv(f"CIS_{name.upper()}", value)
    result = CliRunner().invoke(cli, [command])
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    assert "Traceback" not in result.output
    assert not list(tmp_path.rglob("dynamodb*"))


def test_every_setting_has_such_a_case() -> None:
    assert {name for name, _ in NAMELESS} | set(ASKED_BY_WHAT_USES_THEM) | set(ELSEWHERE) == set(
        Settings.model_fields
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data_dir", "data"),
        ("domain", "localhost"),
        ("domain", "münchen.example"),
        ("organizer", "agent@localhost"),
        ("organizers", "*"),
        ("organizers", "*@example.com, ann@example.org,"),
        ("organizers", "*@*.example.com"),
        ("messages_from", "ann@example.com,*@*.example.org"),
        ("aliases", "events@example.com, none@example.com"),
        ("audiences", "s3://my-lists/*, ses-list:customers*,customer-profiles:main/*"),
        ("audiences", "*"),
        ("authserv_ids", "mx.example.com, gateway_1"),
        ("public_url", "http://127.0.0.1:8000"),
        ("public_url", "https://[2001:db8::1]/cis"),
        ("streams_url", "https://live.example.com"),
        ("landing_hosts", "example.com, *.example.org"),
        ("oauth_claim", "https://example.com/mail"),
        ("tls_cert", __file__),
        ("domain_rates", "gmail.com=20, yahoo.com=0.5"),
    ],
)
def test_settings_that_name_something_are_taken(name: str, value: str) -> None:
    assert str(getattr(Settings(_env_file=None, **{name: value}), name)) == value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "audience", ["https://cis.example.com/mcp", "api://default", "urn:cis", "calendar-invites"]
)
def test_an_audience_is_what_issuers_write(audience: str) -> None:
    issuer = "https://issuer.example.com"
    settings = Settings(_env_file=None, oauth_issuer=issuer, oauth_audience=audience)
    assert settings.oauth_audience == audience
