"""The CloudFormation stack: change sets, shown before they run, and their results."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from cis_mcp.aws.clients import Clients, code_of
from engine.model.base import Value
from engine.refusals import Code, Refused

_NO_CHANGE = ("didn't contain changes", "No updates are to be performed")
_BEGUN = {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
_LOOK_S = 2.0
_NEVER_MADE = "REVIEW_IN_PROGRESS"


class ResourceChange(Value):
    """One resource that a change set adds, modifies or removes."""

    action: str
    resource: str
    type: str
    replaced: bool

    @property
    def line(self) -> str:
        """A line for a person."""
        again = ", REPLACED" if self.replaced else ""
        return f"{self.action:<7} {self.resource} ({self.type}{again})"


_OUTPUTS = ResourceChange(action="Modify", resource="Outputs", type="of the stack alone", replaced=False)


class Stack:
    """One stack of CloudFormation."""

    def __init__(self, clients: Clients, name: str, *, look_s: float = _LOOK_S) -> None:
        self._cfn = clients.of("cloudformation")
        self.name = name
        self._look_s = look_s

    def state(self) -> str:
        """Its status; empty if there is none."""
        found = self._described()
        return str(found["StackStatus"]) if found else ""

    def outputs(self) -> dict[str, str]:
        """Its outputs by their names."""
        found = self._described() or {}
        return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs") or []}

    def parameters(self) -> dict[str, str]:
        """What it was given, by the names of its parameters; empty if it was never made."""
        found = self._described() or {"StackStatus": _NEVER_MADE}
        if found["StackStatus"] == _NEVER_MADE:
            return {}
        return {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters") or []}

    def propose(self, template: str, parameters: Mapping[str, str]) -> list[ResourceChange]:
        """Create a change set named `next` without running it; the list is empty if nothing would change."""
        kind = "UPDATE" if self.state() not in {"", _NEVER_MADE} else "CREATE"
        self._drop()
        self._cfn.create_change_set(
            StackName=self.name,
            ChangeSetName="next",
            ChangeSetType=kind,
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        )
        try:
            found = self._proposed()
        except Refused:
            self.forget()
            raise
        if not found:
            self._drop()
            return []
        return [_change(one["ResourceChange"]) for one in found.get("Changes") or []] or [_OUTPUTS]

    def carry_out(self, *, keep_new: bool = False) -> None:
        """Run the change set and wait until it ends. Raises Refused if it was rolled back.

        A rollback deletes again what it created, although the stack retains that otherwise; not so with `keep_new`.
        """
        self._cfn.execute_change_set(
            StackName=self.name, ChangeSetName="next", RetainExceptOnCreate=not keep_new
        )
        self._wait()

    def forget(self) -> None:
        """Delete the change set, and the stack too if it was never created."""
        self._drop()
        if self.state() == _NEVER_MADE:
            self._cfn.delete_stack(StackName=self.name)

    def remove(self) -> None:
        """Delete the stack; resources that it retains stay."""
        if self.state():
            self._cfn.delete_stack(StackName=self.name)
            self._wait()

    def resources(self) -> list[tuple[str, str, str]]:
        """Logical name, type and physical id of each resource."""
        if not self.state():
            return []
        pages = self._cfn.get_paginator("list_stack_resources").paginate(StackName=self.name)
        found = [one for page in pages for one in page["StackResourceSummaries"]]
        return [
            (one["LogicalResourceId"], one["ResourceType"], one.get("PhysicalResourceId", ""))
            for one in found
        ]

    def _proposed(self) -> dict[str, Any]:
        while True:
            found: dict[str, Any] = self._cfn.describe_change_set(StackName=self.name, ChangeSetName="next")
            if found["Status"] == "FAILED":
                why = str(found.get("StatusReason", ""))
                if any(words in why for words in _NO_CHANGE):
                    return {}
                raise Refused(Code.INVALID_ARGUMENT, f"CloudFormation refuses the template: {why[:500]}")
            if found["Status"] == "CREATE_COMPLETE":
                return found
            time.sleep(self._look_s)

    def _wait(self) -> None:
        while (state := self.state()).endswith("_IN_PROGRESS"):
            time.sleep(self._look_s)
        if "ROLLBACK" in state or state.endswith("FAILED"):
            raise Refused(
                Code.INTERNAL,
                f"The stack ended as {state}: {self._reason()}",
                "See its events in the CloudFormation console, then run the command again.",
            )

    def _reason(self) -> str:
        """Why the first resource of this change failed; the others are called off for it. Events are newest first."""
        first = ""
        for event in self._cfn.describe_stack_events(StackName=self.name)["StackEvents"]:
            if event["LogicalResourceId"] == self.name and event["ResourceStatus"] in _BEGUN:
                break
            if event["ResourceStatus"].endswith("_FAILED"):
                first = str(event.get("ResourceStatusReason", ""))[:500]
        return first

    def _drop(self) -> None:
        from botocore.exceptions import ClientError

        try:
            self._cfn.delete_change_set(StackName=self.name, ChangeSetName="next")
        except ClientError as error:
            if code_of(error) not in {"ChangeSetNotFound", "ValidationError", "ChangeSetNotFoundException"}:
                raise

    def _described(self) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            found: dict[str, Any] = self._cfn.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if code_of(error) == "ValidationError":
                return None
            raise
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def _change(values: Mapping[str, Any]) -> ResourceChange:
    return ResourceChange(
        action=values["Action"],
        resource=values["LogicalResourceId"],
        type=values["ResourceType"],
        replaced=values.get("Replacement") == "True",
    )
