# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Cloudflare's interface answers, of what is used here, and what its errors say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from ..http.client import HttpError
from .records import CloudflareRecord

# The Authorization header is none (6003).
_NO_TOKEN = 6003
_UNAUTHORIZED = frozenset({401, 403})


class CloudflareAccount(TypedDict):
    id: str
    name: str


class PlanDetails(TypedDict):
    legacy_id: str


class ZoneDetails(TypedDict):
    """Source: https://developers.cloudflare.com/api/resources/zones/methods/list/"""

    id: str
    name: str
    status: str
    type: str
    account: CloudflareAccount
    plan: NotRequired[PlanDetails | None]
    name_servers: NotRequired[list[str] | None]
    vanity_name_servers: NotRequired[list[str] | None]


class PageInfo(TypedDict):
    per_page: int
    total_count: int


class ZonesPage(TypedDict):
    result: list[ZoneDetails]


class RecordsPage(TypedDict):
    result: list[CloudflareRecord]
    result_info: PageInfo


def is_unauthorized(error: HttpError) -> bool:
    return error.status in _UNAUTHORIZED or _NO_TOKEN in codes_of(error)


def errors_in(error: HttpError) -> list[Mapping[str, object]]:
    """With those that caused them."""
    errors = error.body.get("errors") if isinstance(error.body, Mapping) else None
    problems = [each for each in errors or () if isinstance(each, Mapping)]
    return [each for problem in problems for each in (problem, *(problem.get("error_chain") or ()))]


def codes_of(error: HttpError) -> set[object]:
    return {each.get("code") for each in errors_in(error)}


def reason_of(error: HttpError) -> str:
    reasons = [f"{str(each.get('message')).rstrip('.')}, {each.get('code')}" for each in errors_in(error)]
    return "; ".join(reasons) or f"HTTP status {error.status}"
