# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld on D-Bus (firewalld.dbus(5)), with busctl.

firewall-cmd goes there too, but takes a third of a second to start.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.interfaces import Interfaces
    from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands

POLICIES = Path("/etc/firewalld/policies")
_BUS, _PATH = "org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1"
# For scripts. make: have the next reload bring a policy, closed; open: one that is there. Both take the digest of its
# rules, the zone that it comes from, its name, and what is set: "egress_zones as 1", that zone and the rules. close:
# one that is there. forget: take it out of what is permanent, with the copy that firewalld leaves of what it changes.
FUNCTIONS = rf"""bus={_BUS} path={_PATH}
firewalld() {{ busctl --timeout=3600 call $bus "$@"; }}
listed() {{ firewalld $path $bus.policy getPolicies | tr -d '"'; }}
change() {{ firewalld $path $bus.policy setPolicySettings 'sa{{sv}}' "$@"; }}
close() {{ change "$1" 1 ingress_zones as 0; }}
is_open() {{
  settings=$(firewalld $path $bus.policy getPolicySettings s "$3")
  case $settings in *"\"ingress_zones\" as 1 \"$2\""*) ;; *) return 1 ;; esac
  case $settings in *"\"egress_zones\" as 1 \"$7\""*) ;; *) return 1 ;; esac
  rules=$(printf '%s' "$settings" | grep -o '"rule \([^"\\]\|\\.\)*"' | LC_ALL=C sort | sha256sum)
  [ "${{rules%% *}}" = "$1" ]
}}
open() {{
  # firewalld reads all rules again even if it has nothing to change.
  if is_open "$@"; then return; fi
  zone=$2 policy=$3; shift 3
  change "$policy" 3 "$@" ingress_zones as 1 "$zone"
}}
make() {{
  policy=$3; shift 3
  if firewalld $path/config $bus.config addPolicy 'sa{{sv}}' "$policy" 2 "$@"; then made="$made $policy"; fi
}}
forget() {{
  object=$(firewalld $path/config $bus.config getPolicyByName s "$1" | cut -d '"' -f 2)
  firewalld "$object" $bus.config.policy remove
  rm -f {POLICIES}/"$1".xml.old
}}
"""


class FirewalldPolicy(NamedTuple):
    """What is let through between zones."""

    ingress: list[str]
    egress: list[str]
    rules: list[str]


class _Methods(NamedTuple):
    """For a kind of object: those that list what is in force, and what is permanent."""

    names: str
    settings: str
    kept_names: str
    kept_object: str
    kept_settings: str


_KINDS = {
    "zone": _Methods("getZones", "getZoneSettings2", "getZoneNames", "getZoneByName", "getSettings2"),
    "policy": _Methods("getPolicies", "getPolicySettings", "getPolicyNames", "getPolicyByName", "getSettings"),
    "ipset": _Methods("getIPSets", "getIPSetSettings", "getIPSetNames", "getIPSetByName", "getSettings"),
}


