"""The checks before an installation: read-only, each with the command that fixes what it finds."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from typing import Any

from cis_mcp.aws import dns, rights, template
from cis_mcp.aws.clients import Clients, code_of
from cis_mcp.aws.findings import ANSWERED_BY_DESIGN, Finding, fail, ok, warn
from cis_mcp.aws.lookups import Lookup
from cis_mcp.aws.options import InstallationOptions
from cis_mcp.aws.rules import Rules
from cis_mcp.aws.serverless import API, LIVE
from cis_mcp.aws.stack import Stack
from engine.refusals import Refused

_INBOUND = ".amazonaws.com"
_TABLE = "thirtyone"
_RECEIVING = ("us-east-1", "eu-west-1")
"""Regions that have received mail from the beginning."""
_SIGN_IN = "aws configure sso"
_WHO = "aws sts get-caller-identity"
_CASE = "aws sesv2 get-account --query Details.ReviewDetails"
_SENDING_ON = "aws sesv2 put-account-sending-attributes --sending-enabled"
_NETWORK = "aws ec2 create-default-vpc"


class Preflight:
    """Checks one installation without changing anything."""

    def __init__(self, clients: Clients, options: InstallationOptions, lookup: Lookup) -> None:
        self._clients = clients
        self._options = options
        self._lookup = lookup
        self._dkim: dict[str, str] | None = None
        """What SES asks for; None where there is no identity yet."""
        self._number = self._who = ""
        """The account's, and the ARN of whoever asks."""
        self._checks: dict[str, Callable[[], Finding]] = {
            "python3": self._python,
            "sts_account": self._account,
            "rights": self._rights,
            "ses_account": self._ses,
            "ses_region": self._region,
            "ses_identity": self._identity,
            "public_dns": self._mx,
            "dns_records": self._records,
            "receipt_rules": self._rules,
            "packaged_stack": self._stack,
            "buckets": self._bucket,
            "code_bucket": self._code_bucket,
            "table": self._table,
            "hosted_zone": self._zone,
            "network": self._network,
            "template": self._template,
        }
        if options.serverless:
            self._checks |= {"acm_ssm": self._certificate, "api_gateway_domain": self._api_name}

    def run(self) -> Iterator[Finding]:
        """Yield each check as it ends; the last tells whether the domain is free for an installation."""
        found = []
        for name, check in self._checks.items():
            found.append(self._safely(name, check))
            yield found[-1]
        for name, why in ANSWERED_BY_DESIGN.items():
            if name not in self._checks:
                yield Finding(name=name, mark="SKIP", detail=why)
        yield self._status(found)

    def _safely(self, name: str, check: Callable[[], Finding]) -> Finding:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return check()
        except ClientError as error:
            words = f"could not be checked: {code_of(error)}"
            if "AccessDenied" not in code_of(error) and "Unauthorized" not in code_of(error):
                return warn(name, words, self._again())
            return warn(name, f"{words}; allow {error.operation_name} to whoever installs", _WHO)
        except (BotoCoreError, OSError, Refused) as error:
            return fail(name, str(error)[:300], _SIGN_IN if name == "sts_account" else self._again())

    def _again(self, *more: str, region: str = "", domain: str = "") -> str:
        """The command that checks again, with other values."""
        place = f"--region {region or self._options.region} --domain-name {domain or self._options.domain}"
        return " ".join(["cis-mcp aws preflight", place, *more])

    def _status(self, found: list[Finding]) -> Finding:
        domain, bad = self._options.domain, [one.name for one in found if one.mark == "FAIL"]
        if bad:
            return fail("domain_status", f"{domain} is not ready: {', '.join(bad)}", self._again())
        return Finding(name="domain_status", mark="SAFE", detail=f"{domain} is free for deployment")

    def _python(self) -> Finding:
        return ok("python3", platform.python_version())

    def _account(self) -> Finding:
        found = self._clients.of("sts").get_caller_identity()
        who, self._number = str(found["Arn"]), str(found["Account"])
        self._who = who
        if who.endswith(":root"):
            return warn(
                "sts_account", f"{who}: the root user; sign in as a role of IAM Identity Center", _SIGN_IN
            )
        until = self._clients.until()
        return ok("sts_account", f"account {found['Account']}, {who}{f', until {until}' if until else ''}")

    def _rights(self) -> Finding:
        if not self._who:
            return ok(rights.NAME, "asked once it is known who signs in")
        return rights.finding(self._clients, self._options, self._who)

    def _ses(self) -> Finding:
        found: dict[str, Any] = self._clients.of("sesv2").get_account()
        quota = found.get("SendQuota") or {}
        plan = (found.get("PricingAttributes") or {}).get("PricingPlan", "")
        words = f"{quota.get('MaxSendRate', 0):g} mails a second, {quota.get('Max24HourSend', 0):,.0f} a day"
        words += f", {quota.get('SentLast24Hours', 0):,.0f} sent in the last 24 hours"
        words += f", plan {plan}" if plan else ""
        if found.get("EnforcementStatus", "HEALTHY") == "SHUTDOWN":
            return fail("ses_account", f"SES has shut sending off; answer its case: {words}", _CASE)
        if not found.get("SendingEnabled", True):
            return fail("ses_account", f"sending is off: {words}", _SENDING_ON)
        if not found.get("ProductionAccessEnabled"):
            again = "aws sesv2 put-account-details --production-access-enabled --mail-type TRANSACTIONAL"
            return warn(
                "ses_account",
                f"sandbox, verified addresses alone: {words}",
                f"{again} --website-url https://{self._options.domain}",
            )
        return ok("ses_account", words)

    def _region(self) -> Finding:
        host = f"inbound-smtp.{self._options.region}{_INBOUND}"
        if not self._lookup(host, "A"):
            other = _other(self._options.region)
            words = f"SES receives no mail in {self._options.region}"
            return fail("ses_region", words, self._again(region=other))
        return ok("ses_region", f"{host} receives mail")

    def _identity(self) -> Finding:
        from botocore.exceptions import ClientError

        domain, name = self._options.domain, "ses_identity"
        try:
            found = self._clients.of("sesv2").get_email_identity(EmailIdentity=domain)
        except ClientError as error:
            if code_of(error) != "NotFoundException":
                raise
            if not self._options.own_identity:
                return fail(
                    name,
                    f"{domain} is no identity here",
                    self._again("--parameter ImportedSesEmailIdentity=false"),
                )
            return ok(name, f"{domain} will be made, with DKIM of 2048 bits")
        self._dkim = dns.dkim(domain, found)
        if self._options.own_identity and "Identity" not in self._owned():
            return fail(name, f"{domain} exists", self._again("--parameter ImportedSesEmailIdentity=true"))
        return _verified(name, domain, found)

    def _owned(self) -> list[str]:
        stack = Stack(self._clients, self._options.stack)
        return [name for name, _, _ in stack.resources()]

    def _mx(self) -> Finding:
        if self._options.skip_domain_check:
            return Finding(name="public_dns", mark="SKIP", detail="--skip-domain-check")
        domain, own = self._options.domain, f"inbound-smtp.{self._options.region}{_INBOUND}"
        found = self._lookup(domain, "MX")
        others = [host for host in found if host != own]
        if others:
            words = f"mail of {domain} goes to {', '.join(others)[:200]}: it would be lost there"
            return fail("public_dns", words, self._again(domain=f"invites.{domain}"))
        return ok("public_dns", "MX points here" if found else f"{domain} receives no mail yet")

    def _records(self) -> Finding:
        """Each record of the domain, as the public DNS has it: SES looks at some of them only now and then."""
        name = "dns_records"
        if self._dkim is None:
            return ok(name, "entered once the identity is there, since it names the DKIM records")
        wanted = dns.records(self._options, self._dkim)
        missing = [one for one in wanted if not dns.stands(one, self._lookup(one.name, one.type))]
        if missing:
            words = ", ".join(f"{one.name} {one.type}" for one in missing)
            place = f"--region {self._options.region} --domain-name {self._options.domain}"
            return warn(name, f"not in the public DNS: {words[:300]}", f"cis-mcp aws dns {place}")
        return ok(name, f"all {len(wanted)} are in the public DNS")

    def _rules(self) -> Finding:
        rules = Rules(self._clients, self._options)
        if rules.active() in {"", self._options.stack}:
            return ok("receipt_rules", rules.plan())
        return warn("receipt_rules", rules.plan(), "aws ses describe-active-receipt-rule-set")

    def _stack(self) -> Finding:
        name, state = self._options.stack, Stack(self._clients, self._options.stack).state()
        if not state:
            return ok("packaged_stack", f"stack {name} will be made")
        if "ROLLBACK" in state or state.endswith("FAILED"):
            broken = state in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}
            again = f"aws cloudformation {_mend(state)} --stack-name {name}"
            return (fail if broken else warn)("packaged_stack", f"stack {name} is {state}", again)
        return ok("packaged_stack", f"stack {name} is {state}, and will be updated")

    def _bucket(self) -> Finding:
        name = self._options.bucket
        if not name:
            return ok("buckets", "a bucket of its own, encrypted, not public")
        self._clients.of("s3").head_bucket(Bucket=name)
        words = (
            f"{name} is yours; its policy has to let ses.amazonaws.com write to it, with aws:SourceAccount"
        )
        return warn("buckets", words, f"aws s3api get-bucket-policy --bucket {name}")

    def _code_bucket(self) -> Finding:
        """Bucket names are unique across AWS: another account may have taken ours."""
        from botocore.exceptions import ClientError

        name, wanted = "code_bucket", f"cis-code-{self._number}-{self._options.region}"
        if not self._options.machine:
            return ok(name, "none is needed")
        try:
            self._clients.of("s3").head_bucket(Bucket=wanted, ExpectedBucketOwner=self._number)
        except ClientError as error:
            if code_of(error) in {"404", "NoSuchBucket", "NotFound"}:
                return ok(name, f"{wanted} will be made")
            if code_of(error) != "403":
                raise
            words = f"{wanted} is somebody else's, or may not be looked at"
            return fail(name, words, self._again(region=_other(self._options.region)))
        return ok(name, f"{wanted} is yours")

    def _table(self) -> Finding:
        from botocore.exceptions import ClientError

        try:
            self._clients.of("dynamodb").describe_table(TableName=_TABLE)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            return ok("table", f"no table {_TABLE} of another installation")
        return warn(
            "table",
            f"{_TABLE} is there",
            f"cis-mcp import 'dynamodb://{_TABLE}?region={self._options.region}'",
        )

    def _zone(self) -> Finding:
        zone = self._options.zone
        if not zone:
            return ok("hosted_zone", "records are printed, for you to enter")
        name = str(self._clients.of("route53").get_hosted_zone(Id=zone)["HostedZone"]["Name"]).rstrip(".")
        if self._options.domain != name and not self._options.domain.endswith(f".{name}"):
            return fail(
                "hosted_zone",
                f"{zone} is the zone of {name}; give --zone of {self._options.domain}",
                f"aws route53 list-hosted-zones-by-name --dns-name {self._options.domain}",
            )
        return ok("hosted_zone", f"{zone} ({name}) is written to; what stands there is left alone")

    def _network(self) -> Finding:
        if not self._options.machine or self._options.subnet:
            return ok("network", self._options.subnet or "no machine")
        found = self._clients.of("ec2").describe_subnets(
            Filters=[{"Name": "default-for-az", "Values": ["true"]}]
        )
        if not found.get("Subnets"):
            return fail("network", "there is no default subnet; make one, or give --subnet", _NETWORK)
        return ok("network", f"{len(found['Subnets'])} default subnets")

    def _template(self) -> Finding:
        form = {"machine": self._options.machine, "serverless": self._options.serverless}
        self._clients.of("cloudformation").validate_template(TemplateBody=template.text(**form))
        return ok("template", f"{len(template.build(**form)['Resources'])} resources")

    def _certificate(self) -> Finding:
        """The certificate for api. and live. below the domain: whether it is issued, and for both names."""
        name, given = "acm_ssm", self._options.certificate
        if not given:
            return ok(name, "no certificate: the API has its own name, and no tasks are reached from outside")
        found = self._clients.of("acm").describe_certificate(CertificateArn=given)["Certificate"]
        if (status := str(found.get("Status", ""))) != "ISSUED":
            return fail(
                name, f"{given} is {status}", f"aws acm describe-certificate --certificate-arn {given}"
            )
        covered = {str(each) for each in found.get("SubjectAlternativeNames") or [found.get("DomainName")]}
        domain = self._options.domain
        missing = {f"{each}.{domain}" for each in (API, LIVE)} - covered
        if missing and f"*.{domain}" not in covered:
            again = f"aws acm request-certificate --domain-name '*.{domain}' --validation-method DNS"
            return fail(name, f"{given} is not for {', '.join(sorted(missing))}", again)
        return ok(name, f"{given} is issued for {API}.{domain} and {LIVE}.{domain}")

    def _api_name(self) -> Finding:
        """The name of the API: no other API in this account and region may have it."""
        from botocore.exceptions import ClientError

        name, wanted = "api_gateway_domain", f"{API}.{self._options.domain}"
        if not self._options.certificate:
            return ok(name, "the API keeps the name that AWS gives it")
        try:
            self._clients.of("apigatewayv2").get_domain_name(DomainName=wanted)
        except ClientError as error:
            if code_of(error) != "NotFoundException":
                raise
            return ok(name, f"{wanted} will be made")
        if "ApiName" in self._owned():
            return ok(name, f"{wanted} is this stack's")
        return fail(name, f"{wanted} is there", f"aws apigatewayv2 delete-domain-name --domain-name {wanted}")


