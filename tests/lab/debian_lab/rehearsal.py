# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scenario from beginning to end: check, site, what must hold, site again, verify, a reboot, what must hold."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from collections.abc import Callable
from email import message_from_string
from pathlib import Path

from debian_lab.lab import Lab
from debian_lab.machine import LabError

SITE = "inbound.mail.site"
VERIFY = "inbound.mail.verify"

# What changes on a Debian by itself, or by being asked.
_RESTLESS = (
    "root/.ansible",
    "run",
    "tmp",
    "var/cache",
    "var/lib/postfix",
    "var/lib/systemd",
    "var/log",
    "var/spool/postfix/pid",
    "var/tmp",
)
_RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


def rehearse(folder: Path, release: str, venv: str, verbose: bool) -> None:
    """Do it all. LabError at the first thing that does not hold; the lab is gone afterwards in any case."""
    began = time.monotonic()
    _say(f"{folder}: Debian {release}, {venv}")
    step = _step("boot")
    with Lab.up(folder, release, venv) as lab:
        step()
        if lab.scenario.inventory is not None:
            _check_changes_nothing(lab, verbose)
            _play(lab, verbose, SITE)
        _hold(lab)
        if lab.scenario.inventory is not None:
            _second_run_changes_nothing(lab, verbose)
            _play(lab, verbose, VERIFY)
            managed = lab.managed_hosts()
            step = _step(f"reboot {' '.join(managed)}")
            lab.reboot(*managed)
            step()
            _hold(lab)
        step = _step("take down")
    step()
    _say(f"{folder}: all holds, {time.monotonic() - began:.0f} s")


def demonstrate(folder: Path, release: str, venv: str) -> None:
    """The main job to look at: the plan's table, site, verify's table, and the way that a message took."""
    with Lab.up(folder, release, venv) as lab:
        for playbook in ("inbound.mail.plan", SITE, VERIFY):
            _say(f"\n$ ansible-playbook {playbook} -i {folder / 'inventory.yml'}")
            lab.playbook(playbook, stdout=None)
        _say("\nAsked with other programs:")
        _hold(lab)
        for server in sorted(lab.inventory_hosts("mail_servers")):
            _say(f"\nThe way of the last message in the mailbox on {server}, from its Received fields:")
            for hop in received(lab.run(server, "cat /var/mail/root").stdout):
                _say(f"  {hop}")


def received(mailbox: str) -> list[str]:
    """The Received fields of a mailbox's last message, unfolded, the first hop first (RFC 5321, section 4.4)."""
    messages = re.split(r"^From .*\n", mailbox, flags=re.MULTILINE)
    fields = message_from_string(messages[-1]).get_all("Received", [])
    return [" ".join(field.split()) for field in reversed(fields)]


def recap(output: str) -> dict[str, int]:
    """How many changes ansible-playbook counted on each host, out of its PLAY RECAP."""
    return {host: int(changed) for host, changed, _unreachable, _failed in _RECAP.findall(output)}


def _say(text: str) -> None:
    print(text, flush=True)


def _step(name: str) -> Callable[[], None]:
    began = time.monotonic()
    return lambda: _say(f"  ok {time.monotonic() - began:6.1f} s  {name}")


def _play(lab: Lab, verbose: bool, *arguments: str) -> str:
    step = _step(" ".join(arguments))
    output = lab.playbook(*arguments).stdout
    if verbose:
        _say(output)
    if not recap(output):
        raise LabError(f"{output}\n{' '.join(arguments)} ended well, but no host took part")
    step()
    return output


def _hold(lab: Lab) -> None:
    if not lab.scenario.hold:
        raise LabError(f"{lab.scenario.folder / 'lab.yml'} says nothing that must hold")
    step = _step(f"all {len(lab.scenario.hold)} hold")
    lab.hold(report=lambda item: _say(f"    holds: {item.name}"))
    step()


def _check_changes_nothing(lab: Lab, verbose: bool) -> None:
    before = {host: state(lab, host) for host in lab.scenario.hosts}
    output = _play(lab, verbose, SITE, "--check", "--diff")
    for host in lab.scenario.hosts:
        after = state(lab, host)
        paths = before[host].keys() | after.keys()
        different = sorted(path for path in paths if before[host].get(path) != after.get(path))
        if different:
            raise LabError(f"{output}\n{SITE} --check changed these on {host}: {', '.join(different)}")


def _second_run_changes_nothing(lab: Lab, verbose: bool) -> None:
    output = _play(lab, verbose, SITE)
    changed = {host: count for host, count in recap(output).items() if count}
    if changed:
        counts = ", ".join(f"{host}: changed={count}" for host, count in changed.items())
        raise LabError(f"{output}\nthe second run of {SITE} changed something; {counts}")


def state(lab: Lab, host: str) -> dict[str, str]:
    """What could be told from outside if something had changed a host: its own files, its rules, its forwarding."""
    found = {}
    top = lab.changes(host)
    for folder, folders, files in os.walk(top):
        inside = Path(folder).relative_to(top)
        folders[:] = [name for name in folders if str(inside / name) not in _RESTLESS]
        for name in files:
            found[f"/{inside / name}"] = _fingerprint(Path(folder) / name)
    commands = {
        "ruleset": "command -v nft >/dev/null || exit 0; nft --stateless list ruleset",
        "forwarding": "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/*/forwarding",
    }
    return found | {what: lab.run(host, script).stdout for what, script in commands.items()}


def _fingerprint(path: Path) -> str:
    info = path.lstat()
    if stat.S_ISLNK(info.st_mode):
        content = os.readlink(path)
    elif stat.S_ISREG(info.st_mode):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    else:
        content = ""  # a removed file is a device in the upper folder of an overlay
    return f"{info.st_mode:o} {info.st_uid} {info.st_gid} {content}"
