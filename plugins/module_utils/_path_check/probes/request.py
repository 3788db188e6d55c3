# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to look at, and how."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._dns.resolv_conf import system_resolvers
from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import PUBLIC

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import (
        Expectations,
        ExpectedRecord,
    )


@dataclass(frozen=True)
class ObservationRequest:
    """All times are seconds.

    domain: judged without expectations. vantage: what this host is called. helo: its public name, or empty. smtp: hold
    SMTP dialogues. send: send the messages of the expected deliveries. controls: addresses where port 25 is known to
    answer. egress_targets: addresses on the internet that hosts inside try to reach on port 25. only_egress: look at
    nothing else. inside: this host is inside, and looks at the records of that view alone. timeout: for a packet to be
    answered; smtp_timeout: for an SMTP reply; deadline: for the whole; patience: in which a deferred message is tried
    again; greylist_patience: the same for a recipient. public_networks: contacted though they are not
    public.
    """

    expect: Expectations
    domain: str | None = None
    vantage: str = ""
    helo: str = ""
    resolvers: list[str] = field(default_factory=list)
    authoritative: bool = True
    smtp: bool = True
    send: bool = False
    controls: list[str] = field(default_factory=list)
    egress_targets: list[str] = field(default_factory=list)
    only_egress: bool = False
    inside: bool = False
    timeout: float = 5.0
    smtp_timeout: float = 30.0
    deadline: float = 120.0
    patience: float = 30.0
    greylist_patience: float = 0.0
    public_networks: list[str] = field(default_factory=list)
    concurrency: int = 500

    @property
    def needs_dns(self) -> bool:
        """Whether a resolver is queried at all."""
        return not self.only_egress and bool(
            self.domain or self.expect["records"] or self.expect["serials"] or (self.send and self.expect["delivery"])
        )

    def with_resolvers(self) -> ObservationRequest:
        """With those of the system, if none are named."""
        return replace(self, resolvers=self.resolvers or system_resolvers())

    @property
    def mail_domains(self) -> list[str]:
        """Whose mail exchangers are looked at."""
        found = [record["name"] for record in self.public_records if record["type"] == "MX"]
        found += [delivery["domain"] for delivery in self.expect["delivery"]]
        return list(dict.fromkeys([*found, *([self.domain] if self.domain else [])]))

    @property
    def public_records(self) -> list[ExpectedRecord]:
        """Those that the internet sees."""
        return [record for record in self.expect["records"] if record["view"] == PUBLIC]

    @property
    def internal_records(self) -> list[ExpectedRecord]:
        """Those that hosts inside alone see."""
        return [record for record in self.expect["records"] if record["view"] != PUBLIC]
