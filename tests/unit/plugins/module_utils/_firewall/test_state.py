# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._firewall.state import State, TableChange

FORWARDING = "net.ipv4.ip_forward"
BEFORE = State("", "", "", {FORWARDING: "0"}, at_boot=False, openings={"ufw": ""})
AFTER = replace(BEFORE, table="table", sysctls={FORWARDING: "1"})


@pytest.mark.parametrize(
    ("before", "after", "scripts", "is_one"),
    [
        (BEFORE, AFTER, ("all",), True),
        (BEFORE, AFTER, ("sets", "rules"), False),
        (BEFORE, replace(AFTER, openings={"ufw": "one"}), ("all",), False),
        (replace(BEFORE, sysctls={FORWARDING: "1"}), replace(AFTER, sysctls={FORWARDING: "0"}), ("all",), False),
        (BEFORE, replace(AFTER, sysctls={FORWARDING: "0"}), ("all",), True),
    ],
)
def test_what_nft_refuses_has_changed_nothing_only_where_it_comes_first_and_whole(
    before: State, after: State, scripts: tuple[str, ...], is_one: bool
) -> None:
    assert TableChange("nat", "ufw", before, after, scripts).is_one_transaction is is_one
