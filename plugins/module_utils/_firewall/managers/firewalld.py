# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings in firewalld: policies of our own between zones, with a rich rule for each allow rule.

Source: firewalld.policy(5), firewalld.richlanguage(5).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import ANY_HOST
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import FirewallManager
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.firewalld_bus import (
    FUNCTIONS,
    POLICIES,
    Bus,
    FirewalldPolicy,
    array,
    digest,
)
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.firewalld_spread import (
    PATIENCE,
    Held,
    spread,
)
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_if_present
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.allow_rules import AllowRule
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Peer
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.firewall_host import FirewallHost

_Pair = tuple[str, str]
_ANY = "ANY"
_CONFIGURATION = Path("/etc/firewalld/firewalld.conf")
_STRICT = re.compile(r"^\s*StrictForwardPorts\s*=\s*(yes|true)\s*$", re.IGNORECASE | re.MULTILINE)
_OPENING = re.compile(r"(\S+) (\S+) (rule .+)")


class Firewalld(FirewallManager):
    """An opening is a line of ingress zone, egress zone and rich rule."""

    title = "firewalld, policies inbound-*"

    def __init__(self, host: FirewallHost, name: str) -> None:
        self._host = host
        # A policy's name has 18 characters at most, of which the last four tell policies of one table apart.
        self._prefix = f"inbound-{name if len(name) <= 5 else _short_hash(name)}-"
        self._bus = Bus(host.commands, host.interfaces, self._prefix)
        self._about = f"Mail flows inbound_mail_{name}, written by Ansible (inbound.mail.firewall)"

    def wanted(self, allow_rules: Sequence[AllowRule]) -> str:
        openings: dict[str, None] = {}
        # What was translated gets through by itself, unless firewalld was told to look closer.
        if _STRICT.search(read_if_present(_CONFIGURATION)):
            forwards = {(rule.public_address, rule.port): rule for rule in allow_rules}
            openings = {f"{_ANY} HOST {_forward(rule)}\n": None for rule in forwards.values() if rule.public_address}
        allow_rules = [rule for rule in allow_rules if not rule.public_address]
        zones = self._bus.zones() if allow_rules else {}
        # What is the same in all allow rules that differ at one end alone -> the interfaces there.
        sources: dict[AllowRule, set[str]] = {}
        destinations: dict[AllowRule, set[str]] = {}
        for rule in allow_rules:
            sources.setdefault(replace(rule, source=ANY_HOST), set()).add(rule.source.interface)
            destinations.setdefault(replace(rule, destination=ANY_HOST), set()).add(rule.destination.interface)
        problems: dict[Problem, None] = {}
        for rule in allow_rules:
            meant = sources[replace(rule, source=ANY_HOST)], destinations[replace(rule, destination=ANY_HOST)]
            ingress = self._zone(rule.source, meant[0], zones, problems)
            egress = self._zone(rule.destination, meant[1], zones, problems)
            openings[f"{ingress} {egress} {_rich_rule(rule)}\n"] = None
        if problems:
            raise InvalidError(list(problems))
        return "".join(sorted(openings))

    @property
    def runs(self) -> bool:
        return self._bus.answers

    def live(self) -> str:
        return "".join(sorted(line for policy in self._bus.policies().values() for line in _openings(policy)))

    def kept(self) -> str:
        """With a word on policies that let nothing through, as a run that is cut off leaves them."""
        kept = {name: _openings(policy) for name, policy in self._bus.kept_policies().items()}
        lines = [line for openings in kept.values() for line in openings]
        return "".join([*sorted(lines), *(f"{name} is empty\n" for name, openings in kept.items() if not openings)])

    def script(self, openings: str) -> str:
        """First all that is to be open, then what is not: firewalld itself takes away before it adds.

        A policy begins to exist only by a reload: it is permanent, and closed as it comes from no zone, just for that.
        Without a zone to come from firewalld also opens and closes all of its rules at once, not one after the other.
        """
        policies = self._in_force(self._by_zones(openings))
        lines = [FUNCTIONS, "each() {", "  :"]
        for name, policy in policies.items():
            settings = [*array("egress_zones", policy.egress), *array("rich_rules", policy.rules)]
            lines.append(f"  $1 {digest(policy.rules)} {policy.ingress[0]} {name} {' '.join(map(quote, settings))}")
        lines += [
            "}",
            "there=$(listed) missing= made=",
            f"for policy in {' '.join(policies)}; do",
            '  case " $there " in *" $policy "*) ;; *) missing=yes ;; esac',
            "done",
            # All of them, as the reload also ends those that are there and not permanent.
            'if [ "$missing" ]; then each make; firewalld $path $bus reload; fi',
            'for policy in $made; do forget "$policy"; done',
            "each open",
            "for policy in $(listed); do case $policy in",
            *(f"  {name}) ;;" for name in policies),
            f'  {self._prefix}*) close "$policy" ;;',
            "esac; done",
        ]
        return "".join(f"{line}\n" for line in lines)

    def keep(self, openings: str) -> None:
        pairs, kept = self._by_zones(openings), self._bus.kept_policies()
        policies = {self._main(pair): policy for pair, policy in pairs.items()}
        for name in kept.keys() - policies:
            self._host.run_shell(f"{FUNCTIONS}forget {name}")
        for name, policy in policies.items():
            if kept.get(name) != policy:
                self._bus.keep(name, policy, self._about, is_new=name not in kept)
        if not all(self._is_of(pairs, name, policy) for name, policy in self._bus.policies().items()):
            self.refuse_to_lose_changes()
            self._bus.reload()

    def check(self, openings: str) -> None:
        if {self._main(pair) for pair in self._by_zones(openings)} - self._bus.policies().keys():
            self.refuse_to_lose_changes()

    def refuse_to_lose_changes(self) -> None:
        """A reload takes back what others have changed only for now."""
        lost = self._bus.not_permanent()
        if lost:
            raise HostError(
                f"firewalld has changes that are in force but not permanent ({', '.join(lost)}, with and without "
                "--permanent), and a reload, without which it knows no new policy, would lose them. Make them "
                "permanent (firewall-cmd --runtime-to-permanent), or drop them (firewall-cmd --reload)"
            )

    def _by_zones(self, openings: str) -> dict[_Pair, FirewalldPolicy]:
        """All that is open, by ingress and egress zone."""
        found: dict[_Pair, FirewalldPolicy] = {}
        for ingress, egress, rule in sorted(_OPENING.findall(openings)):
            found.setdefault((ingress, egress), FirewalldPolicy([ingress], [egress], [])).rules.append(rule)
        return found

    def _main(self, pair: _Pair) -> str:
        """The policy between two zones."""
        return self._prefix + _short_hash(" ".join(pair))

    def _beside(self, pair: _Pair, rules: Iterable[str]) -> str:
        """One for these rules beside it, until firewalld is reloaded."""
        return self._prefix + _short_hash(" ".join([*pair, *sorted(rules)]))

    def _is_of(self, pairs: Mapping[_Pair, FirewalldPolicy], name: str, policy: FirewalldPolicy) -> bool:
        """Whether the policy that is in force is one of those between these zones."""
        if any(name in (self._main(pair), self._beside(pair, policy.rules)) for pair in pairs):
            return True
        return any(_is_open(policy, pair) for pair in pairs)

    def _in_force(self, pairs: Mapping[_Pair, FirewalldPolicy]) -> dict[str, FirewalldPolicy]:
        """The policies that are to be open, by name."""
        live = self._bus.policies() if pairs else {}
        return {
            name: policy._replace(rules=sorted(rules))
            for pair, policy in pairs.items()
            for name, rules in self._spread(pair, policy.rules, live).items()
        }

    def _spread(
        self, pair: _Pair, wanted: list[str], live: Mapping[str, FirewalldPolicy]
    ) -> Mapping[str, frozenset[str]]:
        main, everything = self._main(pair), frozenset(wanted)
        if main not in live:
            return {main: everything}
        held = {
            name: Held(frozenset(policy.rules), _is_open(policy, pair))
            for name, policy in live.items()
            if _is_open(policy, pair) or name in (main, self._beside(pair, policy.rules))
        }
        best = spread(everything, main, held)
        if best.effort <= PATIENCE:
            return best.policies
        in_force = frozenset().union(*(one.rules for one in held.values() if one.is_open))
        kept = self._bus.kept_policies().get(main)
        # A reload brings what is permanent, and ends all else.
        if kept is None or not in_force == frozenset(kept.rules) <= everything or self._bus.not_permanent():
            return best.policies
        new = everything - in_force
        return {main: in_force, self._beside(pair, new): new}

    def _zone(self, peer: Peer, meant: set[str], zones: dict[str, str], problems: dict[Problem, None]) -> str:
        """The zone of the peer's interface, which must not hold interfaces that are not meant."""
        if not peer.interface:
            return _ANY
        zone = zones.get(peer.interface, "")
        beside = sorted({name for name, its in zones.items() if its == zone} - meant)
        if beside:
            problem = Problem(
                f"interface {peer.interface}",
                f"it is in firewalld's zone {zone} together with {', '.join(beside)}, which the flows do not mean",
                "Give it a zone of its own (firewall-cmd --permanent --zone=external --change-interface="
                f"{peer.interface}), or name the others in the same set of 'interfaces'",
            )
            problems[problem] = None
        return zone


