# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API of Amazon Route 53 answers, of what is used here.

Source: Amazon Route 53 API Reference, 'Data Types'; the names are those of the API.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class RecordValue(TypedDict):
    Value: str


class AliasTarget(TypedDict):
    DNSName: str


class RecordSet(TypedDict):
    """TTL: seconds; with AliasTarget there are neither TTL nor ResourceRecords."""

    Name: str
    Type: str
    TTL: NotRequired[int]
    ResourceRecords: NotRequired[list[RecordValue]]
    AliasTarget: NotRequired[AliasTarget]


class RecordSetsPage(TypedDict):
    """NextRecord...: where the next page begins."""

    ResourceRecordSets: list[RecordSet]
    IsTruncated: bool
    NextRecordName: NotRequired[str]
    NextRecordType: NotRequired[str]
    NextRecordIdentifier: NotRequired[str]


NextRecord = Literal["NextRecordName", "NextRecordType", "NextRecordIdentifier"]


class HostedZoneConfig(TypedDict):
    PrivateZone: bool


class HostedZoneDetails(TypedDict):
    """Id: with the path before it, as '/hostedzone/Z1'."""

    Id: str
    Name: str
    Config: HostedZoneConfig
    ResourceRecordSetCount: int


class Vpc(TypedDict):
    VPCId: NotRequired[str]


class HostedZoneResponse(TypedDict):
    HostedZone: HostedZoneDetails
    VPCs: NotRequired[list[Vpc]]


class HostedZonesPage(TypedDict):
    HostedZones: list[HostedZoneDetails]
    IsTruncated: NotRequired[bool]
    NextDNSName: NotRequired[str]
    NextHostedZoneId: NotRequired[str]


class ChangeInfo(TypedDict):
    Id: str
    Status: str


class ChangeResponse(TypedDict):
    ChangeInfo: ChangeInfo


class ErrorDetails(TypedDict, total=False):
    Code: str
    Message: str


class ResponseMetadata(TypedDict):
    HTTPStatusCode: int


class ErrorResponse(TypedDict):
    Error: ErrorDetails
    ResponseMetadata: ResponseMetadata
