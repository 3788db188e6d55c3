# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to the API of Amazon Route 53: no more than it takes, and what it refuses in words for the administrator."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol, overload

from ..._deps import optional_library
from ..._records.names import name_text
from ..base import InvalidOptions, OutcomeUnknown, ProviderError

if TYPE_CHECKING:
    from dns.name import Name

    from .responses import ChangeResponse, ErrorResponse, HostedZoneResponse, HostedZonesPage, RecordSetsPage

# An account has five requests a second for all its users and tools together (Route 53 Developer Guide, Quotas).
_REQUESTS_PER_SECOND = 5.0
_REQUESTS_AT_ONCE = 5
# Waiting for changes to arrive leaves room for the zones that are still written.
_STATUS_REQUESTS_PER_SECOND = 2.0
# Route 53 has no regions, but every request is signed for one.
_DEFAULT_REGION = "us-east-1"
# Seconds that one request is paused for the service to take it again, all pauses together.
_PATIENCE = 60.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0

# It did nothing, and says that it would at another time.
_BUSY = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "PriorRequestNotComplete"})
# What is wrong with the credentials, and what to do.
_UNKNOWN_KEY = (
    "does not know the access key",
    "It may be deleted or inactive, or of another partition (options.region: China, GovCloud).",
)
_BAD_SIGNATURE = "does not accept the signature", "Check the secret access key, and the clock of the controller."
_EXPIRED = "does not accept the session any more", "Sign in again."
_CREDENTIALS = {
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "UnrecognizedClientException": _UNKNOWN_KEY,
    "SignatureDoesNotMatch": _BAD_SIGNATURE,
    "InvalidSignatureException": _BAD_SIGNATURE,
    "RequestExpired": _BAD_SIGNATURE,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
}
_NOT_ROUTE53 = "answers something that is not the API of Route 53. Check url."
_WRITE = "change_resource_record_sets"
_STATUS = "get_change"


class ApiError(ProviderError):
    """The service refused a request. code: of the error, as 'InvalidChangeBatch'; details: what the service says."""

    def __init__(self, message: str, code: str, details: str) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class _ClientError(Protocol):
    """botocore.exceptions.ClientError."""

    response: ErrorResponse
    operation_name: str


class _Pace:
    """Lets so many go in a second, evenly but for the first few."""

    def __init__(self, a_second: float, at_once: int) -> None:
        self._interval = 1 / a_second
        self._head_start = (at_once - 1) * self._interval
        self._next = 0.0

    async def turn(self) -> None:
        now = asyncio.get_running_loop().time()
        mine = max(self._next, now - self._head_start)
        self._next = mine + self._interval
        if mine > now:
            await asyncio.sleep(mine - now)


