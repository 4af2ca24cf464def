"""What a check found; checks have the same names as in the published Calendar Invite Server."""

from __future__ import annotations

from typing import Literal

from engine.model.base import Value

Mark = Literal["OK", "WARN", "FAIL", "SAFE", "SKIP"]

ANSWERED_BY_DESIGN = {
    "aws_cli": "not needed: the calls are made by Python",
    "sam_cli": "not needed: the template is plain CloudFormation",
    "local_repos": "not needed: template and code are in this package",
    "sceptre_env": "not needed: one stack, one template",
    "python38": "not needed: the machine gets Python 3.11",
    "build_venv": "not needed: wheels are downloaded for the machine's platform",
    "acm_ssm": "no certificate: the machine has no public HTTP endpoint",
    "api_gateway_domain": "there is no API Gateway",
    "cloudfront_alias": "there is no CloudFront",
}
"""Checks of the reference about what this installation does not have."""


class Finding(Value):
    """The result of one check: `repair` is the command or step that fixes it."""

    name: str
    mark: Mark
    detail: str
    repair: str = ""

    @property
    def line(self) -> str:
        """A line for a person."""
        again = f"  → {self.repair}" if self.repair else ""
        return f"{self.mark:<5} {self.name:<20} {self.detail}{again}"


def ok(name: str, detail: str) -> Finding:
    """A finding that needs nothing."""
    return Finding(name=name, mark="OK", detail=detail)


def warn(name: str, detail: str, repair: str = "") -> Finding:
    """A finding that may be a problem."""
    return Finding(name=name, mark="WARN", detail=detail, repair=repair)


def fail(name: str, detail: str, repair: str = "") -> Finding:
    """A finding that must be repaired."""
    return Finding(name=name, mark="FAIL", detail=detail, repair=repair)
