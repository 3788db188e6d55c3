# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration tried on a copy, by Postfix's own commands and an SMTP server of its own."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError, Output
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_text
from ansible_collections.inbound.mail.plugins.module_utils._postfix import validation
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import TABLE_DIRECTORY
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import list_items
from ansible_collections.inbound.mail.plugins.module_utils._postfix.files import copy_directory, write_text
from ansible_collections.inbound.mail.plugins.module_utils._postfix.host import CONFIGURATION_FILES
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Configuration
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.host import PostfixHost


@contextmanager
def trial(host: PostfixHost, owner: str, files: Mapping[str, str], tables: Mapping[str, str]) -> Iterator[Trial]:
    """A copy of the configuration directory as it would be.

    files: of CONFIGURATION_FILES -> text; tables: name -> text.
    """
    copy = Path(tempfile.mkdtemp(prefix="postfix-", dir=host.module.tmpdir))
    try:
        copy_directory(host.config_directory, copy, leave_out=(*CONFIGURATION_FILES, TABLE_DIRECTORY))
        directory = copy / TABLE_DIRECTORY
        ours = directory / owner
        ours.mkdir(parents=True)
        others = host.config_directory / TABLE_DIRECTORY
        if others.is_dir():
            copy_directory(others, directory, leave_out=(owner,))
        for name, text in tables.items():
            write_text(ours / name, text)
        for name, text in files.items():
            write_text(copy / name, text.replace(f"{others}/", f"{directory}/"))
        yield Trial(host, owner, copy)
    finally:
        shutil.rmtree(copy)


