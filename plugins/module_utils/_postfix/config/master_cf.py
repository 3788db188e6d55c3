# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services in the text of master.cf (master(5)), ours beside those of others."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils import _owned_lines
from ansible_collections.inbound.mail.plugins.module_utils._owned_lines import LogicalLine, logical_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_COLUMNS = 8


@dataclass(frozen=True)
class Service:
    """A line of master.cf. command: the program with its arguments."""

    name: str
    type: str
    private: str = "-"
    unprivileged: str = "-"
    chroot: str = "-"
    wakeup: str = "-"
    process_limit: str = "-"
    command: str = ""

    @property
    def key(self) -> str:
        """As ``postconf -F`` and ``-P`` name it; the name alone is not unique."""
        return f"{self.name}/{self.type}"

    @property
    def program(self) -> str:
        return self.command.split(None, 1)[0]

    @property
    def is_port_25(self) -> bool:
        return self.is_port("smtp", "25")

    def is_port(self, *names: str) -> bool:
        return self.type == "inet" and self.name.rpartition(":")[2] in names

    def line(self) -> str:
        columns = (self.name, self.type, self.private, self.unprivileged, self.chroot, self.wakeup, self.process_limit)
        return " ".join((*columns, self.command))

    def option(self, name: str) -> str:
        """The value of ``-o name=value``, empty without one; of two the last one counts."""
        found: list[str] = re.findall(rf"-o\s*(?:\{{\s*)?{name}\s*=\s*([^\s}}]*)", self.command)
        return found[-1] if found else ""

    def with_option(self, name: str, value: str) -> Service:
        """With ``-o name=value``; a value that the service has already stays, as it is the administrator's choice."""
        if re.search(rf"-o\s*{name}=", self.command):
            return self
        setting = f"{name}={value}"
        return replace(self, command=f"{self.command} -o " + (f"{{ {setting} }}" if " " in setting else setting))


def services_of(text: str) -> dict[str, Service]:
    """Key -> service; of two for the same the last one counts."""
    found = filter(None, (_service(line) for line in logical_lines(text)))
    return {service.key: service for service in found}


def with_services(text: str, owner: str, services: Sequence[Service]) -> str:
    """Have exactly these services for this owner; what it owned before and does not need now is put back."""
    keys = {service.key for service in services}

    def ours(line: LogicalLine) -> bool:
        service = _service(line)
        return service is not None and service.key in keys

    return _owned_lines.with_lines(text, owner, (service.line() for service in services), ours)


def without_services(text: str, owner: str) -> str:
    """Take this owner's services away and put back what they stood in for."""
    return _owned_lines.without_lines(text, owner)


def owned_by_others(text: str, owner: str) -> dict[str, str]:
    """Services in the blocks of other owners: key -> owner."""
    return {key: other for other, block in _owned_lines.blocks_of_others(text, owner) for key in services_of(block)}


def leaving_out(text: str, keys: Collection[str]) -> str:
    """The text without the lines of these services."""
    lines = ((line, _service(line)) for line in logical_lines(text))
    return "".join(line.text for line, service in lines if service is None or service.key not in keys)


def without_options(text: str, names: Collection[str]) -> str:
    """The text in which no service has an option ``-o`` for these parameters."""
    listed = "|".join(map(re.escape, names))
    option = re.compile(rf"\s+-o\s*(?:\{{\s*(?:{listed})\s*=[^}}]*\}}|(?:{listed})=\S*)")

    def changed(line: LogicalLine) -> str:
        service = _service(line)
        command = option.sub("", service.command) if service else ""
        return f"{replace(service, command=command).line()}\n" if service and command != service.command else line.text

    return "".join(map(changed, logical_lines(text)))


def replacing(text: str, former: Service, new: Service) -> str:
    """The text with another line in place of that of a service."""
    return "".join(f"{new.line()}\n" if _service(line) == former else line.text for line in logical_lines(text))


def _service(line: LogicalLine) -> Service | None:
    columns = line.content.split(" ", _COLUMNS - 1) if line.sets else ()
    return Service(*columns) if len(columns) == _COLUMNS else None
