# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule sees: the expectations beside what was observed, by subject."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.delivery import DeliveryEvidence
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import DnsEvidence
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.reachability import ReachabilityEvidence
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import BACKUP, FORMER, SmtpEvidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import Expectations


class Case:
    """domain: judged by itself, where nothing is expected of it. The other arguments: see ReachabilityEvidence."""

    def __init__(
        self,
        expect: Expectations,
        observation: seen.Observation,
        domain: str | None = None,
        public_networks: Sequence[str] = (),
        controls: Sequence[str] = (),
        egress_targets: Sequence[str] = (),
    ) -> None:
        self.expect = expect
        self.observation = observation
        self.dns = DnsEvidence(expect, observation, domain)
        self.smtp = SmtpEvidence(expect, observation, self.dns)
        self.reachability = ReachabilityEvidence(
            expect, observation, self.smtp, public_networks, controls, egress_targets
        )
        self.delivery = DeliveryEvidence(expect, observation, self.dns, self.smtp)

    def of_backups(self) -> Case:
        """The same with the dialogues of the backup exchangers in place of ours."""
        return self._with_dialogues_of(BACKUP)

    def of_former(self) -> Case:
        """The same with the dialogues of former exchangers in place of ours."""
        return self._with_dialogues_of(FORMER)

    def _with_dialogues_of(self, whose: str) -> Case:
        other = copy(self)
        other.smtp = self.smtp.of(whose)
        return other
