# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of iptables as text: of allow rules, and in the formats of iptables-restore(8)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import network_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.allow_rules import AllowRule
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Peer

PROGRAMS = {4: "iptables", 6: "ip6tables"}
"""By IP version."""

# XT_EXTENSION_MAXNAMELEN less the final null byte; less a dot and the number of a branch.
_NAME_OCTETS, BRANCH_OCTETS = 28, 22
_MULTIPORT_PORTS = 15
# A run and a unit may do the same at the same time: each looks for a jump before it makes one.
_LOCK = "/run/inbound-mail-openings.lock"


def chain_name(name: str, octets: int = _NAME_OCTETS) -> str:
    """``inbound_mail_NAME``; what is too long for iptables ends with a checksum instead."""
    chain = f"inbound_mail_{name}"
    if len(chain) <= octets:
        return chain
    return f"{chain[: octets - 7]}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def rules(allow_rules: Sequence[AllowRule], families: Iterable[int]) -> list[str]:
    """Lines of program and rule, 'iptables -d 192.0.2.1/32 ... -j ACCEPT', as iptables-save writes them; sorted."""
    found = []
    for family in families:
        program = PROGRAMS[family]
        mine = [rule for rule in allow_rules if rule.family in (0, family)]
        lines = [_rule(rule) for rule in mine]
        ports = sorted({rule.port for rule in mine})
        for start in range(0, len(ports), _MULTIPORT_PORTS):
            some = ",".join(map(str, ports[start : start + _MULTIPORT_PORTS]))
            # Return traffic of what was accepted, where no other rule accepts all of it.
            lines.append(
                f"-p tcp -m multiport --sports {some} -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT"
            )
        found += [f"{program} {line}" for line in sorted(lines)]
    return found


def _rule(rule: AllowRule) -> str:
    words = [
        *_address("-s", rule.source),
        *_address("-d", rule.destination),
        *(("-i", rule.source.interface) if rule.source.interface else ()),
        *(("-o", rule.destination.interface) if rule.destination.interface else ()),
        "-p tcp",
    ]
    if rule.public_address:
        words.append(f"-m conntrack --ctstate DNAT --ctorigdst {rule.public_address}")
    return " ".join([*words, f"-m tcp --dport {rule.port} -j ACCEPT"])


def _address(option: str, peer: Peer) -> tuple[str, ...]:
    return (option, network_text(peer.network)) if peer.network is not None else ()


def serialized(commands: Iterable[str]) -> str:
    """A script that waits until no other one of these runs."""
    return "".join(f"{line}\n" for line in (f"exec 9>{_LOCK}", "flock 9", *commands, "exec 9>&-"))


def rules_of(chains: Mapping[str, Sequence[str]]) -> list[str]:
    """The lines that have iptables-restore --noflush make exactly these rules in these chains."""
    return [
        *(f":{chain} - [0:0]" for chain in chains),
        *(f"-A {chain} {rule}" for chain, rules in chains.items() for rule in rules),
    ]


def restore_lines(chains: Mapping[str, Sequence[str]]) -> list[str]:
    """The whole input of iptables-restore for these chains."""
    return ["*filter", *rules_of(chains), "COMMIT"]
