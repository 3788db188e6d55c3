# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules ask about connections: how each ended, and whether this vantage could have made it at all."""

from __future__ import annotations

from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._addresses import special_purpose
from ansible_collections.inbound.mail.plugins.module_utils._limits import SMTP_PORT
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import SmtpEvidence
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import (
        Expectations,
        ExpectedEgress,
        ExpectedPort,
    )


class ReachabilityEvidence:
    """public_networks: taken as public though they are special-purpose. controls: addresses known to answer on port 25.

    egress_targets: addresses on the internet that hosts inside tried to reach on port 25.
    """

    def __init__(
        self,
        expect: Expectations,
        observation: seen.Observation,
        smtp: SmtpEvidence,
        public_networks: Sequence[str] = (),
        controls: Sequence[str] = (),
        egress_targets: Sequence[str] = (),
    ) -> None:
        self._expect = expect
        self._observation = observation
        self._smtp = smtp
        self.vantage = observation["vantage"]
        self.controls = list(controls)
        self.egress_targets = list(egress_targets)
        self._public_networks = [ip_network(network, strict=False) for network in public_networks]
        self._connections = {(one["source"], one["address"], one["port"]): one for one in observation["connections"]}
        self._dialogues = {(one["address"], one["port"]): one for one in observation["dialogues"]}

    def status(self, address: str, port: int = SMTP_PORT, source: str | None = None) -> str | None:
        """How a connection ended; None if none was tried. source: by default the vantage."""
        if source in (None, self.vantage):
            dialogue = self._dialogues.get((address, port))
            if dialogue is not None:
                return dialogue["status"]
        connection = self._connections.get((source or self.vantage, address, port))
        return connection["status"] if connection else None

    @cached_property
    def expected_open(self) -> list[tuple[str, str, int]]:
        """(host, address, port) that must answer the vantage, each once."""
        ports = [(one["host"], one["address"], one["port"]) for one in self._expect["ports"] if one["open"]]
        ports += [(one["host"], address, one["port"]) for one in self._expect["smtp"] for address in one["addresses"]]
        talks = (one for one in self._observation["dialogues"] if not self._smtp.is_former(one))
        ports += [(one["host"], one["address"], one["port"]) for one in talks]
        by_address = {(address, port): host for host, address, port in reversed(ports)}
        return [(host, address, port) for (address, port), host in sorted(by_address.items())]

    @property
    def expected_closed(self) -> list[ExpectedPort]:
        """Ports that must not answer the vantage."""
        return [one for one in self._expect["ports"] if not one["open"]]

    def proven_family(self, version: int) -> bool:
        """Whether any address answered the vantage on port 25 over that family: else 'no answer' proves nothing."""
        tried = [(one["address"], one["status"]) for one in self._observation["dialogues"]]
        own = set()
        for one in self._observation["connections"]:
            if one["source"] == self.vantage:
                tried.append((one["address"], one["status"]))
                own.add(one["local_address"])
        return any(
            status == seen.OPEN and family(address) == version and address not in own for address, status in tried
        )

    def blocked(self, address: str) -> str | None:
        """Why a connection to that address that was not answered proves nothing; None if it does prove something."""
        status = self.status(address)
        if status == seen.NO_ROUTE:
            return f"this vantage has no IPv{family(address)}"
        controls = [one for one in self.controls if family(one) == family(address)]
        if controls and not any(self.status(one) == seen.OPEN for one in controls):
            return f"this vantage cannot send on port 25 over IPv{family(address)}: the controls do not answer either"
        return None

    def not_public(self, address: str) -> str | None:
        """What a special-purpose address is meant for, None for a public one."""
        return special_purpose(ip_address(address), self._public_networks)

    def answering_families(self, host: str) -> set[int]:
        """The IP versions over which a host that must answer does so."""
        return self._answering.get(host, set())

    @cached_property
    def _answering(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for host, address, port in self.expected_open:
            if self.status(address, port) == seen.OPEN:
                found.setdefault(host, set()).add(family(address))
        return found

    @cached_property
    def _declared(self) -> set[str]:
        declared = {one["address"] for one in self._expect["ports"]}
        return declared | {one for exchanger in self._expect["smtp"] for one in exchanger["addresses"]}

    def other_family_answers(self, host: str, address: str) -> bool:
        """Whether nothing is declared about the address, and the host answers over the other family."""
        return address not in self._declared and bool(self.answering_families(host) - {family(address)})

    def egress(self) -> Iterator[tuple[ExpectedEgress, dict[str, str]]]:
        """(expectation, target -> status) for each source."""
        for one in self._expect["egress"]:
            tried = {target: self.status(target, SMTP_PORT, one["source"]) for target in self.egress_targets}
            yield one, {target: status for target, status in tried.items() if status is not None}

    def listens(self, target: str) -> bool:
        """Whether the target is known to answer on port 25: one of the hosts reached it."""
        return any(
            one["status"] == seen.OPEN
            for one in self._observation["connections"]
            if one["address"] == target and one["port"] == SMTP_PORT
        )


def family(address: str) -> int:
    """The IP version."""
    return ip_address(address).version
