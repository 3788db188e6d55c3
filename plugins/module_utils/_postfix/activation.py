# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a configuration live: written, taken over by a running Postfix, and taken back if that fails."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_text, remove_unfinished
from ansible_collections.inbound.mail.plugins.module_utils._host.transaction import FileChanges
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import PASSWORDS
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.tls import CERTIFICATE_SUFFIX
from ansible_collections.inbound.mail.plugins.module_utils._postfix.files import SETTLED, write_secret
from ansible_collections.inbound.mail.plugins.module_utils._validation import AS_ROOT, file_failure

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.host import PostfixHost


class Activation:
    """For one owner's configuration."""

    def __init__(self, host: PostfixHost, owner: str) -> None:
        self._host = host
        self._owner = owner

    def put_live(self, files: Mapping[str, str], tables: Mapping[str, str], self_signed: str) -> str:
        """Write it, let a running Postfix take it over, and go back if it cannot.

        Tables come before the main.cf that names them and go after it, so that at no time a setting names a table that
        is not there. Returns ``reloaded``, ``restarted`` or ``none``.
        """
        owner = self._owner
        former = {*self._host.read_tables(owner), *self._host.certificates(owner), self._host.asked_mark(owner).name}
        running = self._host.is_running()
        unit = self._unit() if running else ""
        listening = self._listening()
        with FileChanges(self._host.module) as changes:
            self._prepare(changes, files, tables, self_signed, former)
            try:
                changes.commit()
                done = self._take_over(unit, restart=self._listening() != listening) if running else "none"
            except (OSError, HostError) as failure:
                changes.take_back()
                if running:
                    # One that was not told anything yet may have started processes that read what is gone again.
                    self._take_over(unit, restart=isinstance(failure, HostError))
                self._remove_others(former)
                state = " and running" if running else ""
                raise HostError(f"{_reason(failure)}. The former configuration is back in place{state}") from failure
        self._remove_others({*tables, self_signed})
        return done

    def _prepare(
        self,
        changes: FileChanges,
        files: Mapping[str, str],
        tables: Mapping[str, str],
        self_signed: str,
        former: Collection[str],
    ) -> None:
        """Write everything new beside what is there. Raises HostError, with nothing changed."""
        mark = self._host.pending_mark(self._owner)
        # One of an earlier run that was killed still says that Postfix has to be told.
        kept = {*former, mark.name} if self._host.reload_is_pending(self._owner) else former
        try:
            self._make_table_directory()
            mark.touch()
            if self_signed and not self._host.has_certificate(self._owner, self_signed):
                self._make_certificate(self._host.table_directory(self._owner) / self_signed)
            self._stage(changes, files, tables)
        except (OSError, HostError) as failure:
            with suppress(OSError):
                self._remove_others(kept)
            remedy = f". {AS_ROOT}" if isinstance(failure, OSError) else ""
            raise HostError(f"{_reason(failure)}. Nothing was changed{remedy}") from failure

    def _make_table_directory(self) -> None:
        directory = self._host.table_directory(self._owner)
        for path in (directory.parent, directory):
            if os.path.lexists(path) and not path.is_dir():
                raise HostError(f"{path} is no directory and has to be one for the tables: move it away")
            path.mkdir(exist_ok=True)
            path.chmod(0o755)  # Whatever the umask is: not every process of Postfix that reads tables is root's.

    def _make_certificate(self, path: Path) -> None:
        """A key and a certificate signed by it, in one file that root alone can read; Postfix reads it as root."""
        fqdn = path.name.removesuffix(CERTIFICATE_SUFFIX)
        # X.520 allows a common name 64 characters; what clients look at is the alternative name (RFC 6125).
        common_name = fqdn if len(fqdn) <= 64 else fqdn.partition(".")[0]
        with tempfile.TemporaryDirectory(prefix="postfix-", dir=self._host.module.tmpdir) as folder:
            key, certificate = Path(folder, "key"), Path(folder, "certificate")
            words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "3650"]
            words += ["-subj", f"/CN={common_name}", "-addext", f"subjectAltName=DNS:{fqdn}"]
            try:
                self._host.commands.must("openssl", *words, "-keyout", str(key), "-out", str(certificate))
            except HostError as failure:
                raise HostError(f"No certificate could be made for TLS: {failure}") from failure
            write_secret(path, read_text(key) + read_text(certificate))

    def _remove_others(self, names: Collection[str]) -> None:
        """Remove the owner's files that are not of these names, and directories that are empty then."""
        directory = self._host.table_directory(self._owner)
        for path in self._host.owned_files(self._owner):
            if path.name not in names:
                path.unlink()
        for path in (directory, directory.parent):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()

    def _stage(self, changes: FileChanges, files: Mapping[str, str], tables: Mapping[str, str]) -> None:
        """What is so already stays untouched."""
        directory, there = self._host.table_directory(self._owner), self._host.read_tables(self._owner)
        for name, text in tables.items():
            if name == PASSWORDS and (text != there.get(name) or self._host.is_exposed(self._owner)):
                changes.stage_own(directory / name, text, 0o600, SETTLED)
            elif text != there.get(name):
                changes.stage_own(directory / name, text, 0o644, SETTLED)
        now = self._host.read_files()
        for name, text in files.items():
            path = self._host.config_directory / name
            remove_unfinished(Path(os.path.realpath(path)))
            if text != now[name]:
                changes.stage(path, text, age=SETTLED)

    def _listening(self) -> tuple[str, str]:
        """Sockets are opened at the start only (postconf(5), inet_interfaces)."""
        return self._host.value("inet_interfaces"), self._host.value("inet_protocols")

    def _unit(self) -> str:
        """The systemd unit that the running master belongs to; nothing if it was not started by systemd.

        It is not always postfix.service: on Debian 12 that one only stands for postfix@-.service, and restarting it
        returns before anything has been restarted.
        """
        pid = read_text(Path(self._host.value("queue_directory"), "pid", "master.pid")).split()[0]
        lines = read_text(Path("/proc", pid, "cgroup")).splitlines()
        units = [line.rpartition("/")[2] for line in lines if line.endswith(".service")]
        return next((unit for unit in units if unit.startswith("postfix")), "")

    def _take_over(self, unit: str, restart: bool) -> str:
        directory = str(self._host.config_directory)
        if not restart:
            self._host.commands.must("postfix", "-c", directory, "reload")
        elif unit:
            # systemd refuses to start what was started often within a short time (systemd.unit(5), StartLimitBurst=),
            # and Postfix has been stopped by then.
            self._host.commands.run("systemctl", "reset-failed", unit)
            self._host.commands.must("systemctl", "restart", unit)
        else:
            if self._host.is_running():
                self._host.commands.must("postfix", "-c", directory, "stop")
            self._host.commands.must("postfix", "-c", directory, "start")
        if not self._host.is_running():
            raise HostError("Postfix stopped when it was given the new configuration; its mail log says why")
        return "restarted" if restart else "reloaded"


def _reason(failure: OSError | HostError) -> str:
    return file_failure(failure) if isinstance(failure, OSError) else str(failure)
