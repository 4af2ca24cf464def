"""Errors of AWS services and of the connections to them."""

from __future__ import annotations

from enum import Enum


class ErrorClass(Enum):
    """The kind of an error, which decides what to do next.

    `PERMANENT`: this request will never succeed. `TEMPORARY`: the service is at fault, try again. `THROTTLED`: too
    many requests, try again more slowly. `ACCOUNT`: the account's requests fail until someone fixes it.
    """

    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    THROTTLED = "throttled"
    ACCOUNT = "account"


# SES API v2: SendEmail and GetAccount, and the common errors of all services.
_CODES = {
    "TooManyRequestsException": ErrorClass.THROTTLED,
    "ThrottlingException": ErrorClass.THROTTLED,
    "Throttling": ErrorClass.THROTTLED,
    "RequestThrottled": ErrorClass.THROTTLED,
    "LimitExceededException": ErrorClass.THROTTLED,
    "RequestLimitExceeded": ErrorClass.THROTTLED,
    "ProvisionedThroughputExceededException": ErrorClass.THROTTLED,
    "AccountSuspendedException": ErrorClass.ACCOUNT,
    "SendingPausedException": ErrorClass.ACCOUNT,
    "MailFromDomainNotVerifiedException": ErrorClass.ACCOUNT,
    "NotFoundException": ErrorClass.ACCOUNT,
    "MessageRejected": ErrorClass.PERMANENT,
    "BadRequestException": ErrorClass.PERMANENT,
    "ValidationException": ErrorClass.PERMANENT,
    "InternalServiceErrorException": ErrorClass.TEMPORARY,
    "ConcurrentModificationException": ErrorClass.TEMPORARY,
    "RequestTimeout": ErrorClass.TEMPORARY,
    "RequestTimeoutException": ErrorClass.TEMPORARY,
}
_SERVER_ERROR, _REFUSED, _TOO_MANY = 500, (401, 403), 429


class Unreached(Exception):  # noqa: N818 -- an answer, not a fault
    """The request was not sent completely: it had no effect."""


class Unanswered(Exception):  # noqa: N818 -- an answer, not a fault
    """The request was sent but no complete response came: it may have taken effect."""


class AwsRefused(Exception):  # noqa: N818 -- an answer, not a fault
    """A service refused a request; `message` is its own text and may contain addresses.

    `region`: where a bucket is, if S3 says so.
    """

    def __init__(self, code: str, message: str, status: int, region: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.region = region

    @property
    def fault(self) -> ErrorClass:
        """The kind of the error, by its code or, if that is not listed, by the HTTP status."""
        known = _CODES.get(self.code)
        if known:
            return known
        if self.status in _REFUSED:
            return ErrorClass.ACCOUNT  # credentials, signature, policy, clock
        if self.status == _TOO_MANY:
            return ErrorClass.THROTTLED
        return ErrorClass.TEMPORARY if self.status >= _SERVER_ERROR else ErrorClass.PERMANENT

    @property
    def stale_keys(self) -> bool:
        """True if new credentials may help, since these have expired or are no longer known."""
        return self.status in _REFUSED and any(
            word in self.code for word in ("Expired", "InvalidClientToken")
        )
