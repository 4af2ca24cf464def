"""The checks before anything is made: what is well, and what is not and why."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from cis_mcp.aws.clients import Clients
from cis_mcp.aws.findings import ANSWERED_BY_DESIGN, Finding
from cis_mcp.aws.options import (
    InstallationOptions,
    read,
)
from cis_mcp.cli.main import cli
from tests.aws.installing import (
    CERTIFICATE,
    DOMAIN,
    GIVEN,
    OPTIONS,
    SERVERLESS,
    account,
    checked,
    dns_records,
)
from tests.support.awsstubs import Stubbed, client


def test_an_account_where_all_is_well_is_safe() -> None:
    with account(code_bucket="404") as clients:
        found = checked(clients)
        clients.spent()
    assert {one.mark for one in found.values()} == {"OK", "SKIP", "SAFE"}
    assert found["domain_status"].mark == "SAFE"


def test_each_check_of_the_reference_has_an_answer() -> None:
    names = (
        "aws_cli sam_cli python3 local_repos sceptre_env python38 build_venv sts_account packaged_stack acm_ssm "
        "api_gateway_domain cloudfront_alias public_dns domain_status"
    )
    with account() as clients:
        found = checked(clients)
    assert set(names.split()) <= set(found)
    assert all(found[name].mark == "SKIP" for name in ANSWERED_BY_DESIGN)


def test_a_domain_that_receives_other_mail_is_not_taken_over() -> None:
    with account() as clients:
        found = checked(clients, {(DOMAIN, "MX"): ["aspmx.l.google.com"]})
    assert (found["public_dns"].mark, found["domain_status"].mark) == ("FAIL", "FAIL")
    assert found["public_dns"].repair.endswith(f"--domain-name invites.{DOMAIN}")


def test_the_rule_set_of_somebody_else_is_added_to_not_switched() -> None:
    with account(rules={"Metadata": {"Name": "company"}}) as clients:
        found = checked(clients)["receipt_rules"]
    assert (found.mark, "on top of “company”" in found.detail) == ("WARN", True)


def test_a_sandbox_is_said_with_the_command_that_ends_it() -> None:
    with account(get_account={"ProductionAccessEnabled": False}) as clients:
        found = checked(clients)["ses_account"]
    assert (found.mark, "put-account-details" in found.repair) == ("WARN", True)


def test_what_iam_denies_is_named_before_anything_is_made() -> None:
    with account(denied=["iam:PassRole", "dlm:CreateLifecyclePolicy"]) as clients:
        found = checked(clients)["rights"]
    assert (found.mark, "iam:PassRole, dlm:CreateLifecyclePolicy" in found.detail) == ("WARN", True)
    assert found.repair.startswith("aws iam attach-role-policy --role-name admin ")
    with account(rights_unasked=True) as clients:
        found = checked(clients)["rights"]
    assert (found.mark, "AccessDenied" in found.detail) == ("OK", True)


def test_sending_that_is_off_fails() -> None:
    with account(get_account={"SendingEnabled": False}) as clients:
        assert checked(clients)["ses_account"].mark == "FAIL"


def test_the_end_of_the_credentials_and_the_mails_of_the_day_are_said() -> None:
    with account() as clients:
        found = checked(clients)
    assert "until 2027-03-01 12:00 UTC" in found["sts_account"].detail
    assert "0 sent in the last 24 hours" in found["ses_account"].detail


def test_credentials_say_when_they_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(name, value)
    assert Clients("eu-west-1").until() == ""
    for name, value in {
        "AWS_SESSION_TOKEN": "t",
        "AWS_CREDENTIAL_EXPIRATION": "2099-03-01T12:00:00Z",
    }.items():
        monkeypatch.setenv(name, value)
    assert Clients("eu-west-1").until() == "2099-03-01 12:00 UTC"


@pytest.mark.parametrize(("code", "mark"), [("404", "OK"), ("403", "FAIL")])
def test_a_bucket_of_the_code_that_somebody_else_has_fails(code: str, mark: str) -> None:
    with account(code_bucket=code) as clients:
        found = checked(clients)["code_bucket"]
    assert (found.mark, "cis-code-111122223333-eu-west-1" in found.detail) == (mark, True)


def test_each_record_is_looked_for_in_the_public_dns() -> None:
    options = read({**GIVEN, "own_identity": False}, {}, {})
    identity = {"VerifiedForSendingStatus": True, "DkimAttributes": {"Tokens": ["abc"]}}
    there = {(one.name, one.type): [one.value] for one in dns_records()}
    there[f"_dmarc.{DOMAIN}", "TXT"] = ["v=DMARC1; p=reject"]
    there[DOMAIN, "TXT"] = ["some-site-verification=1", "v=spf1 include:amazonses.com include:x.example -all"]
    assert (found := _looked(options, identity, there)).mark == "OK", found
    for name, kind in there:
        found = _looked(options, identity, there | {(name, kind): ["v=spf1 -all"]} if kind == "TXT" else {})
        assert (found.mark, found.repair.startswith("cis-mcp aws dns")) == ("WARN", True)
        assert f"{name} {kind}" in found.detail


def _looked(
    options: InstallationOptions, identity: dict[str, Any], there: dict[tuple[str, str], list[str]]
) -> Finding:
    with account(identity=identity) as clients:
        return checked(clients, there, options)["dns_records"]


def test_a_mail_from_domain_that_receives_the_mail_fails() -> None:
    options = read({**GIVEN, "own_identity": False}, {}, {})
    own = {
        "MailFromDomain": DOMAIN,
        "MailFromDomainStatus": "SUCCESS",
        "BehaviorOnMxFailure": "REJECT_MESSAGE",
    }
    with account(identity={"VerifiedForSendingStatus": True, "MailFromAttributes": own}) as clients:
        found = checked(clients, options=options)["ses_identity"]
    assert (found.mark, found.repair.endswith(f"--mail-from-domain bounce.{DOMAIN}")) == ("FAIL", True)


def test_a_region_that_receives_no_mail_fails() -> None:
    with account() as clients:
        found = checked(clients, {("inbound-smtp.eu-west-1.amazonaws.com", "A"): []})
    assert found["ses_region"].mark == "FAIL"


def test_an_identity_that_is_there_already_is_said_with_its_parameter() -> None:
    with account(identity={"VerifiedForSendingStatus": True}) as clients:
        found = checked(clients)["ses_identity"]
    assert found.mark == "FAIL"
    assert found.repair.endswith("--parameter ImportedSesEmailIdentity=true")


def test_a_stack_that_was_rolled_back_fails_with_the_command_that_removes_it() -> None:
    with account(state="ROLLBACK_COMPLETE") as clients:
        found = checked(clients)["packaged_stack"]
    assert (found.mark, "delete-stack --stack-name cis-prod" in found.repair) == ("FAIL", True)


def test_the_table_of_the_reference_is_offered_for_import() -> None:
    with account(table=True) as clients:
        assert checked(clients)["table"].repair == "cis-mcp import 'dynamodb://thirtyone?region=eu-west-1'"


@pytest.mark.parametrize(
    ("names", "status", "mark"),
    [
        ([f"*.{DOMAIN}"], "ISSUED", "OK"),
        ([f"api.{DOMAIN}", f"live.{DOMAIN}"], "ISSUED", "OK"),
        ([f"api.{DOMAIN}"], "ISSUED", "FAIL"),
        ([f"*.{DOMAIN}"], "PENDING_VALIDATION", "FAIL"),
    ],
)
def test_a_certificate_is_looked_at_before_functions_and_tasks_get_their_names(
    names: list[str], status: str, mark: str
) -> None:
    options = read({**GIVEN, **SERVERLESS, "certificate": CERTIFICATE}, {}, {})
    with account() as clients:
        certificate = {"Status": status, "SubjectAlternativeNames": names}
        clients.answers("acm", "describe_certificate", Certificate=certificate)
        clients.refuses("apigatewayv2", "get_domain_name", "NotFoundException")
        found = checked(clients, options=options)
    assert (found["acm_ssm"].mark, found["api_gateway_domain"].mark) == (mark, "OK")


def test_a_name_that_another_api_has_is_not_taken_over() -> None:
    options = read({**GIVEN, **SERVERLESS, "certificate": CERTIFICATE}, {}, {})
    with account() as clients:
        certificate = {"Status": "ISSUED", "SubjectAlternativeNames": [f"*.{DOMAIN}"]}
        clients.answers("acm", "describe_certificate", Certificate=certificate)
        clients.answers("apigatewayv2", "get_domain_name", DomainName=f"api.{DOMAIN}")
        clients.refuses("cloudformation", "describe_stacks", "ValidationError")
        found = checked(clients, options=options)
    assert found["api_gateway_domain"].mark == "FAIL"


ROOT_USER = {"Account": "1", "Arn": "arn:aws:iam::111122223333:root", "UserId": "x"}
NOT_OURS = {
    "zone": {"HostedZone": {"Id": "x", "Name": "other.example.", "CallerReference": "x"}},
    "certificate": {"Certificate": {"Status": "PENDING_VALIDATION", "SubjectAlternativeNames": [DOMAIN]}},
}


def _bad_findings() -> Iterator[Finding]:
    """What accounts are told in which as much as possible is wrong, and some answers are refused."""
    elsewhere = {("inbound-smtp.eu-west-1.amazonaws.com", "A"): [], (DOMAIN, "MX"): ["mx.example.net"]}
    whole = {**GIVEN, **SERVERLESS, "certificate": CERTIFICATE, "zone": "Z0123456789ABC", "bucket": "mine"}
    for state, ses in (
        ("ROLLBACK_COMPLETE", {"EnforcementStatus": "SHUTDOWN"}),
        ("UPDATE_ROLLBACK_COMPLETE", {"SendingEnabled": False}),
        ("UPDATE_ROLLBACK_FAILED", {"ProductionAccessEnabled": False}),
    ):
        with account(
            denied=["iam:PassRole"],
            get_account=ses,
            state=state,
            table=True,
            rules={"Metadata": {"Name": "x"}},
        ) as clients:
            clients.answers("s3", "head_bucket")
            clients.answers("route53", "get_hosted_zone", **NOT_OURS["zone"])
            clients.answers("acm", "describe_certificate", **NOT_OURS["certificate"])
            clients.answers("apigatewayv2", "get_domain_name", DomainName=f"api.{DOMAIN}")
            clients.refuses("cloudformation", "describe_stacks", "ValidationError")
            yield from checked(clients, elsewhere, read(whole, {}, {})).values()
    for options in (read({**GIVEN, "own_identity": False}, {}, {}), OPTIONS):
        clients = Stubbed()
        refusal = "AccessDenied" if options.own_identity else "ThrottlingException"
        clients.answers("sts", "get_caller_identity", **ROOT_USER)
        for service, operation in (("sesv2", "get_account"), ("cloudformation", "describe_stacks")):
            clients.refuses(service, operation, refusal)
        clients.refuses("sesv2", "get_email_identity", "NotFoundException")
        clients.answers("ec2", "describe_subnets", Subnets=[])
        yield from checked(clients, options=options).values()
        clients.close()


def test_each_finding_that_is_not_well_names_one_command_that_there_is() -> None:
    bad = [one for one in _bad_findings() if one.mark in {"WARN", "FAIL"}]
    for name in [
        "sts_account",
        "rights",
        "ses_account",
        "ses_region",
        "ses_identity",
        "public_dns",
        "receipt_rules",
        "packaged_stack",
        "buckets",
        "table",
        "hosted_zone",
        "network",
        "acm_ssm",
        "api_gateway_domain",
        "domain_status",
    ]:
        assert name in {one.name for one in bad}
    for one in bad:
        program, first, *rest = one.repair.split()
        assert "…" not in one.repair, one
        if program == "cis-mcp":
            command = cli.commands[first]
            assert first != "aws" or rest[0] in command.commands, one  # type: ignore[attr-defined]
        else:
            assert program == "aws", one
            assert one.repair == "aws configure sso" or _operation(rest[0]) in _operations(
                "s3" if first == "s3api" else first
            ), one


def _operation(command: str) -> str:
    return command.replace("-", "")


@cache
def _operations(service: str) -> frozenset[str]:
    return frozenset(name.lower() for name in client(service).meta.service_model.operation_names)