def _verified(name: str, domain: str, found: dict[str, Any]) -> Finding:
    dkim = found.get("DkimAttributes") or {}
    own = found.get("MailFromAttributes") or {}
    length = str(dkim.get("CurrentSigningKeyLength") or dkim.get("NextSigningKeyLength") or "")
    if dkim.get("Status") == "SUCCESS" and length == "RSA_1024_BIT":
        again = f"aws sesv2 put-email-identity-dkim-signing-attributes --email-identity {domain}"
        options = "--signing-attributes-origin AWS_SES --signing-attributes NextSigningKeyLength=RSA_2048_BIT"
        return warn(name, f"{domain} signs with 1024 bits", f"{again} {options}")
    if own.get("MailFromDomain") == domain:
        again = f"aws sesv2 put-email-identity-mail-from-attributes --email-identity {domain}"
        words = f"MAIL FROM is {domain}, which receives mail: bounces would come there"
        return fail(name, words, f"{again} --mail-from-domain {dns.MAIL_FROM}.{domain}")
    if not found.get("VerifiedForSendingStatus"):
        return warn(name, f"{domain} waits for its DNS records", "cis-mcp aws dns")
    if own.get("MailFromDomain") and own.get("MailFromDomainStatus") != "SUCCESS":
        return warn(name, f"{own['MailFromDomain']} waits for its DNS records", "cis-mcp aws dns")
    return ok(name, f"{domain} is verified")


def _other(region: str) -> str:
    return next(one for one in _RECEIVING if one != region)


def _mend(state: str) -> str:
    """The CloudFormation command that a failed stack needs before any update."""
    if state in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}:
        return "delete-stack"
    return "continue-update-rollback" if state == "UPDATE_ROLLBACK_FAILED" else "describe-stack-events"