class Route53Client:
    """url: of the endpoint, None for the one that boto3 knows; timeout: seconds for one answer; session: arguments of
    boto3.session.Session. Raises LibraryMissing and InvalidOptions."""

    def __init__(self, url: str | None, ca_path: str | None, timeout: float, session: Mapping[str, str | None]) -> None:
        boto3 = optional_library("boto3")
        self._errors = optional_library("botocore.exceptions")
        self._unreadable = optional_library("botocore.parsers").ResponseParserError
        config = optional_library("botocore.config").Config(
            connect_timeout=timeout,
            read_timeout=timeout,
            max_pool_connections=_REQUESTS_AT_ONCE,
            # Botocore would also repeat a change whose answer was lost, and hide which of the two was made.
            retries={"total_max_attempts": 1},
            user_agent_extra="inbound.mail",
        )
        try:
            # The client may be used by many threads, the session that makes it may not.
            made = boto3.session.Session(**session)
            region = made.region_name or _DEFAULT_REGION
            self._client = made.client("route53", region, endpoint_url=url, verify=ca_path, config=config)
        except (self._errors.BotoCoreError, ValueError) as error:
            raise InvalidOptions([f"boto3 cannot work with these options and this environment: {error}"]) from None
        self.name = f"Route 53 at {url}" if url else "Route 53"
        self._threads = ThreadPoolExecutor(_REQUESTS_AT_ONCE)
        self._pace = _Pace(_REQUESTS_PER_SECOND, _REQUESTS_AT_ONCE)
        self._status_pace = _Pace(_STATUS_REQUESTS_PER_SECOND, 1)
        self._timeout = timeout
        # A service that answers no more is given up for all: a thousand zones do not wait one after the other.
        self._answered_at = 0.0
        self._given_up: str | None = None

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._client.close()

    @overload
    async def call(
        self, zone: Name, operation: Literal["list_hosted_zones_by_name"], **parameters: object
    ) -> HostedZonesPage: ...

    @overload
    async def call(
        self, zone: Name, operation: Literal["get_hosted_zone"], **parameters: object
    ) -> HostedZoneResponse: ...

    @overload
    async def call(
        self, zone: Name, operation: Literal["list_resource_record_sets"], **parameters: object
    ) -> RecordSetsPage: ...

    @overload
    async def call(
        self, zone: Name, operation: Literal["change_resource_record_sets", "get_change"], **parameters: object
    ) -> ChangeResponse: ...

    async def call(self, zone: Name, operation: str, **parameters: object) -> object:
        """The answer to a request about the zone. operation: a method of boto3's client.

        What is too much for the service at the moment is asked again. What is not answered is asked again too, but not
        if it changes something. Raises ApiError, OutcomeUnknown, or another ProviderError.
        """
        loop = asyncio.get_running_loop()
        first_asked = None
        pause, patience = _FIRST_PAUSE, _PATIENCE
        where = f"zone {name_text(zone)}: {self.name}"
        request = partial(getattr(self._client, operation), **parameters)
        while True:
            for pace in [self._status_pace, self._pace] if operation == _STATUS else [self._pace]:
                if self._given_up is None:
                    await pace.turn()
            if self._given_up is not None:
                raise OutcomeUnknown(f"{where} {self._given_up}")
            first_asked = first_asked or loop.time()
            try:
                answer: dict[str, object] = await loop.run_in_executor(self._threads, request)
                self._answered_at = loop.time()
                if answer.keys() <= {"ResponseMetadata"}:
                    raise ProviderError(f"{where} {_NOT_ROUTE53}")
                return answer
            except self._unreadable:
                raise ProviderError(f"{where} {_NOT_ROUTE53}") from None
            except self._errors.ClientError as error:
                self._answered_at = loop.time()
                problem: ProviderError = _refused(where, error)
                may_repeat = error.response["Error"].get("Code") in _BUSY
                if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                    problem = OutcomeUnknown(str(problem))
                    may_repeat = operation != _WRITE
            except (self._errors.HTTPClientError, self._errors.ConnectTimeoutError) as error:
                silence = f"did not answer ({str(error).rstrip('.')}). Check url, timeout, and the network."
                problem = OutcomeUnknown(f"{where} {silence}")
                if loop.time() - max(first_asked, self._answered_at) >= self._timeout:
                    self._given_up = silence
                may_repeat = operation != _WRITE and self._given_up is None
            except self._errors.BotoCoreError as error:
                raise ProviderError(f"{where} {self._not_asked(error)}") from None
            patience -= pause
            if not may_repeat or patience < 0:
                raise problem
            # Zones that were turned away together do not come back together.
            await asyncio.sleep(pause * random.uniform(1, 1.25))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _not_asked(self, error: Exception) -> str:
        """Why the request did not even reach the service."""
        errors, what = self._errors, str(error).rstrip(".")
        if isinstance(error, errors.SSLError):
            return (
                f"cannot be reached by TLS: {what}. Check url; if the certificate is signed by an authority of your "
                "own, name that one's in ca_path."
            )
        if isinstance(error, errors.ConnectionError):
            return f"cannot be reached: {what}. Check url, the region, and the network."
        if isinstance(error, errors.NoCredentialsError | errors.PartialCredentialsError):
            return (
                f"cannot be asked without credentials ({what}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in "
                "the environment of the controller, or name a profile of its AWS configuration in options.profile, or "
                "give the controller a role."
            )
        return (
            f"cannot be asked: {what}. Check the AWS configuration of the controller; where it signs in (SSO), "
            "sign in again."
        )


def _refused(where: str, error: _ClientError) -> ApiError:
    code, details = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    action = f"route53:{error.operation_name}"
    if code in _CREDENTIALS:
        # What the service says of a wrong signature quotes the request with its session token.
        problem, remedy = _CREDENTIALS[code]
        return ApiError(f"{where} {problem} ({code}). {remedy}", code, details)
    if code in ("AccessDenied", "AccessDeniedException"):
        hint = " Or name the zone in options.zone_ids, then no list is needed." if "ByName" in action else ""
        message = f"does not let these credentials do {action} ({details}). Allow it in their IAM policy.{hint}"
    elif code in _BUSY:
        message = (
            f"is busy for longer than {_PATIENCE:g} s ({code}: {details}). All tools of the account share five "
            "requests a second: see what else uses it, and run it again."
        )
    elif (not code or code.isdigit()) and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
        message = _NOT_ROUTE53
    elif code == "NoSuchHostedZone":
        message = f"has no such hosted zone: {details} Check options.zone_ids, and whose credentials these are."
    else:
        message = f"refuses {action} ({code}): {details}"
    return ApiError(f"{where} {message}", code, details)
