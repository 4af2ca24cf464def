"""`cis-mcp aws …`: check an AWS account, install the server on it, and remove it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cis_mcp.aws.clients import Clients
    from cis_mcp.aws.options import InstallationOptions

_MONTHS = (1_000, 100_000, 1_000_000)

_OPTIONS = (
    click.option("--profile", default="", help="AWS profile; AWS_PROFILE."),
    click.option("--region", default="", help="AWS region that receives mail; AWS_REGION."),
    click.option("--domain-name", "domain", default="", help="Domain of the invites; DOMAIN_NAME."),
    click.option("--project", default="", help="First part of the stack's name (cis); DEPLOYMENT_NAME."),
    click.option(
        "--environment", default="", help="Second part of the stack's name (prod); APP_ENVIRONMENT."
    ),
    click.option(
        "--zone", default="", help="Hosted zone to write the records to; otherwise they are printed."
    ),
    click.option("--bucket", default="", help="Existing bucket for mail."),
    click.option(
        "--subnet",
        default="",
        help="Public subnet of the machine (serverless: two, as A,B); default: those of the default VPC.",
    ),
    click.option("--instance-type", default="", help="Arm instance type (t4g.small)."),
    click.option(
        "--volume",
        "volume_gb",
        default=None,
        type=click.IntRange(8, 16_000),
        metavar="GB",
        help="Size of the data volume (20); it can only grow.",
    ),
    click.option("--organizers", default="", help="Who may create events by mail (*@DOMAIN)."),
    click.option("--alarm-email", default="", help="Address that gets the alarms."),
    click.option(
        "--nightly-export/--no-nightly-export",
        default=None,
        help="Export all tables to the bucket every night, under export/.",
    ),
    click.option(
        "--delivery-events/--no-delivery-events",
        default=None,
        help="Let SES report each delivery, too: one more event per mail.",
    ),
    click.option(
        "--form",
        type=click.Choice(["instance", "serverless"]),
        default=None,
        help="One machine with SQLite, or functions and tasks over DynamoDB.",
    ),
    click.option(
        "--image", default="", help="Serverless: image built from deploy/Containerfile, for the tasks."
    ),
    click.option(
        "--certificate-arn",
        "certificate",
        default="",
        help="Serverless: ACM certificate in the region, for api.DOMAIN and live.DOMAIN; CERTIFICATE_ARN.",
    ),
    click.option(
        "--no-machine",
        "machine",
        flag_value=False,
        default=None,
        type=bool,
        help="Set up mail only, for a server that runs elsewhere.",
    ),
    click.option(
        "--parameter",
        "parameters",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter of the published Calendar Invite Server; repeatable.",
    ),
    click.option("--version", "wanted", default="", help="Refuse if the installed version is another one."),
    click.option("--skip-domain-check", is_flag=True, default=None, help="Do not check the domain's MX."),
    click.option("--use-container", is_flag=True, hidden=True),
    click.option("--no-install-tools", is_flag=True, hidden=True),
    click.option("--skip-acm-check", is_flag=True, hidden=True),
    click.option("--keep-local-envs", is_flag=True, hidden=True),
    click.option("--keep-sar-apps", is_flag=True, hidden=True),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    click.option("--yes", is_flag=True, help="Do it without asking."),
    click.option("--dry-run", is_flag=True, help="Only show what would be done."),
)


def _taking(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group()
def aws() -> None:
    """Install the server on AWS, or remove it."""


@aws.command()
@_taking
def preflight(**given: Any) -> None:
    """Check everything before an installation; changes nothing. Exit 1 if something must be repaired."""
    with _Run(given) as run:
        run.exit(0 if run.checked() else 1)


@aws.command()
@_taking
def bootstrap(**given: Any) -> None:
    """Set up queues, bucket, identity and receipt rule, and show the DNS records."""
    with _Run(given) as run:
        run.priced()
        done = run.installation().bootstrap()
        run.recorded()
        run.exit(0 if done or run.dry else 1)


@aws.command()
@_taking
def deploy(**given: Any) -> None:
    """Deploy the code and the machine, or whatever has changed since the last time.

    What is not given stays as it was installed; “none” as a value takes it away.
    """
    with _Run(given) as run:
        run.priced()
        done = run.installation().deploy()
        if done and run.options.machine and not run.options.serverless:
            run.say(
                "The machine boots for some minutes; “cis-mcp aws full” then verifies that its server runs."
            )
        run.exit(0 if done or run.dry else 1)


@aws.command()
@click.option(
    "--wait",
    default=60,
    show_default=True,
    metavar="MINUTES",
    type=click.IntRange(0, 1_440),
    help="How long to wait for the DNS; 0: do not wait, and do not verify.",
)
@_taking
def full(*, wait: int, **given: Any) -> None:
    """Check, bootstrap, deploy, wait for the DNS, and verify; stops at the first failure."""
    with _Run(given) as run:
        if not run.checked():
            run.exit(1)
        run.priced()
        installation = run.installation()
        done = installation.bootstrap()
        run.recorded()
        done = done and installation.deploy()
        if not done:
            run.exit(0 if run.dry else 1)
        run.exit(0 if run.finished(wait) else 1)


@aws.command()
@click.option("--data", is_flag=True, help="Also remove mail, volume and identity, for good.")
@_taking
def destroy(*, data: bool, **given: Any) -> None:
    """Remove what was installed; without --yes, only show it. Data stays unless --data is given."""
    given["dry_run"] = given["dry_run"] or not given["yes"]
    with _Run(given) as run:
        run.exit(0 if run.installation().destroy(data=data) or run.dry else 1)


@aws.command()
@click.option("--no-machine", is_flag=True, help="Only queues, bucket and identity.")
@click.option("--form", type=click.Choice(["instance", "serverless"]), default="instance", show_default=True)
@click.option(
    "--code",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the code to this file, for CodeBucket and CodeKey.",
)
def template(*, no_machine: bool, form: str, code: Path | None) -> None:
    """Write the template as one file, to launch in the CloudFormation console."""
    from cis_mcp.aws import bundle
    from cis_mcp.aws import template as built
    from cis_mcp.cli import hints
    from engine.refusals import Refused

    serverless = form == "serverless" and not no_machine
    try:
        if code:
            name = bundle.made(code, unpacked=serverless)
            click.echo(f"Upload {code} as code/{name}.zip, and give that as CodeKey.", err=True)
    except Refused as refused:
        click.echo(hints.line(refused), err=True)
        sys.exit(2)
    click.echo(built.text(machine=not no_machine, serverless=serverless))


@aws.command()
@click.option("--format", "form", type=click.Choice(["text", "bind", "cloudflare"]), default="text")
@_taking
def dns(form: str, **given: Any) -> None:
    """Show the records that the domain needs."""
    with _Run(given) as run:
        run.recorded(form)
        run.exit(0)


@aws.command()
@_taking
def costs(**given: Any) -> None:
    """Estimate what a month costs; contacts no one."""
    with _Run(given) as run:
        run.priced()
        run.exit(0)


class _Run:
    """One call of the command: reads the options, and reports what happens as lines or as one JSON object."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._json, self._yes, self.dry = given.pop("as_json"), given.pop("yes"), given.pop("dry_run")
        self._given = given
        self._told: dict[str, Any] = {"said": []}

    def __enter__(self) -> _Run:
        from cis_mcp.cli import hints
        from engine.refusals import Refused

        try:
            self.options = _options(self._given, self.say)
        except Refused as refused:
            click.echo(hints.line(refused), err=True)
            sys.exit(2)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Print what a service refuses as one line, not as a traceback."""
        from botocore.exceptions import BotoCoreError, ClientError

        from cis_mcp.cli import hints
        from engine.refusals import Refused

        if isinstance(error, Refused):
            click.echo(hints.line(error), err=True)
            sys.exit(2)
        if isinstance(error, (BotoCoreError, ClientError)):
            click.echo(f"AWS refused: {error}", err=True)
            sys.exit(1)

    def say(self, line: str) -> None:
        if self._json:
            self._told["said"].append(line)
        else:
            click.echo(line)

    def checked(self) -> bool:
        """Run the checks and print each as it ends; True if none failed."""
        from cis_mcp.aws.lookups import public
        from cis_mcp.aws.preflight import Preflight

        found = []
        for one in Preflight(self._clients(), self.options, public).run():
            found.append(one)
            if not self._json:
                click.echo(one.line)
        self._told["checks"] = [one.model_dump() for one in found]
        return not any(one.mark == "FAIL" for one in found)

    def priced(self) -> None:
        """What a month costs."""
        from cis_mcp.aws.costs import estimate

        one = self.options
        found = [
            estimate(n, one.instance_type, one.volume_gb, machine=one.machine, serverless=one.serverless)
            for n in _MONTHS
        ]
        self._told["costs"] = [each.model_dump() | {"total": round(each.total, 2)} for each in found]
        if not self._json:
            for each in found:
                click.echo(each.line)

    def recorded(self, form: str = "text") -> None:
        """Print the DNS records."""
        from cis_mcp.aws.dns import FORMS

        found = self.installation().records()
        self._told["records"] = [one.model_dump() for one in found]
        if not self._json:
            click.echo(FORMS[form](found))

    def finished(self, minutes: int) -> bool:
        """Wait for the DNS and verify; True if all is well, or if `minutes` is 0."""
        import time

        from cis_mcp.aws.finishing import Finishing
        from cis_mcp.aws.lookups import public

        last = Finishing(self._clients(), self.options, public, self.say, time.sleep)
        if not minutes:
            self.say("Next: enter the records, wait for “cis-mcp aws preflight”, then “cis-mcp verify”.")
            return True
        self.say(f"waiting up to {minutes} minutes for the records; enter them now if you have not yet")
        if not last.seen(minutes):
            return False
        if self.options.machine and not self.options.serverless:
            return last.verified()
        last.by_hand()
        return True

    def installation(self) -> Any:
        """The installation that the options name."""
        from cis_mcp.aws.phases import Installation

        return Installation(self._clients(), self.options, self.say, self._confirm)

    def exit(self, code: int) -> None:
        """Exit with `code`; with --json, print everything that was reported."""
        if self._json:
            click.echo(json.dumps(self._told, ensure_ascii=False, default=str))
        sys.exit(code)

    def _clients(self) -> Clients:
        from cis_mcp.aws.clients import Clients

        return Clients(self.options.region, self.options.profile)

    def _confirm(self, question: str) -> bool:
        if self.dry:
            self.say("Dry run: nothing was done.")
            return False
        return self._yes or (not self._json and click.confirm(question, default=False))


def _options(given: dict[str, Any], say: Callable[[str], None]) -> InstallationOptions:
    """Raises Refused: INVALID_ARGUMENT."""
    from cis_mcp.aws.options import IDLE_FLAGS, REFUSED_FLAGS, read
    from cis_mcp.views.version import version
    from engine.refusals import Code, Refused

    parameters = dict(each.partition("=")[::2] for each in given.pop("parameters"))
    wanted, container = given.pop("wanted"), given.pop("use_container")
    if container:
        raise Refused(Code.INVALID_ARGUMENT, f"--use-container: {REFUSED_FLAGS['--use-container']}.")
    if wanted and wanted != version():
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"This is version {version()}.",
            f"pip install cis-mcp=={wanted}, then again.",
        )
    for flag, why in IDLE_FLAGS.items():
        if given.pop(flag.removeprefix("--").replace("-", "_")):
            say(f"{flag}: {why}")
    return read(given, os.environ, parameters)
