# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host: its kernel's rules and sysctls, its interfaces, and what loads our table again at boot."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import conntrack, sysctls, systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.table import FAMILY, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible.module_utils.basic import AnsibleModule

# Where Debian's netfilter-persistent and the services of others keep the rules of iptables.
_SAVED_IPTABLES = {
    4: ("/etc/iptables/rules.v4", "/etc/sysconfig/iptables"),
    6: ("/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables"),
}
SYSCTL_FILE = Path("/etc/sysctl.d/60-inbound-mail.conf")

_FILE_HEADER = """\
# Written by Ansible (inbound.mail.firewall): a change here is overwritten.
# Replaces the table in one transaction. The comment of a rule is its checksum: it tells whether a rule is still ours.
"""


def _drops_everything(rule: Mapping[str, Any]) -> bool:
    """Whether the rule looks at nothing before it drops or rejects."""
    parts = [part for part in rule.get("expr", ()) if not part.keys() & {"counter", "log"}]
    if len(parts) != 1:
        return False
    target = parts[0].get("xt") or {}
    return bool(parts[0].keys() & {"drop", "reject"}) or target.get("name") in ("DROP", "REJECT")


class HostError(RuntimeError):
    """The host did not do what it was asked; says what and why."""


class Host:
    """The host that the module runs on."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        # Not every login has the directories of the system's commands on its PATH.
        self._nft = module.get_bin_path("nft", opt_dirs=["/usr/sbin", "/sbin"])
        self._ip = module.get_bin_path("ip", opt_dirs=["/usr/sbin", "/sbin"])
        self._iptables_save = {
            family: module.get_bin_path(f"{program}-save", opt_dirs=["/usr/sbin", "/sbin"])
            for family, program in ((4, "iptables"), (6, "ip6tables"))
        }
        self._conntrack = module.get_bin_path("conntrack", opt_dirs=["/usr/sbin", "/sbin"])
        self._busctl = module.get_bin_path("busctl")
        self._systemctl = module.get_bin_path("systemctl")
        self._systemd_run = module.get_bin_path("systemd-run")

    # nftables

    @property
    def has_nft(self) -> bool:
        return bool(self._nft)

    @property
    def nft(self) -> str:
        """The path of nft."""
        return str(self._nft)

    def chains(self) -> list[dict[str, Any]]:
        """Every chain of every table, as nft's JSON describes it; of one whose rules drop all that is routed and that
        they do not accept, the policy is shown as drop.
        """
        if not self._nft:
            return []
        listing = json.loads(self._must(self._nft, "-j", "list", "chains"))
        chains = [item["chain"] for item in listing["nftables"] if "chain" in item]
        for chain in chains:
            if chain.get("hook") == "forward" and chain.get("policy") == "accept" and self._drops_the_rest(chain):
                chain["policy"] = "drop"
        return chains

    def _drops_the_rest(self, chain: Mapping[str, Any]) -> bool:
        place = [chain[part] for part in ("family", "table", "name")]
        rc, out, _err = self._run(self.nft, "-j", "list", "chain", *place)
        rules = [item["rule"] for item in json.loads(out)["nftables"] if "rule" in item] if rc == 0 else []
        return any(_drops_everything(rule) for rule in rules)

    def listing(self, table: str) -> dict[str, Any] | None:
        """The table as nft's JSON, None if there is no such table."""
        if not self._nft:
            return None
        rc, out, err = self._run(self._nft, "-j", "list", "table", FAMILY, table)
        if rc != 0 and "No such file or directory" in err:
            return None
        try:
            found: dict[str, Any] = json.loads(out)
        except ValueError as error:
            # nft 1.0.6 stops in the middle of a table that belongs to a process (flags owner).
            said = err.strip() or f"it says {out.strip()}"
            raise HostError(f"nft cannot list the table {table}, so nothing was changed: {said}") from error
        return found

    def has_table(self, family: str, table: str) -> bool:
        return bool(self._nft) and self._run(str(self._nft), "list", "table", family, table)[0] == 0

    def listing_text(self, table: str) -> str:
        """The table as nft would take it again; empty if there is no such table."""
        if self.listing(table) is None:
            return ""
        return self._must(self.nft, "--stateless", "list", "table", FAMILY, table)

    def check(self, script: str) -> None:
        """Let nft and the kernel judge a script without doing it."""
        self._load(script, "-c")

    def load(self, script: str) -> None:
        """All of the script, or nothing of it."""
        self._load(script)

    def _load(self, script: str, *options: str) -> None:
        if not self._nft:
            raise HostError("nft is not installed. Install the package nftables")
        rc, _out, err = self._module.run_command(
            [self._nft, *options, "-f", "-"], data=script, environ_update={"LC_ALL": "C"}
        )
        if rc != 0:
            raise HostError(f"nft refuses the rules, and nothing was changed: {err.strip()}")

    # Connection tracking

    @property
    def has_conntrack(self) -> bool:
        return bool(self._conntrack)

    def forwarded(self) -> set[conntrack.Forwarded]:
        """The TCP connections whose destination is translated."""
        return conntrack.parse(self._must(str(self._conntrack), "-L", "-p", "tcp", "--dst-nat"))

    def end(self, forwarded: conntrack.Forwarded) -> None:
        """Forget them: their next packet is a new connection's, or nobody's."""
        ends = ("--orig-dst", forwarded.public_address, "--orig-port-dst", str(forwarded.port))
        # None may be left by now, which it says by its exit status.
        self._run(str(self._conntrack), "-D", "-p", "tcp", *ends, "--reply-src", forwarded.target)

    # iptables

    def has_iptables(self, family: int) -> bool:
        return bool(self._iptables_save[family])

    def iptables_save(self, family: int) -> list[str]:
        """The lines of the table filter as iptables-save prints them; none if there is no iptables."""
        program = self._iptables_save[family]
        return self._must(program, "-t", "filter").splitlines() if program else []

    @property
    def iptables_at_boot(self) -> set[int]:
        """The families of which rules of iptables are loaded at boot."""
        return {family for family, files in _SAVED_IPTABLES.items() if any(map(os.path.exists, files))}

    @property
    def has_dockers_bridge(self) -> bool:
        """Whether Docker is there, also while somebody else has flushed its chains."""
        return "docker0" in self.interfaces()

    # D-Bus

    def busctl(self, *arguments: str) -> Any:
        """What somebody says there, as busctl's JSON has it; None if that is nothing."""
        if not self._busctl:
            raise HostError("busctl is not installed, and without it firewalld cannot be asked. Install systemd")
        rc, out, err = self._run(self._busctl, "--json=short", "--timeout=3600", *arguments)
        if rc != 0:
            raise HostError(f"busctl {' '.join(arguments[:6])} failed: {err.strip()}")
        return json.loads(out)["data"] if out else None

    # Interfaces and addresses

    def interfaces(self) -> set[str]:
        return {name for _index, name in socket.if_nameindex()}

    def addresses(self) -> set[str]:
        """The host's own addresses; empty where there is no ``ip`` to ask."""
        found = self._ip_json("address", "show")
        return {address["local"] for link in found for address in link.get("addr_info", ()) if "local" in address}

    def interfaces_with_router(self) -> set[str]:
        """Interfaces that have a route from a router advertisement (RFC 4861, section 4.2)."""
        return {route["dev"] for route in self._ip_json("-6", "route", "show", "proto", "ra") if "dev" in route}

    def _ip_json(self, *arguments: str) -> list[dict[str, Any]]:
        if not self._ip:
            return []
        rc, out, _err = self._run(self._ip, "-j", *arguments)
        found: list[dict[str, Any]] = json.loads(out) if rc == 0 and out.strip() else []
        return found

    # Sysctls

    def sysctls(self, keys: Iterable[str]) -> dict[str, str]:
        """The values in the kernel of those that it has."""
        found = {}
        for key in keys:
            where = Path(sysctls.path(key))
            if where.exists():
                found[key] = where.read_text().strip()
        return found

    def set_sysctl(self, key: str, value: str) -> None:
        where = Path(sysctls.path(key))
        try:
            where.write_text(value)
        except OSError as error:
            message = f"cannot set {key} to {value}: {error.strerror}. A container may lack the right to do so"
            raise HostError(message) from error

    # What is kept over a reboot

    def read(self, path: Path) -> str:
        return path.read_text() if path.is_file() else ""

    def check_writable(self, *files: Path) -> None:
        """Raise HostError if one of them could not be written or removed, as where the file system is read-only."""
        folders = {next(parent for parent in file.parents if parent.is_dir()) for file in files}
        shut = sorted(str(folder) for folder in folders if not os.access(folder, os.W_OK))
        if shut:
            raise HostError(
                f"nothing can be written to {', '.join(shut)}, so no change would outlive a reboot, and none was made. "
                "Make the file system writable, and run as root (become: true)"
            )

    def write(self, path: Path, text: str) -> None:
        """In one step, with the mode that the file has; an empty text removes it."""
        if not text:
            path.unlink(missing_ok=True)
            return
        mode = path.stat().st_mode & 0o7777 if path.exists() else 0o644
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        handle, new = tempfile.mkstemp(prefix=f".{path.name}.", dir=self._module.tmpdir)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.chmod(new, mode)
        self._module.atomic_move(new, str(path))

    def table_file_text(self, table: Table) -> str:
        return f"{_FILE_HEADER}{table.script()}"

    @property
    def keeps(self) -> bool:
        """Whether this host has a systemd to load the table at boot."""
        return bool(self._systemctl)

    @property
    def table_unit(self) -> systemd_units.BootUnit:
        return systemd_units.table_unit(self.nft)

    def is_loaded_at_boot(self, unit: systemd_units.BootUnit, name: str) -> bool:
        """Whether the unit is as it should be, enabled, and running if the host runs systemd."""
        if self.read(unit.file) != unit.text or not all(link.is_symlink() for link in unit.links(name)):
            return False
        return not self._booted or self._run(str(self._systemctl), "is-active", unit.instance(name))[0] == 0

    def load_at_boot(self, unit: systemd_units.BootUnit, name: str) -> None:
        self.write(unit.file, unit.text)
        systemctl = str(self._systemctl)
        # Without --root an instance that was enabled with other links before keeps those.
        self._must(systemctl, "--root=/", "reenable", unit.instance(name))
        if self._booted:
            self._must(systemctl, "daemon-reload")
            self._must(systemctl, "start", unit.instance(name))

    def forget(self, unit: systemd_units.BootUnit, name: str, file: Path) -> None:
        """Take it and its file out of the next boot."""
        self.disable(unit, name)
        file.unlink(missing_ok=True)
        if unit.file.exists() and not any(systemd_units.FILES.glob(f"*{file.suffix}")):
            unit.file.unlink()
            if self.keeps and self._booted:
                self._must(str(self._systemctl), "daemon-reload")
        if systemd_units.FILES.is_dir() and not any(systemd_units.FILES.iterdir()):
            systemd_units.FILES.rmdir()
            if not any(systemd_units.FILES.parent.iterdir()):
                systemd_units.FILES.parent.rmdir()

    def disable(self, unit: systemd_units.BootUnit, name: str) -> None:
        """Stop it, if it is enabled, and leave it out of the next boot."""
        if self.is_known_at_boot(unit, name):
            systemctl = str(self._systemctl)
            if self._booted:
                self._must(systemctl, "stop", unit.instance(name))
            self._must(systemctl, "--root=/", "disable", unit.instance(name))

    def is_known_at_boot(self, unit: systemd_units.BootUnit, name: str) -> bool:
        if not self.keeps or not unit.file.exists():
            return False
        return self._run(str(self._systemctl), "--root=/", "is-enabled", unit.instance(name))[0] == 0

    # What happens later

    def start_timer(self, unit: str, seconds: int, *command: str) -> None:
        """Have the command run once after that time, whatever happens to this process."""
        if not self._systemd_run or not self._booted:
            raise HostError(
                "confirm_timeout needs a systemd that runs on the host, to take the change back if nobody confirms it. "
                "Leave confirm_timeout out, or set it to 0"
            )
        timer = (f"--on-active={seconds}", "--timer-property=AccuracySec=100ms")
        self._must(self._systemd_run, "--quiet", "--collect", f"--unit={unit}", *timer, *command)

    def stop_timer(self, unit: str) -> None:
        # It is gone already if its time has come.
        self._run(str(self._systemctl), "stop", f"{unit}.timer")

    def run_script(self, path: Path) -> None:
        self._must("/bin/sh", str(path))

    def run_shell(self, script: str) -> None:
        """Raises HostError with what the first command that fails says."""
        # From a file: where it is long and fails early, what goes to its standard input would be an error of its own.
        with tempfile.NamedTemporaryFile("w", dir=self._module.tmpdir) as file:
            file.write(script)
            file.flush()
            rc, out, err = self._run("/bin/sh", "-e", file.name)
        if rc != 0:
            raise HostError(f"the openings cannot be made: {(err or out).strip() or f'exit status {rc}'}")

    @property
    def _booted(self) -> bool:
        """sd_booted(3)."""
        return os.path.isdir("/run/systemd/system")

    def _must(self, *command: str) -> str:
        rc, out, err = self._run(*command)
        if rc != 0:
            raise HostError(f"{' '.join(command)} failed: {(err or out).strip()}")
        return out

    def _run(self, *command: str) -> tuple[int, str, str]:
        result: tuple[int, str, str] = self._module.run_command(list(command), environ_update={"LC_ALL": "C"})
        return result