class Trial:
    """The copy, while it is there. path: its directory."""

    def __init__(self, host: PostfixHost, owner: str, path: Path) -> None:
        self._host = host
        self._owner = owner
        self.path = path

    def problems(self, configuration: Configuration) -> list[Problem]:
        """Everything that Postfix and the rules find wrong with the copy, without writing outside it."""
        names = configuration.settings
        problems = validation.unknown_setting_problems(self._ask("postconf", "-n").err, names)
        problems += validation.master_problems(
            self._ask("postconf", "-M").out,
            self._ask("postconf", "-P").out,
            names,
        )
        programs = Path(self._host.value("daemon_directory", self.path))
        problems += [
            Problem(f"master.cf: {service.key}", f"this Postfix has no {service.program}", "Take a newer Postfix")
            for service in configuration.services
            if not (programs / service.program).is_file()
        ]
        problems += validation.open_relay_problems(self._host.value("mynetworks", self.path))
        if configuration.address_class:
            problems += validation.address_class_problems(self._listed(configuration), configuration.address_class)
        for table in configuration.tables:
            path = self.path / TABLE_DIRECTORY / self._owner / table.name
            said = self._ask("postmap", "-q", "example.org", f"{table.kind}:{path}").err
            problems += [
                Problem(f"table {table.name}", line, "Correct the entry that it is made from")
                for line in said.replace(f"{self.path}/", "").splitlines()
                if f"{TABLE_DIRECTORY}/{self._owner}/{table.name}" in line
            ]
        return problems + self._table_problems(names) + self._smtpd_problems(names)

    def _table_problems(self, names: Collection[str]) -> list[Problem]:
        """Tables that cannot be opened. An SMTP server starts all the same, and then answers 451 to every client."""
        problems = []
        expanded = self._ask("postconf", "-x").out
        for name, table in validation.file_tables(expanded, names):
            said = self._ask("postmap", "-q", "example.org", table).err
            reasons = validation.reasons_of_table(said, table)
            if reasons:
                message = f"{table} cannot be read: {'; '.join(reasons)}".replace(f"{self.path}/", "")
                remedy = "Make the table, or correct its name"
                if "unsupported dictionary type" in said:
                    kind = table.partition(":")[0]
                    remedy = f"Install the package of Postfix that has it (Debian: postfix-{kind}), or use another kind"
                problems.append(Problem(f"main.cf: {name}", message, remedy))
        return problems

    def _ask(self, program: str, *arguments: str, data: str | None = None) -> Output:
        """One of Postfix's programs, about the copy."""
        return self._host.commands.run(program, "-c", str(self.path), *arguments, data=data)

    def check(self) -> None:
        """Let ``postfix check`` judge it. That creates directories that are missing in the queue. Raises HostError."""
        output = self._ask("postfix", "check")
        if not output.ok:
            said = validation.lines_about_ours((output.out + output.err).splitlines(), str(self.path))
            raise HostError("postfix check refuses the new configuration: " + "; ".join(said))

    def _smtpd_problems(self, names: Mapping[str, str]) -> list[Problem]:
        """Start an SMTP server of its own on the copy, as ``sendmail -bs`` does.

        Limits and most restrictions are read by nothing else: ``postfix check`` lets any nonsense in them pass.
        """
        programs = Path(self._host.value("daemon_directory", self.path))
        smtpd = programs / "smtpd"
        if not smtpd.is_file():
            what = f"there is no SMTP server in {programs}"
            return [
                Problem("main.cf: daemon_directory", what, "Name the directory of Postfix's programs, or leave it out")
            ]
        classes = list_items(self._host.value("smtpd_restriction_classes", self.path))
        problems = validation.unknown_restriction_problems(names, smtpd.read_bytes(), classes)
        # Its messages go to the mail log alone. The tag tells them from those of others: the variable holds until the
        # configuration has been read, the option from then on.
        tag = f"postfix-trial-{secrets.token_hex(4)}"
        command = [str(smtpd), "-S", "-o", f"syslog_name={tag}"]
        for setting in validation.without_proxymap(self._ask("postconf", "-x").out):
            command += ["-o", setting]
        environment = {"MAIL_CONFIG": str(self.path), "MAIL_LOGTAG": tag}
        if not self._host.commands.run(*command, data="QUIT\r\n", environment=environment).ok:
            said = self._logged(f"{tag}/smtpd").replace(f"{self.path}/", "") or "its reason is in the mail log"
            message = f"Postfix's SMTP server refuses the new configuration: {said}"
            problems.append(Problem("main.cf", message, "Correct the setting"))
        return problems

    def _logged(self, tag: str) -> str:
        """What a program has just said to the journal, if the host has one."""
        if not self._host.commands.path("journalctl"):
            return ""
        self._host.commands.run("journalctl", "--sync")
        out = self._host.commands.run("journalctl", "--quiet", "--output=cat", f"--identifier={tag}").out
        return "; ".join(line for line in out.splitlines() if line.startswith(("fatal:", "error:")))

    def _listed(self, configuration: Configuration) -> dict[str, set[str]]:
        """Setting of the address classes -> which domains of ours it lists."""
        items = {name: list_items(self._host.value(name, self.path)) for name in validation.ADDRESS_CLASSES}
        ours = set(items[configuration.address_class])
        return {
            # A list that is made from another one (relay_domains = $mydestination) is no second claim.
            name: self._matching(
                found if name == configuration.address_class else [item for item in found if item not in ours],
                configuration.domains,
            )
            for name, found in items.items()
        }

    def _matching(self, items: Iterable[str], domains: Iterable[str]) -> set[str]:
        matching: set[str] = set()
        for item in items:
            if item.startswith("/") and os.path.isfile(item):
                matching.update({line.strip().lower() for line in read_text(Path(item)).splitlines()} & set(domains))
            elif ":" in item:
                # One call for all the domains; an unreadable table is for the SMTP server to complain of.
                output = self._ask("postmap", "-q", "-", item, data="\n".join(domains) + "\n")
                matching.update(
                    {line.split(None, 1)[0] for line in output.out.splitlines() if line.strip()} & set(domains)
                )
            else:
                matching.update({item.lower()} & set(domains))
        return matching
