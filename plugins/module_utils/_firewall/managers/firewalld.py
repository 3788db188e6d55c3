# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings in firewalld: policies of our own between zones, with a rich rule for each passage (firewalld.policy(5))."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import ANYBODY, FlowsError
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import HostError
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import Keeper
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.firewalld_bus import (
    FUNCTIONS,
    POLICIES,
    Bus,
    Policy,
    array,
)
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.allow_rules import Passage
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Peer
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import Host

_ANY = "ANY"
_CONFIGURATION = Path("/etc/firewalld/firewalld.conf")
_STRICT = re.compile(r"^\s*StrictForwardPorts\s*=\s*(yes|true)\s*$", re.IGNORECASE | re.MULTILINE)
_OPENING = re.compile(r"(\S+) (\S+) (rule .+)")


class Firewalld(Keeper):
    """An opening is a line of ingress zone, egress zone and rich rule."""

    title = "firewalld, policies inbound-*"

    def __init__(self, host: Host, name: str) -> None:
        self._host = host
        # A policy's name has 18 characters at most, of which the last four tell policies of one table apart.
        self._prefix = f"inbound-{name if len(name) <= 5 else _short_hash(name)}-"
        self._bus = Bus(host, self._prefix)
        self._about = f"Mail flows inbound_mail_{name}, written by Ansible (inbound.mail.firewall)"

    def wanted(self, passages: Sequence[Passage]) -> str:
        openings: dict[str, None] = {}
        # What was translated gets through by itself, unless firewalld was told to look closer.
        if _STRICT.search(self._host.read(_CONFIGURATION)):
            forwards = {(passage.public_address, passage.port): passage for passage in passages}
            openings = {
                f"{_ANY} HOST {_forward(passage)}\n": None for passage in forwards.values() if passage.public_address
            }
        passages = [passage for passage in passages if not passage.public_address]
        zones = self._bus.zones() if passages else {}
        # What is the same in all passages that differ at one end alone -> the interfaces there.
        sources: dict[Passage, set[str]] = {}
        destinations: dict[Passage, set[str]] = {}
        for passage in passages:
            sources.setdefault(replace(passage, source=ANYBODY), set()).add(passage.source.interface)
            destinations.setdefault(replace(passage, destination=ANYBODY), set()).add(passage.destination.interface)
        problems: dict[Problem, None] = {}
        for passage in passages:
            meant = sources[replace(passage, source=ANYBODY)], destinations[replace(passage, destination=ANYBODY)]
            ingress = self._zone(passage.source, meant[0], zones, problems)
            egress = self._zone(passage.destination, meant[1], zones, problems)
            openings[f"{ingress} {egress} {_rich_rule(passage)}\n"] = None
        if problems:
            raise FlowsError(list(problems))
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

        A policy begins to exist only by a reload: it is permanent, and shut as it comes from no zone, just for that.
        Without a zone to come from firewalld also opens and shuts all of its rules at once, not one after the other.
        """
        policies = self._by_policy(openings)
        lines = [FUNCTIONS, "each() {", "  :"]
        for name, (_ingress, egress, rules) in policies.items():
            settings = [*array("egress_zones", egress), *array("rich_rules", rules)]
            lines.append(f"  $1 {name} 2 {' '.join(map(quote, settings))}")
        lines += [
            "}",
            "there=$(listed) missing= made=",
            f"for policy in {' '.join(policies)}; do",
            '  case " $there " in *" $policy "*) ;; *) missing=yes ;; esac',
            "done",
            # All of them, as the reload also ends those that are there and not permanent.
            'if [ "$missing" ]; then each make; firewalld $path $bus reload; fi',
            'for policy in $made; do forget "$policy"; done',
            "each change",
            *(f"change {name} 1 {' '.join(array('ingress_zones', one.ingress))}" for name, one in policies.items()),
            "for policy in $(listed); do case $policy in",
            *(f"  {name}) ;;" for name in policies),
            f'  {self._prefix}*) change "$policy" 1 ingress_zones as 0 ;;',
            "esac; done",
        ]
        return "".join(f"{line}\n" for line in lines)

    def keep(self, openings: str) -> None:
        policies, kept = self._by_policy(openings), self._bus.kept_policies()
        for name in kept.keys() - policies:
            self._host.run_shell(f"{FUNCTIONS}forget {name}")
        for name, policy in policies.items():
            if kept.get(name) != policy:
                self._bus.keep(name, policy, self._about, is_new=name not in kept)
        if self._bus.policies().keys() - policies:
            self.refuse_to_lose_changes()
            self._bus.reload()

    def check(self, openings: str) -> None:
        if self._by_policy(openings).keys() - self._bus.policies():
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

    def _by_policy(self, openings: str) -> dict[str, Policy]:
        found: dict[str, Policy] = {}
        for ingress, egress, rule in sorted(_OPENING.findall(openings)):
            name = self._prefix + _short_hash(f"{ingress} {egress}")
            found.setdefault(name, Policy([ingress], [egress], [])).rules.append(rule)
        return found

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


def _rich_rule(passage: Passage) -> str:
    """As firewalld itself writes it (firewalld.richlanguage(5))."""
    words = ["rule"]
    if passage.family:
        words.append(f'family="ipv{passage.family}"')
    for end, peer in (("source", passage.source), ("destination", passage.destination)):
        if peer.network is not None:
            words.append(f'{end} address="{peer}"')
    return " ".join([*words, f'port port="{passage.port}" protocol="tcp" accept'])


def _forward(passage: Passage) -> str:
    """firewalld translates nothing by it, as our table comes first and chooses among several targets."""
    return (
        f'rule family="ipv4" destination address="{passage.public_address}" forward-port port="{passage.port}" '
        f'protocol="tcp" to-port="{passage.port}" to-addr="{passage.destination}"'
    )


def _openings(policy: Policy) -> list[str]:
    return [f"{' '.join(opening)}\n" for opening in product(*policy)]


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:4]
