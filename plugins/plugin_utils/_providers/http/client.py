# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON over HTTP with a DNS service, with the patience that such services ask for."""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request

from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

from ..._deps import dns
from ..._records.names import name_text
from ..base import InvalidOptions, OutcomeUnknown, ProviderError
from .transport import TooLarge, opener, read_body
from .url import CLEARTEXT_OPTION, sends_cleartext, url_problem

if TYPE_CHECKING:
    from dns.name import Name

# Seconds that one request may wait for the service to take it again, all repetitions together.
PATIENCE = 60.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0
_CONNECTIONS = 16
# Bytes of an answer: a zone of some 300,000 records.
LARGEST = 64 * 1024 * 1024
_AGENT = {"User-Agent": "inbound.mail (Ansible collection)"}
_LONGEST_REASON = 100
_TOO_MANY_REQUESTS = 429  # RFC 6585, section 4


class HttpError(ProviderError):
    """The service answered with an error.

    status: of HTTP; body: the JSON that came with it, its texts harmless, None if none did; retry_after: seconds after
    which the service says that it may be asked again, None if it does not say so.
    """

    def __init__(self, message: str, status: int, body: object, retry_after: float | None) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.retry_after = retry_after


@contextmanager
def about(zone: Name) -> Iterator[None]:
    """Names the zone where the service was not reached. What it answers with an error the provider has words for."""
    try:
        yield
    except HttpError:
        raise
    except OutcomeUnknown as error:
        raise OutcomeUnknown(f"zone {name_text(zone)}: {error}") from None
    except ProviderError as error:
        raise ProviderError(f"zone {name_text(zone)}: {error}") from None


@contextmanager
def understood(zone: Name, where: str) -> Iterator[None]:
    """Reads what a service answered about the zone, of which nothing is certain; raises ProviderError for what does not
    fit."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, dns.exception.DNSException) as error:
        what = f"{where} answers something that is no zone ({type(error).__name__})"
        raise ProviderError(f"zone {name_text(zone)}: {what}. Check url: it is that of the service itself.") from None


def read_ttl(value: object) -> int:
    """Seconds, as a service says them. Raises ValueError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**32:
        raise ValueError(value)
    return value


