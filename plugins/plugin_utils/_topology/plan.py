# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as types: plain data that survives JSON, which the compiler writes and everything after it reads.

Its keys are an interface: plugins/modules/plan.py documents them, and roles and playbooks take them by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, final

from ...module_utils._path_check.expectations import (
    BackupExchanger,
    ExpectedDelivery,
    ExpectedEgress,
    ExpectedExchanger,
    ExpectedPort,
    ExpectedRecord,
    FormerExchanger,
)

FORMAT_VERSION = 1


@final
class PlannedRecord(TypedDict):
    """An RRset that is to be as it says. values: in presentation format; ttl: in seconds."""

    name: str
    type: str
    values: list[str]
    ttl: int
    zone: NotRequired[str]  # in a request, which has no zone around its records


@final
class RecordToRemove(TypedDict):
    """Values that are to go, in a stage of a cutover. state: `absent`."""

    name: str
    type: str
    values: list[str]
    state: str


Zones = Mapping[str, Sequence[PlannedRecord | RecordToRemove]]
"""Zone -> its RRsets."""


class FlowTarget(TypedDict):
    """Where a forward leads. weight: left out if all have the same."""

    address: str
    weight: NotRequired[int]


class FlowDestination(TypedDict, total=False):
    """Where a flow leads: to a destination, or for a forward to a public address."""

    destination: list[str]
    public_address: str


class PlannedFlow(FlowDestination):
    """An entry of the option `flows` of the module `firewall`."""

    name: str
    action: str
    source: list[str]
    ports: list[int]
    targets: NotRequired[list[FlowTarget]]
    hairpin: NotRequired[bool]
    translate_source: NotRequired[bool]
    egress_address: NotRequired[str]


class PlannedHop(TypedDict):
    """A next hop. host: its inventory name, if it is ours; tls_name: the name that its certificate must have."""

    address: str
    port: int
    host: NotRequired[str]
    tls: NotRequired[str]
    tls_name: NotRequired[str]
    credentials: NotRequired[str]


class SenderHops(TypedDict):
    """The smarthosts for senders of one domain."""

    domain: str
    smarthosts: list[PlannedHop]


class RelayedDomain(TypedDict):
    """A domain of a relay. recipients: as the role mail_relay takes it; queue_lifetime: as Postfix writes times."""

    name: str
    next_hops: list[PlannedHop]
    recipients: NotRequired[dict[str, object]]
    queue_lifetime: NotRequired[str]


class PlannedEdge(TypedDict, total=False):
    """The option `edge` of the module `postfix`. message_size: in bytes."""

    message_size: int
    client_limits: dict[str, object]
    postscreen: dict[str, object]
    hide_received: dict[str, list[str]]
    proxy_port: int
    tls_outgoing: str
    tls_required: bool
    queue_lifetime: str
    bounce_lifetime: str


class Outgoing(TypedDict):
    """How a mail host sends. send_from: at most one address of each family; tls_*: paths on the host, or empty."""

    smarthosts: list[PlannedHop]
    sender_smarthosts: list[SenderHops]
    send_from: list[str]
    tls_ca: str
    tls_certificate: str
    tls_key: str


class RelayScanner(TypedDict, total=False):
    """As the role mail_relay takes it; left out where mail is not scanned."""

    scanner: dict[str, object]


class PlannedRelay(Outgoing, RelayScanner):
    """The inputs of the role mail_relay. relay_from: addresses that may send through it; accept_from: empty for any."""

    fqdn: str
    domains: list[RelayedDomain]
    relay_from: list[str]
    accept_from: list[str]
    edge: PlannedEdge


class PlannedServer(Outgoing):
    """The inputs of the role mail_server."""

    fqdn: str
    domains: list[str]
    accept_from: list[str]
    local_delivery: bool
    edge: PlannedEdge


class MailFlow(TypedDict):
    """The parts of a plan that decide how mail passes through hosts and devices."""

    flows: dict[str, list[PlannedFlow]]
    relay: dict[str, PlannedRelay]
    server: dict[str, PlannedServer]


class PlannedExpectations(TypedDict):
    """What path_check compares the world with. former: in the end of a cutover alone."""

    records: list[ExpectedRecord]
    ports: list[ExpectedPort]
    egress: list[ExpectedEgress]
    smtp: list[ExpectedExchanger]
    backups: list[BackupExchanger]
    delivery: list[ExpectedDelivery]
    former: NotRequired[list[FormerExchanger]]


class Step(TypedDict):
    """What to enter on a mail host that Ansible does not manage."""

    title: str
    text: str


class Request(TypedDict):
    """What the owner of a device, a zone or a mail host has to do. owner: begins with what is owned."""

    owner: str
    what: str
    why: str
    device: NotRequired[str]
    records: NotRequired[list[PlannedRecord]]
    flows: NotRequired[list[PlannedFlow]]
    steps: NotRequired[list[Step]]


class PlanWarning(TypedDict):
    """host: inventory name, empty for all hosts."""

    host: str
    variable: str
    message: str
    remedy: str


class RecordName(TypedDict):
    """An RRset by its name and type."""

    name: str
    type: str


class PlannedZoneMove(TypedDict):
    """A zone whose delegation changes. former, new: DNS endpoints; records: which RRsets in it are ours."""

    zone: str
    former: list[str]
    new: list[str]
    records: list[RecordName]


class States(TypedDict):
    """The ids of the two states of a cutover."""

    former: str
    new: str


class RetiredRoles(TypedDict):
    """Hosts that lose a role."""

    relay: list[str]
    server: list[str]


class PlannedCutover(TypedDict):
    """The stage that a plan is of. former_ttl, short_ttl: in seconds; sessions: mail host -> a filter for ss(8)."""

    stage: str
    id: str
    states: States
    former_ttl: int
    short_ttl: int
    changes: list[str]
    zones: list[PlannedZoneMove]
    retired: RetiredRoles
    sessions: dict[str, str]
    domains: list[str]
    former_exchanges: list[str]


class Plan(MailFlow):
    """dns: endpoint -> zone -> RRsets; flows: device -> flows; relay, server: host -> inputs of its role."""

    format_version: int
    dns: dict[str, Zones]
    expect: PlannedExpectations
    public_networks: list[str]
    manual: list[Request]
    warnings: list[PlanWarning]
    cutover: NotRequired[PlannedCutover]
