# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second Postfix of this host, with another configuration: it starts, is asked, and is gone with its namespaces.

It has the paths that the first one has. In its mount namespace an empty queue, an empty data directory and the other
configuration lie over them; in its network namespace are the host's addresses and no way out. Without a queue manager
it delivers nothing. What Postfix says to syslog there is read here and reaches no log of the host.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_if_present, write_text
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config import main_cf, master_cf
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    PASSWORDS,
    TABLE_DIRECTORY,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.isolation import (
    IsolationError,
    mount_memory,
    mount_over,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands

# What decides nothing that is asked, and would need the network, wait, or write outside of the namespaces. Caches of
# the first Postfix can lie anywhere, and other instances are not to be touched by `postfix check`.
_OTHERWISE = {
    "address_verify_map": "",
    "address_verify_poll_count": "1",
    "in_flow_delay": "0",  # It waits for the queue manager.
    "maillog_file": "",
    "multi_instance_directories": "",
    "non_smtpd_milters": "",
    "postscreen_cache_map": "",
    "postscreen_greet_wait": "1s",
    "smtp_tls_session_cache_database": "",
    "smtpd_client_connection_rate_limit": "0",
    "smtpd_client_message_rate_limit": "0",
    "smtpd_client_recipient_rate_limit": "0",
    "smtpd_error_sleep_time": "0",
    "smtpd_hard_error_limit": "100000",
    "smtpd_junk_command_limit": "100000",
    "smtpd_milters": "",
    "smtpd_peername_lookup": "no",
    "smtpd_policy_service_retry_delay": "1s",
    "smtpd_policy_service_timeout": "5s",
    "smtpd_policy_service_try_limit": "1",
    "smtpd_proxy_filter": "",
    "smtpd_soft_error_limit": "100000",
    "smtpd_tls_security_level": "may",  # The questions are asked in cleartext, whoever has to encrypt.
    "smtpd_tls_session_cache_database": "",
    "soft_bounce": "no",
    # Without DNS every name is unknown.
    "unknown_address_reject_code": "450",
    "unknown_client_reject_code": "450",
    "unknown_hostname_reject_code": "450",
    "tls_random_exchange_name": "${data_directory}/prng_exch",
}
# No owner on a host can be called that.
_OWNER = "second-instance"
# Nothing is taken out of a queue, or handed in from a directory.
_LEFT_OUT = ("pickup/unix", "pickup/fifo", "qmgr/unix", "qmgr/fifo")
_QUEUES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop", "pid", "private"),
    *("public", "saved", "trace"),
)
_SOCKETS = ("private", "public")
_SYSLOG = "/dev/log"
_COMPLAINT = re.compile(r"(?:fatal: |panic: |error: (?=open ))(.*)")
# Larger files are mounted where they lie.
_COPY_AT_MOST = 1 << 20
_SIZE = "256m"
# Postfix takes a table that has just been written for half written.
_SETTLED = 10


class HostAddress(NamedTuple):
    """An address of the host, and how much of it is the prefix of its network."""

    address: str
    prefix: int


@dataclass(frozen=True)
class Place:
    """Where the first Postfix lies, and what the host has.

    addresses: those that other hosts can reach. has_ipv6: whether the kernel speaks it. folder: an empty directory for
    the mount of everything that is written.
    """

    config_directory: Path
    queue_directory: Path
    data_directory: Path
    master: str
    commands: Commands
    addresses: tuple[HostAddress, ...]
    has_ipv6: bool
    folder: Path


@dataclass(frozen=True)
class Texts:
    """A configuration as files. others: names of the owner's files that stay as they are."""

    main_cf: str
    master_cf: str
    owner: str
    tables: Mapping[str, str]
    others: frozenset[str] = frozenset()


