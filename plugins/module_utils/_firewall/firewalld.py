# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings in firewalld: policies of our own between zones, with a rich rule for each passage (firewalld.policy(5))."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import FlowsError
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import HostError
from ansible_collections.inbound.mail.plugins.module_utils._firewall.keeper import Keeper
from ansible_collections.inbound.mail.plugins.module_utils._problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Peer
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import Host
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.passages import Passage

_ANY = "ANY"
_POLICIES = Path("/etc/firewalld/policies")
_CONFIGURATION = Path("/etc/firewalld/firewalld.conf")
_STRICT = re.compile(r"^\s*StrictForwardPorts\s*=\s*(yes|true)\s*$", re.IGNORECASE | re.MULTILINE)
# Its ingress zone, its egress zone, its rich rules.
Policy = tuple[str, str, list[str]]
Policies = dict[str, Policy]
_NOTHING: Policy = ("", "", [])
# change adds rich rules, a line each, to a policy, or removes them: many at once, as a start takes a third of a second.
_FUNCTIONS = """\
listed() { firewall-cmd --policy="$1" --list-rich-rules; }
change() {
  sed -n "s/^rule /--$1-rich-rule=&/p" | tr '\\n' '\\0' | xargs -0 -r -n 100 firewall-cmd --quiet --policy="$2"
}
"""
_OPENING = re.compile(r"(?P<ingress>\S+) (?P<egress>\S+) (?P<rule>rule .+)")


class Firewalld(Keeper):
    """An opening is a line of ingress zone, egress zone and rich rule."""

    title = "firewalld, policies inbound-*"

    def __init__(self, host: Host, name: str) -> None:
        self._host = host
        # A policy's name has 18 characters at most, of which the last four tell policies of one table apart.
        self._prefix = f"inbound-{name if len(name) <= 5 else _short_hash(name)}-"
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
        zones = self._zones() if passages else {}
        problems: dict[Problem, None] = {}
        for passage in passages:
            ingress, egress = _ANY, _ANY
            if passage.source.interface:
                others = {other.source.interface for other in passages if _alike(other, passage, "source")}
                ingress = self._zone(passage.source, others, zones, problems)
            if passage.destination.interface:
                others = {other.destination.interface for other in passages if _alike(other, passage, "destination")}
                egress = self._zone(passage.destination, others, zones, problems)
            openings[f"{ingress} {egress} {_rich_rule(passage)}\n"] = None
        if problems:
            raise FlowsError(list(problems))
        return "".join(sorted(openings))

    def live(self) -> str:
        return _openings(self._listed())

    def kept(self) -> str:
        """With a word on policies without rules, as a run that is cut off leaves them."""
        permanent = self._listed("--permanent")
        empty = [name for name, (_ingress, _egress, rules) in permanent.items() if not rules]
        return _openings(permanent) + "".join(f"{name} is empty\n" for name in empty)

    def script(self, openings: str) -> str:
        """A policy begins to exist only by a reload: it is permanent, and empty, just for that."""
        policies = self._by_policy(openings)
        lines = [_FUNCTIONS, "missing= made="]
        for policy, (ingress, egress, _rules) in policies.items():
            listing = f"firewall-cmd --policy={policy} --list-all 2>/dev/null"
            permanent = f"firewall-cmd --quiet --permanent --policy={policy}"
            lines += [
                # A run that was cut off here may have left one without its zones.
                f"if ! {listing} | grep -q '^  egress-zones: {egress} *$'; then",
                f'  firewall-cmd --quiet --permanent --new-policy={policy} 2>/dev/null && made="$made {policy}"',
                f"  {permanent} --add-ingress-zone={ingress} && {permanent} --add-egress-zone={egress}",
                "  missing=yes",
                "fi",
            ]
        lines += [
            'if [ "$missing" ]; then firewall-cmd --quiet --reload; fi',
            f"for policy in $made; do {_forget('$policy')}; done",
        ]
        # First all that is to be open, then what is not.
        for policy, (_ingress, _egress, rules) in policies.items():
            lines += [
                f"there=$(listed {policy})",
                f"grep -vxF -f /dev/fd/3 3<<THERE <<'WANTED' | change add {policy}",
                "$there",
                "THERE",
                *rules,
                "WANTED",
            ]
        for policy, (_ingress, _egress, rules) in policies.items():
            lines += [
                f"listed {policy} | grep -vxF -f /dev/fd/3 3<<'WANTED' | change remove {policy}",
                *rules,
                "WANTED",
            ]
        lines += [
            "for policy in $(firewall-cmd --get-policies); do case $policy in",
            *(f"  {policy}) ;;" for policy in policies),
            f'  {self._prefix}*) listed "$policy" | change remove "$policy" ;;',
            "esac; done",
        ]
        return "".join(f"{line}\n" for line in lines)

    def keep(self, openings: str) -> None:
        policies = self._by_policy(openings)
        permanent = self._listed("--permanent")
        for policy, (ingress, egress, _rules) in list(permanent.items()):
            if policy not in policies or policies[policy][:2] != (ingress, egress):
                self._host.run_shell(_forget(policy))
                del permanent[policy]
        for policy, (ingress, egress, rules) in policies.items():
            if policy not in permanent:
                self._ask("--permanent", f"--new-policy={policy}")
                self._ask("--permanent", f"--policy={policy}", f"--add-ingress-zone={ingress}")
                self._ask("--permanent", f"--policy={policy}", f"--add-egress-zone={egress}")
                self._ask("--permanent", f"--policy={policy}", f"--set-short={self._about}")
            _ingress, _egress, there = permanent.get(policy, _NOTHING)
            changes = [f"--remove-rich-rule={rule}" for rule in there if rule not in rules]
            changes += [f"--add-rich-rule={rule}" for rule in rules if rule not in there]
            for start in range(0, len(changes), 100):
                for kind in ("--add", "--remove"):
                    some = [change for change in changes[start : start + 100] if change.startswith(kind)]
                    if some:
                        self._ask("--permanent", f"--policy={policy}", *some)
        if self._listed().keys() - policies:
            self.refuse_to_lose_changes()
            self._ask("--reload")

    def check(self, openings: str) -> None:
        listed = self._listed()
        if any(listed.get(policy, _NOTHING)[:2] != one[:2] for policy, one in self._by_policy(openings).items()):
            self.refuse_to_lose_changes()

    def refuse_to_lose_changes(self) -> None:
        """A reload takes back what others have changed only for now."""
        what = (
            "--list-all-zones",
            "--list-all-policies",
            "--direct --get-all-rules",
            "--direct --get-all-passthroughs",
        )
        for options in what:
            now, permanent = (self._ask(*where, *options.split()) for where in ((), ("--permanent",)))
            if _comparable(now, self._prefix) != _comparable(permanent, self._prefix):
                raise HostError(
                    f"firewalld has changes that are in force but not permanent (firewall-cmd {options}, with and "
                    "without --permanent), and a reload, without which it knows no new policy, would lose them. Make "
                    "them permanent (firewall-cmd --runtime-to-permanent), or drop them (firewall-cmd --reload)"
                )

    def _by_policy(self, openings: str) -> Policies:
        found: Policies = {}
        for match in _OPENING.finditer(openings):
            ingress, egress = match["ingress"], match["egress"]
            policy = self._prefix + _short_hash(f"{ingress} {egress}")
            found.setdefault(policy, (ingress, egress, []))[2].append(match["rule"])
        return found

    def _listed(self, *where: str) -> Policies:
        """Our policies as firewalld has them."""
        return {
            listing.split()[0]: (
                _field(listing, "ingress-zones"),
                _field(listing, "egress-zones"),
                re.findall(r"^\t(rule .*\S)", listing, re.MULTILINE),
            )
            for listing in _parts(self._ask(*where, "--list-all-policies"))
            if listing.startswith(self._prefix)
        }

    # Zones

    def _zones(self) -> dict[str, str]:
        """Interface -> zone, for every interface of the host."""
        default = self._ask("--get-default-zone").strip()
        zones = dict.fromkeys(self._host.interfaces() - {"lo"}, default)
        zone = ""
        for line in self._ask("--get-active-zones").splitlines():
            if not line.startswith(" "):
                zone = line.split()[0]
            elif line.split()[0] == "interfaces:":
                zones.update(dict.fromkeys(line.split()[1:], zone))
        return zones

    def _zone(self, peer: Peer, others: Iterable[str], zones: dict[str, str], problems: dict[Problem, None]) -> str:
        """The zone of the peer's interface, which must not hold interfaces that are not meant."""
        zone = zones.get(peer.interface, "")
        beside = sorted({name for name, its in zones.items() if its == zone} - {peer.interface, *others})
        if beside:
            problem = Problem(
                f"interface {peer.interface}",
                f"it is in firewalld's zone {zone} together with {', '.join(beside)}, which the flows do not mean",
                "Give it a zone of its own (firewall-cmd --permanent --zone=external --change-interface="
                f"{peer.interface}), or name the others in the same set of 'interfaces'",
            )
            problems[problem] = None
        return zone

    def _ask(self, *arguments: str) -> str:
        return self._host.firewall_cmd(*arguments)


