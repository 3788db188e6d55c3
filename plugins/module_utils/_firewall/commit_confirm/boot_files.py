# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the next boot reads, saved while a confirmation writes it: so that one that is cut off leaves no half of it."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm import lock
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import sysctls, systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.systemd import booted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.firewall_host import FirewallHost

# Of firewall managers that keep our openings among their own files.
_UFW = (Path("/etc/ufw/before.rules"), Path("/etc/ufw/before6.rules"))
_FIREWALLD = Path("/etc/firewalld/policies")
_OURS = "inbound-*"
# Seconds to wait for a confirmation of another table.
_PATIENCE = 10.0


@contextmanager
def written_alone(folder: Path, own: str) -> Iterator[None]:
    """Tables share files of the next boot, so one run at a time writes them. Raises HostError if another one does.

    folder: of all changes; own: with what the names of this table's begin.
    """
    with lock.locked(lock.BOOT_FILES_LOCK, "writing what the next boot loads", _PATIENCE):
        cut_off = sorted(saved.parent.name for saved in folder.glob("*/boot") if not saved.parent.name.startswith(own))
        if cut_off:
            raise HostError(
                f"a run that was to confirm {cut_off[0].replace('-', ', change ')}, was cut off while it wrote what "
                "the next boot loads. The host restores that when the change's time is over. Run the task again then"
            )
        yield


def save(host: FirewallHost, name: str, folder: Path) -> None:
    """Save them in the folder, which is not there yet, with a script that restores them."""
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    unit = systemd_units.table_unit(host.nft.path)
    units = (unit, systemd_units.openings_unit(), systemd_units.openings_unit_beside_firewalld())
    policies = sorted(_FIREWALLD.glob(_OURS))
    files = [
        sysctls.SYSCTL_FILE,
        systemd_units.table_file(name),
        systemd_units.openings_file(name),
        *(one.file for one in units),
        *_UFW,
        *policies,
    ]
    lines = [
        "#!/bin/sh",
        "# The folder is the argument. What has not changed is not written.",
        'cd "$1" || exit 1',
        "failed=",
    ]
    for number, file in enumerate(files):
        lines += _file(Path(os.path.realpath(file)), unfinished, number)
    for link in (link for one in units for link in one.links(name)):
        lines += _link(link)
    kept = "|".join(quote(str(policy)) for policy in policies)
    lines.append(f"for policy in {_FIREWALLD}/{_OURS}; do case $policy in")
    lines += [f"{kept}) ;;"] if kept else []
    lines += ['*) rm -f "$policy" ;;', "esac; done"]
    lines.append(f"rmdir {systemd_units.FILES} {systemd_units.FILES.parent} 2>/dev/null")
    if booted():
        lines.append("systemctl daemon-reload")
        if all(link.is_symlink() for link in unit.links(name)):
            lines.append(f"systemctl start {unit.instance(name)}")
    lines.append('test -z "$failed"')
    (unfinished / "restore").write_text("".join(f"{line}\n" for line in lines))
    unfinished.rename(folder)


def restore(host: FirewallHost, folder: Path) -> None:
    """Raises HostError if not all of it can be restored."""
    host.commands.must("/bin/sh", str(folder / "restore"), str(folder))
    shutil.rmtree(folder)


def _file(file: Path, folder: Path, number: int) -> list[str]:
    place = quote(str(file))
    if not file.is_file():
        return [f"rm -f {place}"]
    saved = folder / str(number)
    shutil.copy2(file, saved)
    about = file.stat()
    os.chown(saved, about.st_uid, about.st_gid)
    new = quote(f"{file}.restored")
    copied = f"mkdir -p {quote(str(file.parent))} && cp -p {number} {new} && mv -f {new} {place}"
    return [f"cmp -s {number} {place} || {{ {copied}; }} || {{ rm -f {new}; failed=yes; }}"]


def _link(link: Path) -> list[str]:
    place = quote(str(link))
    if not link.is_symlink():
        return [f"rm -f {place}"]
    target = quote(os.readlink(link))
    return [
        f'test "$(readlink {place})" = {target} || '
        f"{{ mkdir -p {quote(str(link.parent))} && ln -sfn {target} {place}; }} || failed=yes"
    ]
