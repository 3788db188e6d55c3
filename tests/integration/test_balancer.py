# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load balancer in front of a relay that sends by DANE, declared in an inventory and made by the playbooks."""

from __future__ import annotations

import re
from pathlib import Path

from debian_lab import Lab

SCENARIO = Path(__file__).resolve().parents[1] / "lab" / "scenarios" / "balancer"


def test_clients_addresses_come_through_and_mail_goes_to_the_key_that_dns_names() -> None:
    with Lab.up(SCENARIO) as lab:
        lab.playbook("inbound.mail.site")
        lab.hold()
        assert re.findall(r"changed=(\d+)", lab.playbook("inbound.mail.site").stdout) == ["0", "0", "0"]
        assert "Verdict: no finding." in lab.playbook("inbound.mail.verify").stdout
