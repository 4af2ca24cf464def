"""Clients of AWS whose answers are held against botocore's models; nothing reaches a network."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.stub import Stubber


@cache
def client(service: str) -> Any:
    return _session().client(service)


@cache
def _session() -> Any:
    return boto3.Session("AKID", "secret", region_name="eu-west-1")


class Stubbed:
    """Clients whose answers are held against botocore's models."""

    region = "eu-west-1"

    def until(self) -> str:
        return "2027-03-01 12:00 UTC"

    def __init__(self) -> None:
        self._clients: dict[str, tuple[Any, Stubber]] = {}

    def of(self, service: str) -> Any:
        return self._of(service)[0]

    def _of(self, service: str) -> tuple[Any, Stubber]:
        if service not in self._clients:
            stubbed = client(service)
            stubber = Stubber(stubbed)
            stubber.activate()
            self._clients[service] = stubbed, stubber
        return self._clients[service]

    def answers(self, service: str, operation: str, **values: object) -> None:
        self._of(service)[1].add_response(operation, values)

    def refuses(self, service: str, operation: str, code: str) -> None:
        self._of(service)[1].add_client_error(operation, code)

    def takes(self, service: str, operation: str, **values: object) -> None:
        """Answer a call with exactly these values; any other fails the test."""
        self._of(service)[1].add_response(operation, {}, values)

    def expects(self, service: str, operation: str, code: str, **values: object) -> None:
        """Refuse a call with exactly these values; any other fails the test."""
        self._of(service)[1].add_client_error(operation, code, expected_params=values)

    def spent(self) -> None:
        for _, stubber in self._clients.values():
            stubber.assert_no_pending_responses()

    def close(self) -> None:
        for _, stubber in self._clients.values():
            stubber.deactivate()
