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
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from .._records.names import name_text
from .base import InvalidOptions, OutcomeUnknown, ProviderError

if TYPE_CHECKING:
    from dns.name import Name

# Seconds that one request may wait for the service to take it again, all repetitions together.
PATIENCE = 60.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0
_CONNECTIONS = 16
_AGENT = {"User-Agent": "inbound.mail (Ansible collection)"}
_TOO_MANY_REQUESTS = 429  # RFC 6585, section 4


class HttpError(ProviderError):
    """The service answered with an error. status: of HTTP; body: the JSON that came with it, None if none did;
    retry_after: seconds after which the service says that it may be asked again, None if it does not say so."""

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


class _NoRedirects(HTTPRedirectHandler):
    """Credentials go nowhere else."""

    def redirect_request(self, *_words: object) -> None:
        return None


@dataclass
class HttpClient:
    """service: what the administrator calls it; url: what every path is appended to; headers: of every request, with
    the credentials; timeout: seconds for one answer; ca_path: certificates to trust instead of the system's;
    longest_wait: seconds that a request may wait, all repetitions together, when the service says how long
    (Retry-After). Raises InvalidOptions."""

    service: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    ca_path: str | None = None
    longest_wait: float = PATIENCE

    def __post_init__(self) -> None:
        if not _is_address(self.url):
            raise InvalidOptions([f"url: https:// or http:// and the name of a host, not {self.url}"])
        self._threads = ThreadPoolExecutor(_CONNECTIONS)
        # Of ansible-core's own open_url every request reads all certificates of the system anew, for some 30 ms.
        context = ssl.create_default_context(cafile=self.ca_path)
        self._opener = build_opener(HTTPSHandler(context=context), _NoRedirects)
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
                text = response.read()
        except HTTPError as error:
            message = f"{self.where} answers {error.code} {error.reason}"
            raise HttpError(message, error.code, _json(error), _retry_after(error)) from None
        except URLError as error:
            raise self._not_reached(error.reason) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._not_reached(error) from None
        try:
            return json.loads(text) if text else None
        except ValueError:
            problem = f"{self.where} answers something that is no JSON. Check url."
            raise ProviderError(problem) if method == "GET" else OutcomeUnknown(problem) from None

    @property
    def where(self) -> str:
        return f"{self.service} at {self.url}"

    def _not_reached(self, reason: object) -> ProviderError:
        if isinstance(reason, ssl.SSLCertVerificationError):
            return ProviderError(
                f"{self.where} has no valid certificate: {reason.verify_message}. If it is signed by an authority of "
                "your own, name its certificate in ca_path."
            )
        if isinstance(reason, ConnectionRefusedError | socket.gaierror):
            return ProviderError(f"{self.where} cannot be reached: {reason}. Check url, and that it runs.")
        return OutcomeUnknown(f"{self.where} did not answer: {reason}. Check url, timeout, and that it runs.")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # of the port, or of an address in brackets
        return False


def _json(error: HTTPError) -> object:
    try:
        return json.loads(error.read())
    except (ValueError, OSError, http.client.HTTPException):
        return None


def _retry_after(error: HTTPError) -> float | None:
    """Seconds, from the header Retry-After: a number or a date (RFC 9110, section 10.2.3)."""
    text = error.headers.get("Retry-After") if error.headers else None
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
