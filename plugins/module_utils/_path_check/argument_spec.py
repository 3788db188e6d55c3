# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of inbound.mail.path_check; what they mean is documented in the module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import FAIL_ON

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import (
        ExchangerOption,
        Expectations,
    )
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import Acceptance
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import Observation


class Params(TypedDict):
    """As ARGUMENT_SPEC gives them; what they mean is documented in the module."""

    expectations: Expectations | None
    domain: str | None
    exchangers: list[ExchangerOption]
    observations: list[Observation] | None
    vantage: str | None
    helo: str | None
    resolvers: list[str]
    authoritative: bool
    smtp: bool
    inside: bool
    delivery: bool
    egress_targets: list[str]
    egress_only: bool
    controls: list[str]
    public_networks: list[str]
    timeout: float
    smtp_timeout: float
    greylist_timeout: float
    delivery_timeout: float
    deadline: float
    concurrency: int
    fail_on: str
    accepted: list[Acceptance]
    show: bool


_STRINGS = {"type": "list", "elements": "str", "default": []}
_NAME = {"type": "str", "required": True}
_PORT = {"type": "int", "default": 25}
_OPEN = {"type": "bool", "required": True}
_WHY = {"type": "str", "default": "declared so"}
_ASKED_OF = {"type": "str", "default": ""}
_NAMES = {"type": "list", "elements": "str", "required": True}


def _list(**options: dict[str, Any]) -> dict[str, Any]:
    return {"type": "list", "elements": "dict", "default": [], "options": options}


_EXPECTATIONS = {
    "records": _list(
        endpoint={"type": "str"},
        view={"type": "str", "default": "public"},
        zone={"type": "str"},
        name=_NAME,
        type={"type": "str", "choices": ["MX", "A", "AAAA"], "required": True},
        values=_NAMES,
        ttl={"type": "int"},
        asked_of=_ASKED_OF,
    ),
    "serials": _list(zone=_NAME, serial={"type": "int", "required": True}),
    "ports": _list(
        source={"type": "str", "default": "outside"},
        host=_NAME,
        address=_NAME,
        port=_PORT,
        open=_OPEN,
        why=_WHY,
        asked_of=_ASKED_OF,
    ),
    "egress": _list(source=_NAME, open=_OPEN, why=_WHY),
    "smtp": _list(
        host=_NAME,
        fqdn=_NAME,
        addresses=_NAMES,
        port=_PORT,
        domains=_STRINGS,
        refuses_unknown={"type": "bool", "default": True},
        message_size={"type": "int"},
    ),
    "former": _list(host=_NAME, addresses=_NAMES, port=_PORT, domains=_STRINGS),
    "backups": _list(fqdn=_NAME, preference={"type": "int", "required": True}, domain=_NAME),
    "delivery": _list(
        domain=_NAME, recipient=_NAME, servers=_NAMES, path={"type": "list", "elements": "list", "required": True}
    ),
}

ARGUMENT_SPEC: dict[str, Any] = {
    "expectations": {"type": "dict", "options": _EXPECTATIONS},
    "domain": {"type": "str"},
    "exchangers": _list(host=_NAME, preference={"type": "int", "default": 10}, addresses=_STRINGS),
    "observations": {"type": "list", "elements": "dict"},
    "vantage": {"type": "str"},
    "helo": {"type": "str"},
    "resolvers": _STRINGS,
    "authoritative": {"type": "bool", "default": True},
    "smtp": {"type": "bool", "default": True},
    "inside": {"type": "bool", "default": False},
    "delivery": {"type": "bool", "default": False},
    "egress_targets": _STRINGS,
    "egress_only": {"type": "bool", "default": False},
    "controls": _STRINGS,
    "public_networks": _STRINGS,
    "timeout": {"type": "float", "default": 5.0},
    "smtp_timeout": {"type": "float", "default": 30.0},
    "greylist_timeout": {"type": "float", "default": 0.0},
    "delivery_timeout": {"type": "float", "default": 30.0},
    "deadline": {"type": "float", "default": 120.0},
    "concurrency": {"type": "int", "default": 500},
    "fail_on": {"type": "str", "choices": list(FAIL_ON), "default": "error"},
    "accepted": _list(id=_NAME, subject={"type": "str"}, reason=_NAME, until={"type": "str"}),
    "show": {"type": "bool", "default": False},
}
