"""A published server's table on an emulator of DynamoDB is taken over by the command, also where DynamoDB throttles."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.cli.processes import run
from tests.judges.ministack import KEYS, REGION, faults, fired, microburst, ministack
from tests.support.reference import UID, attendee, installation

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
PEOPLE = 3_000


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack(tmp_path_factory.mktemp("ministack")) as address:
        yield address


@pytest.fixture(scope="module")
def client(aws: str) -> Any:
    session = boto3.Session(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    return session.client("dynamodb", endpoint_url=aws)


def _made(client: Any, name: str) -> None:
    key = [("pk", "HASH"), ("sk", "RANGE")]
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": n, "KeyType": kind} for n, kind in key],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n, _ in key],
        BillingMode="PAY_PER_REQUEST",
    )


def test_the_emulator_is_honest_about_scans(client: Any) -> None:
    """What the import relies on. If one of these fails, nothing below means anything."""
    _made(client, "probe")
    for n in range(30):
        item = {
            "pk": {"S": "p"},
            "sk": {"S": f"{n:02}"},
            "big": {"S": "x" * 60_000},
            "n": {"N": "12345678901234567"},
        }
        client.put_item(TableName="probe", Item=item)
    first = client.scan(TableName="probe", ConsistentRead=True)
    assert 0 < first["Count"] < 30, "a page ends at 1 MB"
    assert first["LastEvaluatedKey"].keys() == {"pk", "sk"}
    seen, after = first["Items"], first["LastEvaluatedKey"]
    while after:
        page = client.scan(TableName="probe", ExclusiveStartKey=after)
        seen += page["Items"]
        after = page.get("LastEvaluatedKey")
    assert [item["sk"]["S"] for item in seen] == [f"{n:02}" for n in range(30)], (
        "each once, in the order of keys"
    )
    assert {item["n"]["N"] for item in seen} == {"12345678901234567"}, "numbers are exact"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.scan(TableName="nothing")
    with pytest.raises(client.exceptions.ClientError):
        client.put_item(TableName="probe", Item={"pk": {"S": "p"}, "sk": {"S": "y"}, "n": {"N": "many"}})


async def test_a_table_is_taken_over_by_the_command_though_it_throttles(
    aws: str, client: Any, tmp_path: Path
) -> None:
    _made(client, "thirtyone")
    items = [*installation(), *(attendee(f"p{n}@people.example", "accepted") for n in range(PEOPLE))]
    for first in range(0, len(items), 25):
        some = [{"PutRequest": {"Item": item}} for item in items[first : first + 25]]
        assert not client.batch_write_item(RequestItems={"thirtyone": some})["UnprocessedItems"]
    with microburst(aws, tmp_path) as proxy:
        rule = {"service": "dynamodb", "operation": "Scan"}
        throttled = {"error": {"code": "ProvisionedThroughputExceededException"}, "times": 2}
        faults(proxy, [{**rule, **throttled}, {**rule, "response": {"abort_frac": 0.3}, "times": 1}])
        values = {**KEYS, "AWS_ENDPOINT_URL": proxy}
        source = f"dynamodb://thirtyone?region={REGION}"
        code, out, err = await run(tmp_path, "import", source, "--json", **values)
        assert code == 0, err
        assert json.loads(out)["counts"]["attendees"] == {"new": PEOPLE + 5, "newer": 0, "known": 0}
        assert fired(proxy) >= 3
        code, out, _ = await run(tmp_path, "import", source, "--json", **values)
        assert json.loads(out)["counts"]["attendees"] == {"new": 0, "newer": 0, "known": PEOPLE + 5}
    code, out, _ = await run(tmp_path, "check")
    assert (code, out) == (0, "Everything adds up.\n")
    assert UID in (await run(tmp_path, "export", "yes@people.example"))[1]