class SecondPostfix:
    """To be used within `isolation.isolated` only."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._log: list[str] = []

    @property
    def resolver(self) -> str:
        return str(self._place.queue_directory / "private" / "rewrite")

    def start(self, texts: Texts) -> None:
        """Raises NotStartedError with what Postfix says, IsolationError where the host does not allow what it needs."""
        try:
            self._set_up(texts)
        except OSError as error:
            raise IsolationError(str(error)) from error
        place = self._place
        # It makes the directories of a queue that never was in use.
        place.commands.run("postfix", "-c", str(place.config_directory), "check")
        started = place.commands.run(place.master, "-c", str(place.config_directory), "-w")
        if not started.ok:
            raise NotStartedError(self.complaints() or started.message or "it does not say why")

    def _set_up(self, texts: Texts) -> None:
        place = self._place
        os.umask(0o022)
        mount_memory(str(place.folder), _SIZE)
        for name in ("config", "queue", "data"):
            (place.folder / name).mkdir()
        otherwise = {
            **_OTHERWISE,
            "queue_directory": str(place.queue_directory),
            "data_directory": str(place.data_directory),
        }
        if not self._listen_to_log():
            otherwise["maillog_file"] = str(self._log_file)
            otherwise["maillog_file_prefixes"] = str(place.data_directory)
        _mirror(place.config_directory, place.folder / "config")
        _write_configuration(place.folder / "config", texts, otherwise)
        _copy_owner(place.data_directory, place.folder / "data")
        names = {service.name for service in master_cf.services_of(texts.master_cf).values()}
        _make_queue(place.queue_directory, place.folder / "queue", names)
        for name, target in (
            ("config", place.config_directory),
            ("queue", place.queue_directory),
            ("data", place.data_directory),
        ):
            mount_over(str(place.folder / name), str(target))
        self._make_network()

    def allow_clients(self, addresses: Iterable[str]) -> None:
        """Let dialogues come from these addresses, which are not the host's and so do not become Postfix's own."""
        lines = [f"route replace local {address} dev lo\n" for address in addresses]
        self._ip(lines)
        try:
            for version in ("ipv4", "ipv6") if self._place.has_ipv6 else ("ipv4",):
                Path("/proc/sys/net", version, "ip_nonlocal_bind").write_text("1", encoding="ascii")
        except OSError as error:
            raise IsolationError(str(error)) from error

    def _make_network(self) -> None:
        if not self._place.has_ipv6 and os.path.isdir("/proc/sys/net/ipv6"):
            Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1", encoding="ascii")
        lines = ["link set lo up\n"]
        # With the prefix, as mynetworks_style = subnet trusts what it says.
        lines += [f"address add {one.address}/{one.prefix} dev lo\n" for one in self._place.addresses]
        self._ip(lines)

    def _ip(self, lines: Sequence[str]) -> None:
        done = self._place.commands.run("ip", "-batch", "-", data="".join(lines))
        if not done.ok:
            raise IsolationError(f"ip: {done.message}")

    @property
    def _log_file(self) -> Path:
        """Where Postfix writes instead on a host without syslog (postlogd(8)); it is gone with the data directory."""
        return self._place.data_directory / "log"

    def _listen_to_log(self) -> bool:
        """Where programs leave messages for syslog(3). False if the host has no such socket."""
        host = os.path.realpath(_SYSLOG)
        if not os.path.exists(host):
            return False
        ours = str(self._place.folder / "log")
        log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        log.bind(ours)
        os.chmod(ours, 0o666)
        mount_over(ours, host)
        threading.Thread(target=self._read_log, args=(log,), daemon=True).start()
        return True

    def _read_log(self, log: socket.socket) -> None:
        # A full socket would let Postfix wait.
        while True:
            self._log.append(log.recv(1 << 16).decode("utf-8", "replace"))

    def complaints(self) -> str:
        """What ended a program of Postfix, or kept a table from being opened, once each."""
        lines = [*self._log, *read_if_present(self._log_file).splitlines()]
        found = (match[1].strip() for match in map(_COMPLAINT.search, lines) if match)
        return "; ".join(dict.fromkeys(found))


class NotStartedError(RuntimeError):
    """Postfix has not started with the configuration; says why in its own words."""


def _write_configuration(folder: Path, texts: Texts, otherwise: Mapping[str, str]) -> None:
    written = {
        folder / "main.cf": main_cf.with_settings(texts.main_cf, _OWNER, otherwise),
        folder / "master.cf": master_cf.without_options(master_cf.leaving_out(texts.master_cf, _LEFT_OUT), otherwise),
    }
    ours = folder / TABLE_DIRECTORY / texts.owner
    for directory in (ours.parent, ours):
        # Through a link, the host's own files would be written.
        if directory.is_symlink():
            directory.unlink()
        directory.mkdir(exist_ok=True)
    for path in ours.iterdir():
        if path.name not in texts.others and not path.is_dir():
            path.unlink()
    written.update({ours / name: text for name, text in texts.tables.items()})
    for path, text in written.items():
        if path.is_symlink():
            path.unlink()
        write_text(path, text, _SETTLED)
        path.chmod(0o600 if path.name == PASSWORDS else 0o644)


def _make_queue(source: Path, target: Path, services: Collection[str]) -> None:
    """Its queues, empty. What else lies there is for processes that are confined to it, or sockets of other programs.

    services: the names of Postfix's own, whose sockets are made anew.
    """
    _copy_owner(source, target)
    for entry in os.scandir(source):
        new = target / entry.name
        if not entry.is_dir(follow_symlinks=False):
            continue
        new.mkdir()
        _copy_owner(Path(entry.path), new)
        if entry.name not in _QUEUES:
            mount_over(entry.path, str(new))
        elif entry.name in _SOCKETS:
            for one in os.scandir(entry.path):
                if one.name not in services and stat.S_ISSOCK(one.stat(follow_symlinks=False).st_mode):
                    (new / one.name).touch()
                    mount_over(one.path, str(new / one.name))


def _mirror(source: Path, target: Path) -> None:
    """The same directory once more, with owners, modes and times."""
    for entry in os.scandir(source):
        new = target / entry.name
        if entry.is_symlink():
            new.symlink_to(os.readlink(entry.path))
        elif entry.is_dir():
            new.mkdir()
            _mirror(Path(entry.path), new)
        elif entry.is_file() and entry.stat().st_size <= _COPY_AT_MOST:
            shutil.copy2(entry.path, new)
        elif entry.is_file():
            new.touch()
            mount_over(entry.path, str(new))
            continue
        else:
            continue
        _copy_owner(Path(entry.path), new)


def _copy_owner(source: Path, target: Path) -> None:
    status = source.lstat()
    os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
    if not target.is_symlink():
        os.chmod(target, stat.S_IMODE(status.st_mode))
