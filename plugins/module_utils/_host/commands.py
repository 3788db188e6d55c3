# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the host's programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible.module_utils.basic import AnsibleModule

# Not every login has the directories of the system's commands on its PATH.
_DIRECTORIES = ["/usr/sbin", "/sbin"]


class HostError(RuntimeError):
    """The host did not do what it was asked; says what and why."""


class Output(NamedTuple):
    """What a program has left: its exit status and its two streams."""

    rc: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        return self.rc == 0

    @property
    def message(self) -> str:
        """What it says of a failure."""
        return (self.err or self.out).strip()


class Commands:
    """Programs by name or path, in the C locale, whose messages can be told apart."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._passed_on: list[int] = []

    def pass_on(self, handle: int | None) -> None:
        """Have programs that run from now on inherit this open file, so that it tells which are ours; None: none."""
        self._passed_on = [] if handle is None else [handle]

    def path(self, program: str) -> str:
        """Where it is installed; empty if it is not."""
        return self._module.get_bin_path(program, opt_dirs=_DIRECTORIES) or ""

    def run(
        self, program: str, *arguments: str, data: str | None = None, environment: Mapping[str, str] | None = None
    ) -> Output:
        """Ends the module where there is no such program."""
        path = self._module.get_bin_path(program, required=True, opt_dirs=_DIRECTORIES)
        variables = {"LC_ALL": "C", **(environment or {})}
        # A signal that comes meanwhile is an exception of ours then, and none of the command.
        inherited = {"pass_fds": self._passed_on, "handle_exceptions": False} if self._passed_on else {}
        try:
            return Output(
                *self._module.run_command([path, *arguments], data=data, environ_update=variables, **inherited)
            )
        except BrokenPipeError:
            # A matter of its program, which says nothing of the disk or of rights.
            return Output(1, "", "it ended before it had read what it was given")

    def must(self, program: str, *arguments: str) -> str:
        """What it prints. Raises HostError if it fails."""
        output = self.run(program, *arguments)
        if not output.ok:
            raise HostError(f"{' '.join((program, *arguments))} failed: {output.message}")
        return output.out
