# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What iptables makes for the first rule that needs it, and never removes: its chain FORWARD and its table filter.

That they were not there is told by remarks among the openings, so that they can go with the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NO_CHAIN, _NO_TABLE = "had no chain FORWARD", "had no table filter"
# As nft names it, by the program.
TABLES = {"iptables": ("ip", "filter"), "ip6tables": ("ip6", "filter")}


def remarks(program: str, has_table: bool) -> list[str]:
    """Those for a program whose chain FORWARD is not there."""
    return [f"# {program} {what}" for what in (_NO_CHAIN, *(() if has_table else (_NO_TABLE,)))]


def remarks_in(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if line.startswith("# ") and line.endswith((_NO_CHAIN, _NO_TABLE))]


def program_of(remark: str) -> str:
    return remark.split()[1]


def removal(remark: str, nft: str) -> str:
    """The command that removes it, unless other rules use it by now. nft: its path."""
    program = program_of(remark)
    if remark.endswith(_NO_CHAIN):
        # It does so only if there is no rule and the policy is ACCEPT; before 1.8.8 it does not at all.
        return f"{program} --wait -X FORWARD 2>/dev/null || :"
    table = " ".join(("table", *TABLES[program]))
    # nft would delete it with all that is in it.
    return (
        f"if test \"$({nft} list {table} 2>/dev/null | tr -d '\\n')\" = '{table} {{}}'; then {nft} delete {table}; fi"
    )
