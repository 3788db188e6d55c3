# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the host's kernel, as nft(8) shows and changes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypedDict

from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.table import FAMILY, Listing
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands


class _Place(TypedDict):
    family: str
    table: str
    name: str


class ListedChain(_Place, total=False):
    """A chain as nft's JSON describes it (libnftables-json(5)); a base chain has a hook."""

    type: str
    hook: str
    prio: int
    policy: str


class ListedRule(TypedDict, total=False):
    """A rule in the same form."""

    chain: str
    comment: str
    expr: list[dict[str, object]]


class Nft:
    """path: where the program is; empty if it is not installed."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self.path = commands.path("nft")

    def chains(self) -> list[ListedChain]:
        """Every chain of every table, as nft's JSON describes it; of one whose rules drop all that is routed and that
        they do not accept, the policy is shown as drop.
        """
        if not self.path:
            return []
        listing = json.loads(self._commands.must("nft", "-j", "list", "chains"))
        chains: list[ListedChain] = [item["chain"] for item in listing["nftables"] if "chain" in item]
        for chain in chains:
            if chain.get("hook") == "forward" and chain.get("policy") == "accept" and self._drops_the_rest(chain):
                chain["policy"] = "drop"
        return chains

    def _drops_the_rest(self, chain: ListedChain) -> bool:
        place = chain["family"], chain["table"], chain["name"]
        output = self._commands.run("nft", "-j", "list", "chain", *place)
        rules = [item["rule"] for item in json.loads(output.out)["nftables"] if "rule" in item] if output.ok else []
        return any(_drops_everything(rule) for rule in rules)

    def listing(self, table: str) -> Listing | None:
        """The table as nft's JSON, None if there is no such table."""
        if not self.path:
            return None
        output = self._commands.run("nft", "-j", "list", "table", FAMILY, table)
        if not output.ok and "No such file or directory" in output.err:
            return None
        try:
            found: Listing = json.loads(output.out)
        except ValueError as error:
            # nft 1.0.6 stops in the middle of a table that belongs to a process (flags owner).
            said = output.err.strip() or f"it prints {output.out.strip()}"
            raise HostError(f"nft cannot list the table {table}, so nothing was changed: {said}") from error
        return found

    def has_table(self, family: str, table: str) -> bool:
        return bool(self.path) and self._commands.run("nft", "list", "table", family, table).ok

    def listing_text(self, table: str) -> str:
        """The table as nft would take it again; empty if there is no such table."""
        if self.listing(table) is None:
            return ""
        return self._commands.must("nft", "--stateless", "list", "table", FAMILY, table)

    def check(self, script: str) -> None:
        """Let nft and the kernel judge a script without executing it. Raises HostError."""
        self._load(script, "-c")

    def load(self, script: str) -> None:
        """All of the script, or nothing of it. Raises HostError."""
        self._load(script)

    def _load(self, script: str, *options: str) -> None:
        if not self.path:
            raise HostError("nft is not installed. Install the package nftables")
        output = self._commands.run("nft", *options, "-f", "-", data=script)
        if not output.ok:
            raise HostError(f"nft refuses the rules, and nothing was changed: {output.err.strip()}")


def _drops_everything(rule: ListedRule) -> bool:
    """Whether the rule looks at nothing before it drops or rejects."""
    parts = [part for part in rule.get("expr", ()) if not part.keys() & {"counter", "log"}]
    if len(parts) != 1:
        return False
    target = parts[0].get("xt")
    name = target.get("name") if isinstance(target, dict) else None
    return bool(parts[0].keys() & {"drop", "reject"}) or name in ("DROP", "REJECT")
