# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab for all of the folder: gateways kept by ufw, firewalld and iptables, each of which drops what is routed.

On each of them Docker drops it too, and a web forward, fail2ban and libvirt have rules of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from debian_lab import Lab

from .gateways import GATEWAYS, SCENARIO, answer, others_work, state


@pytest.fixture(scope="package")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab.up(SCENARIO, release=request.param) as lab:
        yield lab


@pytest.fixture(scope="package", autouse=True)
def before(lab: Lab) -> dict[str, list[str]]:
    """What the gateways had before us: others work, mail does not pass."""
    for number in GATEWAYS.values():
        assert others_work(lab, number)
        assert answer(lab, "outside", f"2001:db8:{number}::10") == ""
    return {gateway: state(lab, gateway) for gateway in GATEWAYS}
