# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's Postfix: where it is, what it has, and what it says of itself."""

from __future__ import annotations

import fcntl
import hashlib
import os
import ssl
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands, HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.files import (
    read_configuration,
    read_if_present,
    read_text,
    write_private,
)
from ansible_collections.inbound.mail.plugins.module_utils._host.scanner import MilterClient
from ansible_collections.inbound.mail.plugins.module_utils._host.systemd import Systemctl
from ansible_collections.inbound.mail.plugins.module_utils._postfix import validation
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    OVERWRITTEN,
    PASSWORDS,
    TABLE_DIRECTORY,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.tls import CERTIFICATE_SUFFIX
from ansible_collections.inbound.mail.plugins.module_utils._validation import AS_ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible.module_utils.basic import AnsibleModule

CONFIGURATION_FILES = ("main.cf", "master.cf")


class PostfixHost:
    """Postfix on this host, reached through its own commands."""

    def __init__(self, module: AnsibleModule, config_directory: str) -> None:
        self.module = module
        self.commands = Commands(module)
        self.config_directory = Path(config_directory)
        self._postconf = self.commands.path("postconf")

    @property
    def installed(self) -> bool:
        return bool(self._postconf) and self.main_cf.is_file()

    @property
    def is_without_configuration(self) -> bool:
        """Whether the programs are there and main.cf is not, as Debian's package can be installed."""
        return bool(self._postconf) and not self.main_cf.is_file()

    @property
    def main_cf(self) -> Path:
        return self.config_directory / "main.cf"

    def table_directory(self, owner: str) -> Path:
        return self.config_directory / TABLE_DIRECTORY / owner

    def pending_mark(self, owner: str) -> Path:
        """Lies there from before the first write until Postfix has taken the configuration over."""
        return self.table_directory(owner) / "reload-pending"

    def asked_mark(self, owner: str) -> Path:
        """Holds the fingerprint of the main.cf and master.cf that a second Postfix was last asked with."""
        return self.table_directory(owner) / "asked"

    def was_asked(self, owner: str, files: Mapping[str, str]) -> bool:
        """Whether nothing in the two files has changed since then, by any hand."""
        return read_if_present(self.asked_mark(owner)) == _fingerprint(files)

    def note_asked(self, owner: str, files: Mapping[str, str]) -> None:
        # Without it, the next run asks once more.
        with suppress(OSError):
            write_private(self.asked_mark(owner), _fingerprint(files))

    def read_files(self) -> dict[str, str]:
        """File of CONFIGURATION_FILES -> its text, empty where there is none. Raises OSError, HostError."""
        return {name: read_configuration(self.config_directory / name) or "" for name in CONFIGURATION_FILES}

    def read_tables(self, owner: str) -> dict[str, str]:
        """Table name -> text. What is no file any more, or no text of ours, is not there and so written again."""
        no_tables = {self.pending_mark(owner).name, self.asked_mark(owner).name, *self.certificates(owner)}
        return {
            path.name: read_text(path)
            for path in self.owned_files(owner)
            # With a dot: what a run that was killed has left, which may be secret.
            if path.name not in no_tables and not path.name.startswith(".") and path.is_file() and not path.is_symlink()
        }

    def owned_files(self, owner: str) -> list[Path]:
        directory = self.table_directory(owner)
        # A directory in there is not ours.
        return sorted(path for path in directory.iterdir() if not path.is_dir()) if directory.is_dir() else []

    def certificates(self, owner: str) -> set[str]:
        return {path.name for path in self.owned_files(owner) if path.suffix == CERTIFICATE_SUFFIX}

    def has_certificate(self, owner: str, name: str) -> bool:
        """Whether the file is there and holds a key and its certificate, which a full disk or a crash may have cut."""
        path = self.table_directory(owner) / name
        if not path.is_file():
            return False
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
        except PermissionError:
            return True  # In check mode, by another user than root.
        except (OSError, ValueError):
            return False
        return True

    def is_exposed(self, owner: str) -> bool:
        """Whether users other than root can read the passwords."""
        return any(path.name == PASSWORDS and path.lstat().st_mode & 0o077 for path in self.owned_files(owner))

    def reload_is_pending(self, owner: str) -> bool:
        return self.pending_mark(owner).is_file()

    def is_running(self) -> bool:
        """Whether the master has its lock, which ends with it however it ends.

        ``master -t`` asks the same, and fails for anything that is wrong with the configuration too. Raises HostError
        if the lock cannot be looked at.
        """
        path = os.path.join(self.value("queue_directory"), "pid", "master.pid")
        try:
            with open(path, encoding="ascii") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        except OSError as failure:
            what = f"Whether Postfix runs is not to be seen: {path}: {failure.strerror}"
            raise HostError(f"{what}. {AS_ROOT}") from failure
        return False

    def known_settings(self) -> set[str] | None:
        """The parameters that this Postfix has; None if it is not installed."""
        if not self.installed:
            return None
        return {line.partition(" = ")[0].rstrip(" =") for line in self.commands.run("postconf", "-d").out.splitlines()}

    def is_enabled(self) -> bool:
        """Whether systemd starts it at boot; False where there is no systemd to ask."""
        systemctl = Systemctl(self.commands)
        return systemctl.is_installed and systemctl.is_enabled("postfix")

    def value(self, name: str, config_directory: Path | None = None) -> str:
        """What a parameter amounts to in that configuration, everything expanded. Raises HostError."""
        return self.commands.must("postconf", "-c", str(config_directory or self.config_directory), "-hx", name).strip()

    def smtpd(self) -> MilterClient:
        """The SMTP server on port 25, as it asks milters."""
        services = self.commands.run("postconf", "-c", str(self.config_directory), "-M").out
        root = self.value("queue_directory") if validation.is_chrooted(services) else "/"
        return MilterClient(root, self.value("mail_owner"))


def _fingerprint(files: Mapping[str, str]) -> str:
    text = "\0".join(files[name] for name in CONFIGURATION_FILES)
    return f"{OVERWRITTEN}{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}\n"