class StoppedFirewalld(Firewalld):
    """What is there of ours for the next start of a firewalld that does not run. It can be forgotten only."""

    def kept(self) -> str:
        return "".join(f"{file}\n" for file in self._files())

    def keep(self, openings: str) -> None:
        del openings
        for file in self._files():
            file.unlink()

    def _files(self) -> list[Path]:
        return sorted(_POLICIES.glob(f"{self._prefix}*.xml*"))


def _alike(some: Passage, other: Passage, end: str) -> bool:
    """Whether both are the same but for the interface at that end."""
    return (some.family, some.port, some.public_address) == (other.family, other.port, other.public_address) and (
        some.destination == other.destination if end == "source" else some.source == other.source
    )


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


def _openings(policies: Policies) -> str:
    return "".join(
        sorted(f"{ingress} {egress} {rule}\n" for ingress, egress, rules in policies.values() for rule in rules)
    )


def _parts(listing: str) -> list[str]:
    """What firewalld lists of each zone or policy."""
    return re.split(r"\n(?=\S)", listing.strip())


def _field(listing: str, name: str) -> str:
    match = re.search(rf"^  {name}: (\S+)", listing, re.MULTILINE)
    return match[1] if match else ""


def _comparable(listing: str, prefix: str) -> list[str]:
    """Without what differs for other reasons: interfaces stay through a reload, and policies of ours are ours."""
    return [
        "\n".join(line.rstrip() for line in part.splitlines()[1:] if not line.startswith("  interfaces:"))
        for part in sorted(_parts(listing))
        if part and not part.startswith(prefix)
    ]


def _forget(policy: str) -> str:
    """Takes a policy out of what is permanent, with the copy that firewalld leaves of what it changes."""
    return f"firewall-cmd --quiet --permanent --delete-policy={policy}; rm -f {_POLICIES}/{policy}.xml.old"


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:4]
