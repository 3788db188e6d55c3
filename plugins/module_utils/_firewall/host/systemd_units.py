# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of systemd that put our rules in force at boot, and again after services that flush all rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.table import FAMILY
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_if_present, replace_text
from ansible_collections.inbound.mail.plugins.module_utils._host.systemd import UNITS, Systemctl, booted, unit_links

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule
    from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands

FILES = Path("/etc/inbound.mail/firewall")

# nftables.service of the distributions begins with 'flush ruleset' whenever it is started or reloaded, so whatever is
# done to it is done to this one after it. WantedBy covers a start of it by hand, after a stop that took this one along.
_TABLE = """\
# Written by Ansible (inbound.mail.firewall): a change here is overwritten.
[Unit]
Description=Mail flows (table {family} inbound_mail_%i)
Documentation=man:nft(8)
DefaultDependencies=no
RequiresMountsFor={files}
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={nft} -f {files}/%i.nft
ExecReload={nft} -f {files}/%i.nft
ExecStop=-{nft} delete table {family} inbound_mail_%i

[Install]
WantedBy={wanted_by}
"""

# The same for those who flush the tables of iptables, or make the chain that ours hangs in.
_OPENINGS = """\
# Written by Ansible (inbound.mail.firewall): a change here is overwritten.
[Unit]
Description=What iptables lets through of the mail flows inbound_mail_%i
Documentation=man:iptables(8)
After={others}
PartOf={others}
ReloadPropagatedFrom={others}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {files}/%i.openings
ExecReload=/bin/sh {files}/%i.openings

[Install]
WantedBy={wanted_by}
"""
_OTHERS = ("netfilter-persistent.service", "iptables.service", "ip6tables.service", "docker.service")

# The same beside firewalld, whose unit conflicts with iptables.service. Before 2.0 it flushes the tables of iptables
# when it is reloaded, of which systemd does not hear, and after systemd takes it for started, but before it answers.
# busctl says a word when it begins to listen, which counts like a reload: there may have been one just before.
_OPENINGS_BESIDE_FIREWALLD = """\
# Written by Ansible (inbound.mail.firewall): a change here is overwritten.
[Unit]
Description=What iptables lets through of the mail flows inbound_mail_%i, also after a reload of firewalld
Documentation=man:iptables(8) man:firewalld.dbus(5)
After={others}
PartOf={others}

[Service]
ExecStartPre=-firewall-cmd --state
ExecStartPre=-/bin/sh {files}/%i.openings
ExecStart=/bin/sh -c "busctl --json=short --match=\\"{reloaded}\\" monitor 2>&1 \\
    | while read -r said; do /bin/sh {files}/%i.openings; done"
Restart=always
RestartSec=1

[Install]
WantedBy={wanted_by}
"""
_RELOADED = "type='signal',interface='org.fedoraproject.FirewallD1',member='Reloaded'"
_OTHERS_BESIDE_FIREWALLD = ("firewalld.service", "docker.service")


@dataclass(frozen=True)
class BootUnit:
    """A template unit, with an instance for each of our tables. wanted_by: the units that start it."""

    file: Path
    text: str
    wanted_by: tuple[str, ...]

    def instance(self, name: str) -> str:
        return self.file.name.replace("@.", f"@{name}.")

    def links(self, name: str) -> list[Path]:
        """What systemctl enable makes."""
        return unit_links(self.instance(name), self.wanted_by)


def table_unit(nft: str) -> BootUnit:
    """Loads the table, before the network comes up. nft: its path."""
    wanted_by = ("sysinit.target", "nftables.service")
    text = _TABLE.format(nft=nft, files=FILES, family=FAMILY, wanted_by=" ".join(wanted_by))
    return BootUnit(UNITS / "inbound-mail-firewall@.service", text, wanted_by)


def openings_unit() -> BootUnit:
    """Makes openings in the tables of iptables."""
    wanted_by = ("multi-user.target", *_OTHERS)
    text = _OPENINGS.format(files=FILES, others=" ".join(_OTHERS), wanted_by=" ".join(wanted_by))
    return BootUnit(UNITS / "inbound-mail-openings@.service", text, wanted_by)


def openings_unit_beside_firewalld() -> BootUnit:
    """The same where firewalld is in charge."""
    others = " ".join(_OTHERS_BESIDE_FIREWALLD)
    text = _OPENINGS_BESIDE_FIREWALLD.format(files=FILES, reloaded=_RELOADED, others=others, wanted_by=others)
    return BootUnit(UNITS / "inbound-mail-openings-firewalld@.service", text, _OTHERS_BESIDE_FIREWALLD)


def table_file(name: str) -> Path:
    return FILES / f"{name}.nft"


def openings_file(name: str) -> Path:
    return FILES / f"{name}.openings"


class BootUnits:
    """Units of ours on the host, and the files that they load."""

    def __init__(self, module: AnsibleModule, commands: Commands) -> None:
        self._module = module
        self._systemctl = Systemctl(commands, offline=True)
        self.are_possible = self._systemctl.is_installed
        """Whether this host has a systemd that loads the table at boot."""

    def is_loaded(self, unit: BootUnit, name: str) -> bool:
        """Whether the unit is as it should be, enabled, and running if the host runs systemd."""
        if read_if_present(unit.file) != unit.text or not all(link.is_symlink() for link in unit.links(name)):
            return False
        return not booted() or self._systemctl.is_active(unit.instance(name))

    def is_enabled(self, unit: BootUnit, name: str) -> bool:
        return self.are_possible and unit.file.exists() and self._systemctl.is_enabled(unit.instance(name))

    def load(self, unit: BootUnit, name: str) -> None:
        """Have it loaded at boot, and now."""
        UNITS.mkdir(mode=0o755, parents=True, exist_ok=True)
        replace_text(self._module, unit.file, unit.text, 0o644)
        # Without --root an instance that was enabled with other links before keeps those.
        self._systemctl.change_enabled("reenable", unit.instance(name))
        if booted():
            self._systemctl.must("daemon-reload")
            self._systemctl.must("start", unit.instance(name))

    def disable(self, unit: BootUnit, name: str) -> None:
        """Stop it, if it is enabled, and leave it out of the next boot."""
        if self.is_enabled(unit, name):
            if booted():
                self._systemctl.must("stop", unit.instance(name))
            self._systemctl.change_enabled("disable", unit.instance(name))

    def remove(self, unit: BootUnit, name: str, file: Path) -> None:
        """Take it and its file out of the next boot; the last one takes the unit and the directory along."""
        self.disable(unit, name)
        file.unlink(missing_ok=True)
        if unit.file.exists() and not any(FILES.glob(f"*{file.suffix}")):
            unit.file.unlink()
            if self.are_possible and booted():
                self._systemctl.must("daemon-reload")
        if FILES.is_dir() and not any(FILES.iterdir()):
            FILES.rmdir()
            if not any(FILES.parent.iterdir()):
                FILES.parent.rmdir()