class Bus:
    """firewalld, and the policies in it whose names begin with ``prefix``."""

    def __init__(self, commands: Commands, interfaces: Interfaces, prefix: str) -> None:
        self._commands = commands
        self._interfaces = interfaces
        self._prefix = prefix

    @property
    def answers(self) -> bool:
        try:
            return bool(self._busctl("get-property", _BUS, _PATH, _BUS, "state") == "RUNNING")
        except HostError:
            return False

    def zones(self) -> dict[str, str]:
        """Interface -> zone, for every interface of the host."""
        zones = dict.fromkeys(self._interfaces.names() - {"lo"}, self._call("", "", "getDefaultZone"))
        for zone, holds in self._call("", ".zone", "getActiveZones").items():
            zones.update(dict.fromkeys(holds.get("interfaces", ()), zone))
        return zones

    def policies(self) -> dict[str, FirewalldPolicy]:
        """Ours, as they are now."""
        return {name: _policy(settings) for name, settings in self._now("policy", self._prefix).items()}

    def kept_policies(self) -> dict[str, FirewalldPolicy]:
        """Ours, as they are permanent."""
        return {name: _policy(settings) for name, settings in self._kept("policy", self._prefix).items()}

    def keep(self, name: str, policy: FirewalldPolicy, about: str, is_new: bool) -> None:
        """Make it permanent. is_new: whether there is none of that name."""
        settings = ["short", "s", about, *array("ingress_zones", policy.ingress), *array("egress_zones", policy.egress)]
        settings += array("rich_rules", policy.rules)
        if is_new:
            self._call("/config", ".config", "addPolicy", "sa{sv}", name, "4", *settings)
        else:
            policy_object = self._call("/config", ".config", "getPolicyByName", "s", name)
            self._call(policy_object, ".config.policy", "update", "a{sv}", "4", *settings)

    def reload(self) -> None:
        self._call("", "", "reload")

    def not_permanent(self) -> list[str]:
        """What others have changed only for now: commands that show it, and with --permanent what a reload makes of it.

        Interfaces stay through a reload.
        """
        found = []
        for kind in _KINDS:
            now, kept = self._now(kind, ours=False), self._kept(kind, ours=False)
            found += [
                f"firewall-cmd --info-{kind}={name}"
                for name in sorted(now.keys() | kept.keys())
                if _comparable(now.get(name)) != _comparable(kept.get(name))
            ]
        for what, kept in zip(
            ("Chains", "Rules", "Passthroughs"), self._call("/config", ".config.direct", "getSettings")
        ):
            if _comparable(self._call("", ".direct", f"getAll{what}")) != _comparable(kept):
                found.append(f"firewall-cmd --direct --get-all-{what.lower()}")
        return found

    def _now(self, kind: str, prefix: str = "", ours: bool = True) -> dict[str, Any]:
        """Name -> settings, of those whose names begin so; ours: also our own."""
        methods, interface = _KINDS[kind], f".{kind}"
        names = self._call("", interface, methods.names)
        return {
            name: self._call("", interface, methods.settings, "s", name)
            for name in names
            if name.startswith(prefix) and (ours or not name.startswith(self._prefix))
        }

    def _kept(self, kind: str, prefix: str = "", ours: bool = True) -> dict[str, Any]:
        methods = _KINDS[kind]
        found = {}
        for name in self._call("/config", ".config", methods.kept_names):
            if name.startswith(prefix) and (ours or not name.startswith(self._prefix)):
                path = self._call("/config", ".config", methods.kept_object, "s", name)
                found[name] = self._call(path, f".config.{kind}", methods.kept_settings)
        return found

    def _call(self, path: str, interface: str, method: str, *arguments: str) -> Any:
        """What the method returns. path: that of an object, or what comes behind firewalld's own."""
        path = path if path.startswith(_PATH) else f"{_PATH}{path}"
        returned = self._busctl("call", _BUS, path, f"{_BUS}{interface}", method, *arguments)
        return returned[0] if returned else None

    def _busctl(self, *arguments: str) -> Any:
        """The data of busctl's JSON, None if there is none. Raises HostError."""
        if not self._commands.path("busctl"):
            raise HostError("busctl is not installed, and firewalld is reached through it. Install systemd")
        output = self._commands.run("busctl", "--json=short", "--timeout=3600", *arguments)
        if not output.ok:
            raise HostError(f"busctl {' '.join(arguments[:6])} failed: {output.err.strip()}")
        return json.loads(output.out)["data"] if output.out else None


def digest(rules: Iterable[str]) -> str:
    """Of rich rules, whatever their order: busctl's words for them, each on a line."""
    words = ['"' + rule.replace('"', '\\"') + '"' for rule in rules]
    return hashlib.sha256("".join(f"{word}\n" for word in sorted(words)).encode()).hexdigest()


def array(name: str, values: list[str]) -> list[str]:
    """A setting, in busctl's words."""
    return [name, "as", str(len(values)), *values]


def _policy(settings: dict[str, Any]) -> FirewalldPolicy:
    """What is empty is not among a policy's settings."""
    parts = ("ingress_zones", "egress_zones", "rich_rules")
    return FirewalldPolicy(*(sorted(settings[part]["data"]) if part in settings else [] for part in parts))


def _comparable(settings: Any) -> Any:
    """Without the order of what is listed."""
    if isinstance(settings, list):
        return sorted((_comparable(one) for one in settings), key=repr)
    if isinstance(settings, dict):
        return {name: _comparable(one) for name, one in settings.items() if name != "interfaces"}
    return settings