@dataclass
class HttpClient:
    """service: what the administrator calls it; url: what every path is appended to; headers: of every request, with
    the credentials; timeout: seconds for one whole answer; ca_path: certificates to trust instead of the system's;
    allow_cleartext: the credentials may pass a network unencrypted; longest_wait: seconds that a request may wait, all
    repetitions together, when the service says how long (Retry-After); largest: bytes of one answer.

    Raises InvalidOptions."""

    service: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    ca_path: str | None = None
    allow_cleartext: bool = False
    longest_wait: float = PATIENCE
    largest: int = LARGEST

    def __post_init__(self) -> None:
        if problem := url_problem(self.url):
            raise InvalidOptions([f"url: {problem}"])
        in_cleartext = sends_cleartext(self.url)
        if in_cleartext and not self.allow_cleartext:
            raise InvalidOptions(
                [
                    "url: with http:// the token passes the network unencrypted. Write https://, or http:// to the "
                    f"loopback address of the controller; or set options.{CLEARTEXT_OPTION} to true, if you trust "
                    "every network in between"
                ]
            )
        self._threads = ThreadPoolExecutor(_CONNECTIONS)
        # What is meant for the controller itself does not leave it by a proxy.
        encrypted = self.url.lower().startswith("https:")
        self._opener = opener(self.ca_path, self.largest, encrypted, use_proxies=encrypted or in_cleartext)
        # A thousand zones do not lose their patience one after the other with a service that is dead or has enough.
        self._given_up: ProviderError | None = None

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    async def get(self, path: str, **query: object) -> object:
        """The JSON that the service answers. Raises HttpError, or another ProviderError if it does not answer.

        What is busy or out of order for the moment (429, 5xx, no answer) is asked again, as long as there is patience.
        """
        return await self._request("GET", path + (f"?{urlencode(query)}" if query else ""), None)

    async def write(self, method: str, path: str, body: object) -> object:
        """As get, but asked again only when the service says that it did nothing (429).

        Raises OutcomeUnknown where it may have done it or not.
        """
        return await self._request(method, path, body)

    async def _request(self, method: str, path: str, body: object) -> object:
        loop = asyncio.get_running_loop()
        began = loop.time()
        pause = _FIRST_PAUSE
        while True:
            if self._given_up is not None:
                raise self._given_up
            wait, patience = pause, PATIENCE
            try:
                return await loop.run_in_executor(self._threads, self._once, method, path, body)
            except HttpError as error:
                is_lasting = error.status == _TOO_MANY_REQUESTS
                may_repeat = is_lasting or (method == "GET" and error.status >= 500)
                problem: ProviderError = error
                if error.retry_after is not None:
                    wait, patience = max(error.retry_after, pause), self.longest_wait
            except OutcomeUnknown as error:
                is_lasting = may_repeat = method == "GET"
                problem = error
            if not may_repeat or loop.time() + wait > began + patience:
                if is_lasting:
                    # Who comes later has not sent anything.
                    self._given_up = problem if isinstance(problem, HttpError) else ProviderError(str(problem))
                if isinstance(problem, HttpError) and problem.status >= 500 and method != "GET":
                    raise OutcomeUnknown(str(problem))
                raise problem
            # Zones that were turned away together do not come back together.
            await asyncio.sleep(wait * random.uniform(1, 1.25))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _once(self, method: str, path: str, body: object) -> object:
        request = Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Accept": "application/json", "Content-Type": "application/json", **_AGENT, **self.headers},
        )
        try:
            with self._opener.open(request, timeout=self.timeout) as response:
                text = read_body(response)
        except HTTPError as error:
            message = f"{self.where} answers {error.code} {harmless(str(error.reason), _LONGEST_REASON)}"
            with error:
                raise HttpError(message, error.code, _json(error), _retry_after(error)) from None
        except TooLarge:
            raise self._unusable(
                method, f"more than {self.largest >> 20} MiB. Check url, and the size of the zone."
            ) from None
        except URLError as error:
            raise self._not_reached(error.reason) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._not_reached(error) from None
        try:
            return json.loads(text) if text else None
        except (ValueError, RecursionError):
            raise self._unusable(method, "something that is no JSON. Check url.") from None

    def _unusable(self, method: str, what: str) -> ProviderError:
        problem = f"{self.where} answers {what}"
        return ProviderError(problem) if method == "GET" else OutcomeUnknown(problem)

    @property
    def where(self) -> str:
        return f"{self.service} at {self.url}"

    def _not_reached(self, reason: object) -> ProviderError:
        if isinstance(reason, ssl.SSLCertVerificationError):
            return ProviderError(
                f"{self.where} has no valid certificate: {reason.verify_message}. If it is signed by an authority of "
                "your own, name its certificate in ca_path."
            )
        what = harmless(str(reason))
        if isinstance(reason, ConnectionRefusedError | socket.gaierror):
            return ProviderError(f"{self.where} cannot be reached: {what}. Check url, and that it runs.")
        return OutcomeUnknown(f"{self.where} did not answer: {what}. Check url, timeout, and that it runs.")


def _json(error: HTTPError) -> object:
    try:
        return _harmless(json.loads(read_body(error.fp)))  # type: ignore[arg-type]
    except (TooLarge, ValueError, RecursionError, OSError, http.client.HTTPException):
        return None


def _harmless(value: object) -> object:
    """With every text in it made harmless: a service may send anything, and it is shown on a terminal."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, list):
        return [_harmless(item) for item in value]
    if isinstance(value, dict):
        return {key: _harmless(item) for key, item in value.items()}
    return value


def _retry_after(error: HTTPError) -> float | None:
    """Seconds, from the header Retry-After: a number or a date (RFC 9110, section 10.2.3)."""
    text = error.headers.get("Retry-After") if error.headers else None
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
