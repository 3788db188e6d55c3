# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast

from ansible_collections.inbound.mail.plugins.plugin_utils._providers.base import InvalidOptions
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.dns_action import DnsAction, validated
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.options import ArgumentSpec
from ansible_collections.inbound.mail.plugins.plugin_utils._records.declarations import Declared, declare

RECORD_SPEC: ArgumentSpec = {
    "zone": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "required": True},
    "values": {"type": "list", "elements": "str"},
    "ttl": {"type": "int"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "exclusive": {"type": "bool"},
}


class DnsRecordsOptions(TypedDict):
    """The options beside those of the provider."""

    records: list[object] | None
    zones: dict[str, object] | None


class ActionModule(DnsAction):
    """inbound.mail.dns_records; documented in plugins/modules/dns_records.py."""

    argument_spec: ArgumentSpec = {
        "records": {"type": "list", "elements": "raw"},
        "zones": {"type": "dict"},
    }

    def declared(self, options: Mapping[str, object]) -> Declared:
        given = cast(DnsRecordsOptions, options)
        places = {f"records[{index}]": record for index, record in enumerate(given["records"] or [])}
        for zone, rrsets in (given["zones"] or {}).items():
            if not isinstance(rrsets, list):
                raise InvalidOptions([f"zones: {zone} needs a list of records, each with name, type and values"])
            for index, rrset in enumerate(rrsets):
                places[f"zones.{zone}[{index}]"] = {**rrset, "zone": zone} if isinstance(rrset, dict) else rrset
        if not places:
            raise InvalidOptions(
                ["records, or zones, is required and must not be empty: which records shall there be?"]
            )
        return declare(validated(RECORD_SPEC, places))
