"""The receipt rule of the domain: in a rule set of our own, or at the top of the one that is already active."""

from __future__ import annotations

from typing import Any

from cis_mcp.aws.boot import PREFIX
from cis_mcp.aws.clients import Clients, code_of
from cis_mcp.aws.options import InstallationOptions


class Rules:
    """SES receipt rules; an account has one active set per region."""

    def __init__(self, clients: Clients, options: InstallationOptions) -> None:
        self._ses = clients.of("ses")
        self._name = options.stack
        self._domain = options.domain

    def active(self) -> str:
        """The name of the active set; empty if none is."""
        found = self._ses.describe_active_receipt_rule_set()
        return str((found.get("Metadata") or {}).get("Name", ""))

    def plan(self) -> str:
        """What `put` would do, in a sentence."""
        active = self.active()
        if active in {"", self._name}:
            return f"receipt rule “{self._name}” in the set “{self._name}”, which becomes the active one"
        return f"receipt rule “{self._name}” on top of “{active}”, which is active and stays so"

    def stands(self, bucket: str, topic: str) -> bool:
        """True if `put` would change nothing."""
        active, rule = self.active(), self._rule(bucket, topic)
        there = self._own(active) if active else None
        return there is not None and all(there.get(key) == value for key, value in rule.items())

    def put(self, bucket: str, topic: str) -> None:
        """Create or replace the rule; it is added to another's active set, which is never switched."""
        active = self.active()
        name = active or self._name
        if not active:
            self._made(name)
        rule = self._rule(bucket, topic)
        stands = self._own(name)
        if stands is None:
            self._ses.create_receipt_rule(RuleSetName=name, Rule=rule)  # without After: the first of the set
        elif any(stands.get(key) != value for key, value in rule.items()):
            self._ses.update_receipt_rule(RuleSetName=name, Rule=rule)
        if not active:
            self._ses.set_active_receipt_rule_set(RuleSetName=name)

    def remove(self) -> list[str]:
        """Remove what is ours, and report it; the set is deactivated only if it is ours."""
        done = []
        active = self.active()
        for name in dict.fromkeys([active, self._name]):
            if name and self._name in [one["Name"] for one in self._rules(name)]:
                self._ses.delete_receipt_rule(RuleSetName=name, RuleName=self._name)
                done.append(f"receipt rule “{self._name}” of “{name}”")
        if active == self._name and not self._rules(active):
            self._ses.set_active_receipt_rule_set()
            done.append(f"“{active}” is no longer the active rule set")
        if self._exists(self._name) and not self._rules(self._name):
            self._ses.delete_receipt_rule_set(RuleSetName=self._name)
            done.append(f"rule set “{self._name}”")
        return done

    def _own(self, name: str) -> dict[str, Any] | None:
        """Our rule in the set `name`; None if it is not there."""
        return next((one for one in self._rules(name) if one["Name"] == self._name), None)

    def _made(self, name: str) -> None:
        if not self._exists(name):
            self._ses.create_receipt_rule_set(RuleSetName=name)

    def _exists(self, name: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._ses.describe_receipt_rule_set(RuleSetName=name)
        except ClientError as error:
            if code_of(error) in {"RuleSetDoesNotExist", "RuleSetDoesNotExistException"}:
                return False
            raise
        return True

    def _rules(self, name: str) -> list[dict[str, Any]]:
        if not self._exists(name):
            return []
        return list(self._ses.describe_receipt_rule_set(RuleSetName=name).get("Rules") or [])

    def _rule(self, bucket: str, topic: str) -> dict[str, Any]:
        action = {"BucketName": bucket, "ObjectKeyPrefix": PREFIX, "TopicArn": topic}
        return {
            "Name": self._name,
            "Enabled": True,
            "TlsPolicy": "Optional",
            "Recipients": [self._domain],
            "Actions": [{"S3Action": action}],
            "ScanEnabled": True,
        }
