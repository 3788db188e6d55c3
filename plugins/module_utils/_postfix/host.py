# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's Postfix: what it has, what it says of a configuration, and putting one live."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host.scanner import MilterClient
from ansible_collections.inbound.mail.plugins.module_utils._postfix import validation
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    PASSWORDS,
    TABLE_DIRECTORY,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.tls import CERTIFICATE_SUFFIX
from ansible_collections.inbound.mail.plugins.module_utils._postfix.files import (
    copy_directory,
    read_text,
    replace_text,
    write_secret,
    write_text,
)
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem, file_failure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ansible.module_utils.basic import AnsibleModule
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Configuration

CONFIGURATION_FILES = ("main.cf", "master.cf")


class PostfixError(RuntimeError):
    """Postfix did not do what it was asked; says what and why."""


class Host:
    """Postfix on this host, reached through its own commands."""

    def __init__(self, module: AnsibleModule, config_directory: str) -> None:
        self._module = module
        self.config_directory = Path(config_directory)
        # Not every login has the directories of the system's commands on its PATH.
        self._postconf = module.get_bin_path("postconf", opt_dirs=["/usr/sbin", "/usr/local/sbin"])

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

    def _pending(self, owner: str) -> Path:
        """Lies there from before the first write until Postfix has taken the configuration over."""
        return self.table_directory(owner) / "reload-pending"

    def read_files(self) -> dict[str, str]:
        """File of CONFIGURATION_FILES -> its text, empty where there is none."""
        paths = {name: self.config_directory / name for name in CONFIGURATION_FILES}
        return {name: read_text(path) if path.is_file() else "" for name, path in paths.items()}

    def read_tables(self, owner: str) -> dict[str, str]:
        """Table name -> text."""
        no_tables = {self._pending(owner).name, *self._certificates(owner)}
        return {path.name: read_text(path) for path in self._files(owner) if path.name not in no_tables}

    def _files(self, owner: str) -> list[Path]:
        directory = self.table_directory(owner)
        # A folder in there is somebody else's.
        return sorted(path for path in directory.iterdir() if not path.is_dir()) if directory.is_dir() else []

    def _certificates(self, owner: str) -> set[str]:
        return {path.name for path in self._files(owner) if path.suffix == CERTIFICATE_SUFFIX}

    def has_certificate(self, owner: str, name: str) -> bool:
        return name in self._certificates(owner)

    def is_exposed(self, owner: str) -> bool:
        """Whether somebody else than root can read the passwords."""
        return any(path.name == PASSWORDS and path.stat().st_mode & 0o077 for path in self._files(owner))

    def reload_is_pending(self, owner: str) -> bool:
        return self._pending(owner).exists()

    def is_running(self) -> bool:
        """As ``postfix status`` finds out, whose script leaves a line in the mail log every time."""
        master = os.path.join(self.value("daemon_directory"), "master")
        return self._run(master, "-c", str(self.config_directory), "-t")[0] != 0

    def known_settings(self) -> set[str] | None:
        """The parameters that this Postfix has; None if it is not installed."""
        if not self.installed:
            return None
        return {line.partition(" = ")[0].rstrip(" =") for line in self._run("postconf", "-d")[1].splitlines()}

    def is_enabled(self) -> bool:
        """Whether systemd starts it at boot; False where there is no systemd to ask."""
        if not self._module.get_bin_path("systemctl"):
            return False
        return self._run("systemctl", "--quiet", "is-enabled", "postfix")[0] == 0

    def value(self, name: str, config_directory: Path | None = None) -> str:
        """What a parameter amounts to in that configuration, everything expanded."""
        directory = config_directory or self.config_directory
        rc, out, err = self._run("postconf", "-c", str(directory), "-hx", name)
        if rc != 0:
            raise PostfixError(f"postconf {name} failed: {err.strip()}")
        return out.strip()

    def smtpd(self) -> MilterClient:
        """The SMTP server on port 25, as it asks milters."""
        services = self._run("postconf", "-c", str(self.config_directory), "-M")[1]
        root = self.value("queue_directory") if validation.is_chrooted(services) else "/"
        return MilterClient(root, self.value("mail_owner"))

    @contextmanager
    def trial(self, owner: str, files: Mapping[str, str], tables: Mapping[str, str]) -> Iterator[Path]:
        """A copy of the configuration directory as it would be, for Postfix's own commands to judge.

        files: of CONFIGURATION_FILES -> text; tables: name -> text.
        """
        copy = Path(tempfile.mkdtemp(prefix="postfix-", dir=self._module.tmpdir))
        try:
            copy_directory(self.config_directory, copy, leave_out=(*CONFIGURATION_FILES, TABLE_DIRECTORY))
            directory = copy / TABLE_DIRECTORY
            ours = directory / owner
            ours.mkdir(parents=True)
            others = self.config_directory / TABLE_DIRECTORY
            if others.is_dir():
                copy_directory(others, directory, leave_out=(owner,))
            for name, text in tables.items():
                write_text(ours / name, text)
            for name, text in files.items():
                write_text(copy / name, text.replace(f"{others}/", f"{directory}/"))
            yield copy
        finally:
            shutil.rmtree(copy)

    def problems_of(self, trial: Path, owner: str, configuration: Configuration) -> list[Problem]:
        """Everything that Postfix and the rules find wrong with the copy, without writing outside it."""
        names = configuration.settings
        problems = validation.unknown_setting_problems(self._run("postconf", "-c", str(trial), "-n")[2], names)
        problems += validation.master_problems(
            self._run("postconf", "-c", str(trial), "-M")[1], self._run("postconf", "-c", str(trial), "-P")[1], names
        )
        programs = Path(self.value("daemon_directory", trial))
        problems += [
            Problem(f"master.cf: {service.key}", f"this Postfix has no {service.program}", "Take a newer Postfix")
            for service in configuration.services
            if not (programs / service.program).is_file()
        ]
        problems += validation.open_relay_problems(self.value("mynetworks", trial))
        if configuration.address_class:
            problems += validation.address_class_problems(
                self._listed(trial, configuration), configuration.address_class
            )
        for table in configuration.tables:
            path = trial / TABLE_DIRECTORY / owner / table.name
            said = self._run("postmap", "-c", str(trial), "-q", "example.org", f"{table.kind}:{path}")[2]
            problems += [
                Problem(f"table {table.name}", line, "Correct the entry that it is made from")
                for line in said.replace(f"{trial}/", "").splitlines()
                if f"{TABLE_DIRECTORY}/{owner}/{table.name}" in line
            ]
        return problems + self._table_problems(trial, names) + self._smtpd_problems(trial, names)

    def _table_problems(self, trial: Path, names: Collection[str]) -> list[Problem]:
        """Tables that cannot be opened. An SMTP server starts all the same, and then says 451 to everybody."""
        problems = []
        expanded = self._run("postconf", "-c", str(trial), "-x")[1]
        for name, table in validation.file_tables(expanded, names):
            said = self._run("postmap", "-c", str(trial), "-q", "example.org", table)[2]
            reasons = validation.reasons_of_table(said, table)
            if reasons:
                message = f"{table} cannot be read: {'; '.join(reasons)}".replace(f"{trial}/", "")
                remedy = "Make the table, or correct its name"
                if "unsupported dictionary type" in said:
                    kind = table.partition(":")[0]
                    remedy = f"Install the package of Postfix that has it (Debian: postfix-{kind}), or use another kind"
                problems.append(Problem(f"main.cf: {name}", message, remedy))
        return problems

    def check(self, trial: Path) -> None:
        """Let ``postfix check`` judge the copy. It creates directories that are missing in the queue."""
        rc, out, err = self._run("postfix", "-c", str(trial), "check")
        if rc != 0:
            said = validation.lines_about_ours((out + err).splitlines(), str(trial))
            raise PostfixError("postfix check refuses the new configuration: " + "; ".join(said))

    def _smtpd_problems(self, trial: Path, names: Mapping[str, str]) -> list[Problem]:
        """Start an SMTP server of its own on the copy, as ``sendmail -bs`` does.

        Limits and most restrictions are read by nothing else: ``postfix check`` lets any nonsense in them pass.
        """
        programs = Path(self.value("daemon_directory", trial))
        smtpd = programs / "smtpd"
        if not smtpd.is_file():
            what = f"there is no SMTP server in {programs}"
            return [
                Problem("main.cf: daemon_directory", what, "Name the directory of Postfix's programs, or leave it out")
            ]
        classes = validation.list_items(self.value("smtpd_restriction_classes", trial))
        problems = validation.unknown_restriction_problems(names, smtpd.read_bytes(), classes)
        # Its messages go to the mail log alone. The tag tells them from those of others: the variable holds until the
        # configuration has been read, the option from then on.
        tag = f"postfix-trial-{secrets.token_hex(4)}"
        command = [str(smtpd), "-S", "-o", f"syslog_name={tag}"]
        for setting in validation.without_proxymap(self._run("postconf", "-c", str(trial), "-x")[1]):
            command += ["-o", setting]
        environment = {"MAIL_CONFIG": str(trial), "MAIL_LOGTAG": tag, "LC_ALL": "C"}
        rc = self._module.run_command(command, data="QUIT\r\n", environ_update=environment)[0]
        if rc != 0:
            said = self._logged(f"{tag}/smtpd").replace(f"{trial}/", "") or "its reason is in the mail log"
            message = f"Postfix's SMTP server refuses the new configuration: {said}"
            problems.append(Problem("main.cf", message, "Correct the setting"))
        return problems

    def _logged(self, tag: str) -> str:
        """What a program has just said to the journal, if the host has one."""
        if not self._module.get_bin_path("journalctl"):
            return ""
        self._run("journalctl", "--sync")
        out = self._run("journalctl", "--quiet", "--output=cat", f"--identifier={tag}")[1]
        return "; ".join(line for line in out.splitlines() if line.startswith(("fatal:", "error:")))

    def _listed(self, trial: Path, configuration: Configuration) -> dict[str, set[str]]:
        """Setting of the address classes -> which domains of ours it lists."""
        items = {name: validation.list_items(self.value(name, trial)) for name in validation.ADDRESS_CLASSES}
        ours = set(items[configuration.address_class])
        return {
            # A list that is made from another one (relay_domains = $mydestination) is no second claim.
            name: self._matching(
                trial,
                found if name == configuration.address_class else [item for item in found if item not in ours],
                configuration.domains,
            )
            for name, found in items.items()
        }

    def _matching(self, trial: Path, items: Iterable[str], domains: Iterable[str]) -> set[str]:
        matching: set[str] = set()
        for item in items:
            if item.startswith("/") and os.path.isfile(item):
                matching.update({line.strip().lower() for line in read_text(Path(item)).splitlines()} & set(domains))
            elif ":" in item:
                # One call for all the domains; an unreadable table is for the SMTP server to complain of.
                _rc, out, _err = self._run("postmap", "-c", str(trial), "-q", "-", item, data="\n".join(domains) + "\n")
                matching.update({line.split(None, 1)[0] for line in out.splitlines() if line.strip()} & set(domains))
            else:
                matching.update({item.lower()} & set(domains))
        return matching

    def put_live(self, owner: str, files: Mapping[str, str], tables: Mapping[str, str], self_signed: str) -> str:
        """Write it, let a running Postfix take it over, and go back if it cannot.

        Tables come before the main.cf that names them and go after it, so that at no time a setting names a table that
        is not there. Returns ``reloaded``, ``restarted`` or ``none``.
        """
        before = self.read_files(), self.read_tables(owner)
        certificates = self._certificates(owner)
        running = self.is_running()
        unit = self._unit() if running else ""
        listening = self._listening()
        self._make_table_directory(owner)
        self._pending(owner).touch()
        if self_signed and self_signed not in certificates:
            self._make_certificate(self.table_directory(owner) / self_signed)
        try:
            self._write_all(owner, files, tables)
            done = self._take_over(unit, restart=self._listening() != listening) if running else "none"
        except (OSError, PostfixError) as failure:
            self._write_all(owner, *before)
            if running:
                # One that was not told anything yet may have started processes that read what is gone again.
                self._take_over(unit, restart=isinstance(failure, PostfixError))
            self._remove_others(owner, {*before[1], *certificates})
            reason = failure if isinstance(failure, PostfixError) else file_failure(failure)
            state = " and running" if running else ""
            raise PostfixError(f"{reason}. The former configuration is back in place{state}") from failure
        self._remove_others(owner, {*tables, self_signed})
        return done

    def _make_table_directory(self, owner: str) -> None:
        directory = self.table_directory(owner)
        for path in (directory.parent, directory):
            path.mkdir(exist_ok=True)
            path.chmod(0o755)  # Whatever the umask is: not every process of Postfix that reads tables is root's.

    def _make_certificate(self, path: Path) -> None:
        """A key and a certificate signed by it, in one file that root alone can read; Postfix reads it as root."""
        fqdn = path.name.removesuffix(CERTIFICATE_SUFFIX)
        # X.520 allows a common name 64 characters; what clients look at is the alternative name (RFC 6125).
        common_name = fqdn if len(fqdn) <= 64 else fqdn.partition(".")[0]
        with tempfile.TemporaryDirectory(prefix="postfix-", dir=self._module.tmpdir) as folder:
            key, certificate = Path(folder, "key"), Path(folder, "certificate")
            words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "3650"]
            words += ["-subj", f"/CN={common_name}", "-addext", f"subjectAltName=DNS:{fqdn}"]
            try:
                self._must("openssl", *words, "-keyout", str(key), "-out", str(certificate))
            except PostfixError as failure:
                raise PostfixError(f"No certificate could be made for TLS: {failure}") from failure
            write_secret(path, read_text(key) + read_text(certificate))

    def _remove_others(self, owner: str, names: Collection[str]) -> None:
        """Remove the owner's files that are not of these names, and directories that are empty then."""
        directory = self.table_directory(owner)
        for path in self._files(owner):
            if path.name not in names:
                path.unlink()
        for path in (directory, directory.parent):
            if not any(path.iterdir()):
                path.rmdir()

    def _write_all(self, owner: str, files: Mapping[str, str], tables: Mapping[str, str]) -> None:
        """What is so already stays untouched."""
        directory, there = self.table_directory(owner), self.read_tables(owner)
        for name, text in tables.items():
            if name == PASSWORDS and (text != there.get(name) or self.is_exposed(owner)):
                write_secret(directory / name, text)
            elif text != there.get(name):
                replace_text(self._module, directory / name, text, 0o644)
        now = self.read_files()
        for name, text in files.items():
            if text != now[name]:
                replace_text(self._module, self.config_directory / name, text, None)

    def _listening(self) -> tuple[str, str]:
        """Sockets are opened at the start only (postconf(5), inet_interfaces)."""
        return self.value("inet_interfaces"), self.value("inet_protocols")

    def _unit(self) -> str:
        """The systemd unit that the running master belongs to; nothing if it was not started by systemd.

        It is not always postfix.service: on Debian 12 that one only stands for postfix@-.service, and restarting it
        returns before anything has been restarted.
        """
        pid = read_text(Path(self.value("queue_directory"), "pid", "master.pid")).split()[0]
        lines = read_text(Path("/proc", pid, "cgroup")).splitlines()
        units = [line.rpartition("/")[2] for line in lines if line.endswith(".service")]
        return next((unit for unit in units if unit.startswith("postfix")), "")

    def _take_over(self, unit: str, restart: bool) -> str:
        directory = str(self.config_directory)
        if not restart:
            self._must("postfix", "-c", directory, "reload")
        elif unit:
            # systemd refuses to start what was started often within a short time (systemd.unit(5), StartLimitBurst=),
            # and Postfix has been stopped by then.
            self._run("systemctl", "reset-failed", unit)
            self._must("systemctl", "restart", unit)
        else:
            if self.is_running():
                self._must("postfix", "-c", directory, "stop")
            self._must("postfix", "-c", directory, "start")
        if not self.is_running():
            raise PostfixError("Postfix stopped when it was given the new configuration; its mail log says why")
        return "restarted" if restart else "reloaded"

    def _must(self, *command: str) -> None:
        rc, out, err = self._run(*command)
        if rc != 0:
            raise PostfixError(f"{' '.join(command)} failed: {(err or out).strip()}")

    def _run(self, program: str, *arguments: str, data: str | None = None) -> tuple[int, str, str]:
        path = self._module.get_bin_path(program, required=True, opt_dirs=["/usr/sbin", "/usr/local/sbin"])
        result: tuple[int, str, str] = self._module.run_command(
            [path, *arguments], data=data, environ_update={"LC_ALL": "C"}
        )
        return result
