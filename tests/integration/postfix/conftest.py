# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian with a Postfix that others have set up: a root folder of its own, in a network namespace of its own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible
import pytest
from debian_lab import RELEASES, layers, overlay

COLLECTION = Path(__file__).resolve().parents[3]
RELAY, RELAY6, SERVER = "203.0.113.17", "2001:db8:113::17", "192.0.2.1"
# The address that a stranger has in the trial.
STRANGER = "192.0.43.201"

MODULE = """
import sys
from ansible_collections.inbound.mail.plugins.modules import postfix
postfix.main()
"""

# Prints the code of the reply to each RCPT, with a client that has that address.
RCPT = """
import smtplib, sys
client, server, *recipients = sys.argv[1:]
for recipient in recipients:
    with smtplib.SMTP(server, 25, timeout=20, source_address=(client, 0)) as smtp:
        smtp.ehlo("client.example.com")
        smtp.mail("root@example.com")
        print(smtp.rcpt(recipient)[0])
"""


@dataclass(frozen=True)
class DebianHost:
    """root: its root folder; namespace: its network."""

    root: Path
    namespace: str

    def run(self, *words: str, data: str = "", check: bool = True) -> str:
        """What a program there prints."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "PYTHONPATH": "/opt/ansible"}
        inside = ["ip", "netns", "exec", self.namespace, "chroot", str(self.root), *words]
        done = subprocess.run(inside, input=data, capture_output=True, text=True, env=environment, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def module(self, check_mode: bool = False, **params: Any) -> dict[str, Any]:
        """The result of inbound.mail.postfix."""
        arguments = {"ANSIBLE_MODULE_ARGS": {**params, "_ansible_check_mode": check_mode, "_ansible_diff": True}}
        out = self.run("python3", "-c", MODULE, data=json.dumps(arguments), check=False)
        result: dict[str, Any] = json.loads(out.splitlines()[-1])
        return result

    def text(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def write(self, path: str, text: str) -> None:
        (self.root / path.lstrip("/")).write_text(text)

    def configure(self, **settings: str) -> None:
        self.run("postconf", "-e", *(f"{name}={value}" for name, value in settings.items()))

    def start(self) -> None:
        self.run("postfix", "start")

    def rcpt(self, client: str, *recipients: str, server: str = RELAY) -> list[int]:
        """The code of the reply to each RCPT."""
        return [int(line) for line in self.run("python3", "-c", RCPT, client, server, *recipients).split()]


@contextlib.contextmanager
def debian_host(release: str, folder: Path, *packages: str) -> Iterator[DebianHost]:
    """With Postfix as the package leaves it, and the addresses RELAY, RELAY6 and SERVER."""
    namespace = f"postfix-{secrets.token_hex(4)}"
    with contextlib.ExitStack() as stack:
        root = stack.enter_context(overlay(layers(release, ["postfix", *packages]), folder))
        host = DebianHost(root, namespace)

        def mount(*words: str) -> None:
            subprocess.run(["mount", *words], check=True)
            stack.callback(subprocess.run, ["umount", "--lazy", words[-1]], check=True)

        mount("-t", "tmpfs", "tmpfs", str(root / "dev"))
        mount("-t", "proc", "proc", str(root / "proc"))
        for name, minor in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
            os.mknod(root / "dev" / name, 0o20666, os.makedev(1, minor))
            (root / "dev" / name).chmod(0o666)
        sources = {
            "ansible": Path(ansible.__file__).parent,
            "ansible_collections/inbound/mail/plugins": COLLECTION / "plugins",
        }
        for name, source in sources.items():
            target = root / "opt/ansible" / name
            target.mkdir(parents=True)
            mount("--bind", "-o", "ro", str(source), str(target))
        subprocess.run(["ip", "netns", "add", namespace], check=True)
        stack.callback(subprocess.run, ["ip", "netns", "delete", namespace], check=True)
        lines = ["link set lo up"]
        lines += [f"address add {address} dev lo" for address in (f"{RELAY}/24", f"{RELAY6}/64", f"{SERVER}/24")]
        lines.append(f"route add local {STRANGER} dev lo")
        subprocess.run(["ip", "-n", namespace, "-batch", "-"], input="\n".join(lines), text=True, check=True)
        try:
            yield host
        finally:
            host.run("postfix", "stop", check=False)


@pytest.fixture(params=RELEASES)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DebianHost]:
    with debian_host(request.param, tmp_path) as found:
        yield found
