"""The stack: what a change set would change, and why a change failed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cis_mcp.aws.stack import Stack
from engine.refusals import Refused
from tests.support.awsstubs import Stubbed

AT = "2027-03-01T00:00:00Z"


@pytest.fixture
def clients() -> Iterator[Stubbed]:
    found = Stubbed()
    yield found
    found.close()


def _is(clients: Stubbed, state: str) -> None:
    found = {"StackName": "cis-prod", "StackStatus": state, "CreationTime": AT}
    clients.answers("cloudformation", "describe_stacks", Stacks=[found])


def test_the_reason_is_that_of_the_first_failure_of_this_change_and_of_no_earlier_one(
    clients: Stubbed,
) -> None:
    events = [
        ("cis-prod", "UPDATE_ROLLBACK_COMPLETE", ""),
        ("cis-prod", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resources failed"),
        ("Queue", "UPDATE_FAILED", "Resource update cancelled"),
        ("Service", "UPDATE_FAILED", "no such image"),
        ("cis-prod", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("Table", "CREATE_FAILED", "of last year"),
        ("cis-prod", "CREATE_IN_PROGRESS", "User Initiated"),
    ]
    clients.answers("cloudformation", "execute_change_set")
    _is(clients, "UPDATE_ROLLBACK_COMPLETE")
    said = [
        {
            "StackId": "s",
            "EventId": str(n),
            "StackName": "cis-prod",
            "Timestamp": AT,
            "LogicalResourceId": name,
            "ResourceStatus": state,
            "ResourceStatusReason": why,
        }
        for n, (name, state, why) in enumerate(events)
    ]
    clients.answers("cloudformation", "describe_stack_events", StackEvents=said)
    with pytest.raises(Refused, match="no such image"):
        Stack(clients, "cis-prod", look_s=0).carry_out()  # type: ignore[arg-type]


def test_a_change_of_outputs_alone_is_a_change(clients: Stubbed) -> None:
    _is(clients, "CREATE_COMPLETE")
    clients.answers("cloudformation", "delete_change_set")
    clients.answers("cloudformation", "create_change_set")
    clients.answers("cloudformation", "describe_change_set", Status="CREATE_COMPLETE", Changes=[])
    (change,) = Stack(clients, "cis-prod", look_s=0).propose("{}", {})  # type: ignore[arg-type]
    assert change.line == "Modify  Outputs (of the stack alone)"
    clients.spent()
