# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's rspamd and clamd: what they have, what rspamd says of a configuration, and putting one live."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands, HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.files import (
    read_configuration,
    read_text,
    replace_text,
)
from ansible_collections.inbound.mail.plugins.module_utils._host.scanner import unreachable
from ansible_collections.inbound.mail.plugins.module_utils._host.systemd import Systemctl
from ansible_collections.inbound.mail.plugins.module_utils._host.transaction import FileChanges
from ansible_collections.inbound.mail.plugins.module_utils._scanner import MILTER, RSPAMD_PROXY
from ansible_collections.inbound.mail.plugins.module_utils._validation import AS_ROOT, file_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible.module_utils.basic import AnsibleModule

_UNIT = "rspamd"
_CLAMD_UNIT = "clamav-daemon"
# Seconds in which a reloaded rspamd has workers again.
_PATIENCE = 60


@dataclass(frozen=True)
class Files:
    """``local``: rspamd.conf.local; ``ours``: the file that it includes. None where there is no such file."""

    local: str | None
    ours: str | None


class RspamdHost:
    """rspamd on this host, reached through its own commands and systemd's."""

    def __init__(self, module: AnsibleModule, config_directory: str) -> None:
        self._module = module
        self.config_directory = Path(config_directory)
        self._commands = Commands(module)
        self._systemctl = Systemctl(self._commands)

    @property
    def installed(self) -> bool:
        return bool(self._commands.path("rspamadm")) and (self.config_directory / "rspamd.conf").is_file()

    @property
    def local(self) -> Path:
        return self.config_directory / "rspamd.conf.local"

    def ours(self, owner: str) -> Path:
        return self.config_directory / "inbound_mail" / f"{owner}.conf"

    def _pending(self, owner: str) -> Path:
        """Lies there from before the first write until rspamd has taken the configuration over."""
        return self.ours(owner).with_suffix(".pending")

    def read(self, owner: str) -> Files:
        ours = self.ours(owner)
        # What is no file any more is written again.
        is_file = ours.is_file() and not ours.is_symlink()
        return Files(read_configuration(self.local), read_text(ours) if is_file else None)

    def reload_is_pending(self, owner: str) -> bool:
        return self._pending(owner).exists()

    def is_in_service(self) -> bool:
        """Whether it runs, and will after a reboot."""
        return self._systemctl.is_active(_UNIT) and self._systemctl.is_enabled(_UNIT)

    def put_in_service(self) -> None:
        self._systemctl.must("enable", "--now", _UNIT)
        self._await_milter()

    def refusal(self, owner: str, files: Files) -> str:
        """Why rspamd does not take such files, tried on a copy; nothing if it does."""
        with self._copy() as copy:
            trial = RspamdHost(self._module, str(copy))
            trial._write_all(owner, files)
            variables = [f"--var={name}={copy}" for name in ("CONFDIR", "LOCAL_CONFDIR")]
            output = self._commands.run("rspamadm", *variables, "configtest", "--config", str(copy / "rspamd.conf"))
            said = (output.out + output.err).replace(f"{copy}/", "").splitlines()
        if output.ok:
            return ""
        reasons = [line for line in said if line.startswith(("failed to load config", "configuration error"))]
        return "; ".join(reasons) or "; ".join(said[-3:])

    @contextmanager
    def _copy(self) -> Iterator[Path]:
        copy = Path(tempfile.mkdtemp(prefix="rspamd-", dir=self._module.tmpdir))
        try:
            for path in self.config_directory.iterdir():
                if path.is_dir():
                    shutil.copytree(path, copy / path.name, ignore=_no_files, ignore_dangling_symlinks=True)
                elif path.is_file():
                    shutil.copy(path, copy)
            yield copy
        finally:
            shutil.rmtree(copy)

    def put_live(self, owner: str, files: Files) -> None:
        """Write it, let a running rspamd take it over, and go back if it cannot."""
        with FileChanges(self._module) as changes:
            self._prepare(changes, owner, files)
            try:
                changes.commit()
                if self._systemctl.is_active(_UNIT):
                    self._systemctl.must("reload", _UNIT)
                    self._await_milter()
            except (OSError, HostError) as failure:
                changes.take_back()
                self._systemctl.run("restart", _UNIT)
                self._tidy(owner)
                reason = file_failure(failure) if isinstance(failure, OSError) else failure
                raise HostError(f"{reason}. The former configuration is back in place") from failure
        self._tidy(owner)

    def _prepare(self, changes: FileChanges, owner: str, files: Files) -> None:
        """Write everything new beside what is there. Raises HostError, with nothing changed.

        A file of ours is there for as long as rspamd.conf.local names it.
        """
        was_pending = self.reload_is_pending(owner)
        try:
            _make(self._pending(owner).parent)
            self._pending(owner).touch()
            if files.ours is not None:
                changes.stage_own(self.ours(owner), files.ours, 0o644)
            if files.local is None:
                changes.stage_removal(self.local)
            else:
                changes.stage(self.local, files.local)
            if files.ours is None:
                changes.stage_removal(self.ours(owner))
        except OSError as failure:
            with suppress(OSError):
                self._tidy(owner, keep_mark=was_pending)
            raise HostError(f"{file_failure(failure)}. Nothing was changed. {AS_ROOT}") from failure

    def _write_all(self, owner: str, files: Files) -> None:
        """A file of ours is there for as long as rspamd.conf.local names it."""
        if files.ours is not None:
            self._write(self.ours(owner), files.ours)
        self._write(self.local, files.local)
        if files.ours is None:
            self._write(self.ours(owner), None)

    def _write(self, path: Path, text: str | None) -> None:
        """In one step; an existing file keeps its owner and mode."""
        if text is None:
            path.unlink(missing_ok=True)
            return
        _make(path.parent)
        replace_text(self._module, path, text, 0o644)

    def _tidy(self, owner: str, *, keep_mark: bool = False) -> None:
        if not keep_mark:
            self._pending(owner).unlink(missing_ok=True)
        directory = self._pending(owner).parent
        if not any(directory.iterdir()):
            directory.rmdir()

    def _await_milter(self) -> None:
        reason = _await(lambda: unreachable(RSPAMD_PROXY, MILTER), _PATIENCE)
        if reason:
            raise HostError(
                f"rspamd takes no mail at {RSPAMD_PROXY}: {reason}. Its log says why; its proxy worker has to listen "
                "there (worker-proxy.inc)"
            )

    def start_clamd(self, path: str, timeout: int) -> None:
        """Start it, and wait until it answers: right after the installation it has to download its signatures."""

        def reason() -> str:
            found = clamd_unreachable(path)
            if found:
                # Its unit gives up, without an error, while there is no signature.
                self._systemctl.run("start", _CLAMD_UNIT)
                found = clamd_unreachable(path)
            return found

        found = _await(reason, timeout)
        if found:
            raise HostError(
                f"ClamAV does not answer at {path}: {found}. If it was installed just now it may still download its "
                "signatures (journalctl -u clamav-freshclam); see also systemctl status clamav-daemon. Nothing was "
                "changed; run this again then"
            )


def clamd_unreachable(path: str) -> str:
    """Why clamd does not answer its command PING (clamd(8)), or nothing."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(path)
            connection.sendall(b"zPING\0")
            return "" if connection.recv(16).startswith(b"PONG") else "what answers there is no clamd"
    except OSError as error:
        return error.strerror or str(error)


def _await(reason: Callable[[], str], seconds: int) -> str:
    """Ask until there is no reason any more, or the time is over; returns the last one."""
    deadline = time.monotonic() + seconds
    while True:
        found = reason()
        if not found or time.monotonic() >= deadline:
            return found
        time.sleep(0.2)


def _make(directory: Path) -> None:
    if os.path.lexists(directory) and not directory.is_dir():
        raise HostError(f"{directory} is no directory and has to be one: move it away")
    if not directory.is_dir():
        directory.mkdir()
        # Whatever the umask is: rspamd reads what is in it as a user of its own.
        directory.chmod(0o755)


def _no_files(folder: str, names: list[str]) -> list[str]:
    """Sockets, FIFOs and devices, which cannot be copied and configure nothing."""
    paths = {name: Path(folder, name) for name in names}
    return [name for name, path in paths.items() if path.exists() and not (path.is_file() or path.is_dir())]
