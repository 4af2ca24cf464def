"""What a service of AWS, or the way to it, answers instead of what was asked for."""

from __future__ import annotations

from enum import Enum


class ErrorClass(Enum):
    """Whose turn it is after an error.

    `PERMANENT`: this request will never be taken. `TEMPORARY`: the service is at fault, try again. `THROTTLED`: too
    many requests, try again more slowly. `ACCOUNT`: nothing of this account is taken until somebody mends it.
    """

    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    THROTTLED = "throttled"
    ACCOUNT = "account"


# SES API v2: SendEmail and GetAccount; the common errors of all services.
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
    """The request was not handed over whole: it had no effect."""


class Unanswered(Exception):  # noqa: N818 -- an answer, not a fault
    """The request was handed over and no whole answer came: it may have had its effect."""


class AwsRefused(Exception):  # noqa: N818 -- an answer, not a fault
    """A service refused a request; `message` is its own text, and may hold addresses.

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
        """What the code says; for one that is not listed, what the HTTP status says."""
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
        """True if other credentials may be taken: these have run out, or are not known any more."""
        return self.status in _REFUSED and any(
            word in self.code for word in ("Expired", "InvalidClientToken")
        )