class StoppedFirewalld(Firewalld):
    """What is there of ours for the next start of a firewalld that does not run. It can be forgotten only."""

    def kept(self) -> str:
        return "".join(f"{file}\n" for file in self._files())

    def keep(self, openings: str) -> None:
        del openings
        for file in self._files():
            file.unlink()

    def _files(self) -> list[Path]:
        return sorted(POLICIES.glob(f"{self._prefix}*.xml*"))


def _rich_rule(rule: AllowRule) -> str:
    """As firewalld itself writes it (firewalld.richlanguage(5))."""
    words = ["rule"]
    if rule.family:
        words.append(f'family="ipv{rule.family}"')
    for end, peer in (("source", rule.source), ("destination", rule.destination)):
        if peer.network is not None:
            words.append(f'{end} address="{peer}"')
    return " ".join([*words, f'port port="{rule.port}" protocol="tcp" accept'])


def _forward(rule: AllowRule) -> str:
    """firewalld translates nothing by it, as our table comes first and chooses among several targets."""
    return (
        f'rule family="ipv4" destination address="{rule.public_address}" forward-port port="{rule.port}" '
        f'protocol="tcp" to-port="{rule.port}" to-addr="{rule.destination}"'
    )


def _is_open(policy: FirewalldPolicy, pair: _Pair) -> bool:
    return (policy.ingress, policy.egress) == ([pair[0]], [pair[1]])


def _openings(policy: FirewalldPolicy) -> list[str]:
    return [f"{' '.join(opening)}\n" for opening in product(*policy)]


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:4]
