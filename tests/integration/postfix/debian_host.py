# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian with a Postfix that others have set up."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.inbound.mail.tests.integration.mail_root import MailRoot, entered
from debian_lab import layers, overlay

RELAY, RELAY6, SERVER = "203.0.113.17", "2001:db8:113::17", "192.0.2.1"
# The address that a stranger has in the trial.
STRANGER = "192.0.43.201"

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
    """machine: its root folder and namespaces."""

    machine: MailRoot

    @property
    def root(self) -> Path:
        return self.machine.path

    def run(self, *words: str) -> str:
        """What a program there prints."""
        return self.machine.run(*words).stdout

    def module(self, check_mode: bool = False, **params: Any) -> dict[str, Any]:
        """The result of inbound.mail.postfix."""
        return self.machine.module("postfix", check_mode=check_mode, **params).answer

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
    with overlay(layers(release, ["postfix", *packages]), folder) as root, entered(root) as machine:
        for address in (f"{RELAY}/24", f"{RELAY6}/64", f"{SERVER}/24"):
            machine.run("ip", "address", "add", address, "dev", "lo")
        machine.run("ip", "route", "add", "local", STRANGER, "dev", "lo")
        yield DebianHost(machine)
