# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declaration as Ansible has it: the variables of all hosts of our groups, templated where they have to be."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from ansible.errors import AnsibleError, AnsibleUndefinedVariable

from ._providers.secrets import TOKEN_VARIABLES
from ._topology.declaration.endpoints import CREDENTIALS
from ._topology.declaration.model import Inventory
from ._topology.declaration.smarthosts import apart_from_secrets
from ._topology.declaration.variables import BY_NAME, GROUPS, INSIDERS, VANTAGES
from ._topology.problems import DeclarationProblem

if TYPE_CHECKING:
    from ansible.template import Templar

Raw = Mapping[str, object]
"""Variable -> its value as it is written, with its templates."""


class HostVars(Protocol):
    """What is asked of ansible.vars.hostvars.HostVars."""

    def raw_get(self, host_name: str) -> Raw: ...


class DeclaredVariables:
    """The variables that the plan is made of, of all hosts of our groups, whatever --limit says.

    A host's variables are many, and templating all of them takes seconds for a thousand hosts: only the catalogue's are
    looked at, and of those only the ones with a template in them are templated.

    needs_credentials: whether one that cannot be read is a problem. None of them is kept.
    """

    def __init__(
        self, hostvars: HostVars, groups: Mapping[str, list[str]], templar: Templar, needs_credentials: bool
    ) -> None:
        self.problems: list[DeclarationProblem] = []
        self._needs_credentials = needs_credentials
        self._looked_for_credentials: set[tuple[str, str]] = set()
        self._hostvars = hostvars
        self._groups = groups
        self._templar = templar
        # By identity: hosts share the values of group variables. The raw value is kept so that its id stays its own.
        self._constants: dict[int, tuple[object, object]] = {}

    def inventory(self) -> Inventory:
        ours = {group: [str(name) for name in self._groups.get(group, ())] for group in (*GROUPS, VANTAGES, INSIDERS)}
        names = dict.fromkeys(name for members in ours.values() for name in members)
        return Inventory({name: self._of(name) for name in names}, {**self._groups, **ours})

    def _of(self, host: str) -> dict[str, object]:
        raw = self._hostvars.raw_get(host)
        return {
            str(name): self._value(host, name, value, raw) if name in BY_NAME else None
            for name, value in raw.items()
            if name.startswith("mail_")
        }

    def _value(self, host: str, name: str, value: object, raw: Raw) -> object:
        conceal = _CONCEAL.get(name)
        if conceal and self._needs_credentials:
            self._look_for_credentials(host, name, value, raw)
        known = self._constants.get(id(value))
        if known is not None:
            return known[1]
        wanted = conceal(value) if conceal else value
        try:
            if _is_constant(wanted):
                plain = _plain(wanted)
                self._constants[id(value)] = (value, plain)
                return plain
            found = self._templar_of(raw).template(wanted)
            return _plain(conceal(found) if conceal else found)
        except AnsibleError as error:
            # What a template of it gives, or says when it fails, may be secret.
            reason = "" if conceal else f": {error.message}"
            self.problems.append(
                DeclarationProblem(
                    name,
                    f"cannot be read{reason}",
                    "Set the variables that it is made of, for this host",
                    host=host,
                )
            )
            return None

    def _templar_of(self, raw: Raw) -> Templar:
        return self._templar.copy_with_new_env(available_variables={**raw, "hostvars": self._hostvars})

    def _look_for_credentials(self, host: str, name: str, value: object, raw: Raw) -> None:
        """What all hosts share is read for the first one alone."""
        where = "" if BY_NAME[name].shared else host
        if (where, name) in self._looked_for_credentials:
            return
        self._looked_for_credentials.add((where, name))
        for place, credential, may_be_empty in _credentials_in(name, value):
            try:
                found = _plain(self._templar_of(raw).template(credential))
            except AnsibleUndefinedVariable as error:
                self._unreadable(where, name, place, f"cannot be read: {error.message}")
            except AnsibleError:
                # What else is said of it may be secret.
                self._unreadable(where, name, place, "cannot be read")
            else:
                if not found and not may_be_empty:
                    self._unreadable(where, name, place, "is empty")

    def _unreadable(self, host: str, name: str, place: str, what: str) -> None:
        remedy = "Set the variables that it is made of, in the inventory, a vault that is open, or the environment"
        self.problems.append(DeclarationProblem(name, f"{place}: {what}", remedy, host=host))


def _credentials_in(name: str, value: object) -> Iterator[tuple[str, object, bool]]:
    """Each credential in a variable: its place, how it is written, and whether it may be empty; none in what a template
    makes as a whole."""
    for key, entry in value.items() if isinstance(value, Mapping) else ():
        if name == "mail_credentials":
            yield str(key), entry, False
        elif isinstance(entry, Mapping):
            variable = TOKEN_VARIABLES.get(str(entry.get("provider")))
            in_environment = bool(variable and os.environ.get(variable))
            key_name = entry.get("key_name")
            # A key without a name is none, and what a name is made of may be empty too.
            may_be_empty = {
                "key_secret": not key_name or not _is_constant(key_name),
                "api_token": in_environment,
                "options": True,
            }
            for option in sorted(CREDENTIALS & entry.keys()):
                yield f"{key}.{option}", entry[option], may_be_empty[option]
            if variable and "api_token" not in entry:
                yield f"{key}.api_token ({variable} in the environment)", "", in_environment


def _apart_from_credentials(endpoints: object) -> object:
    """mail_dns without what a credential's template or vault holds: it is not needed here, and it may be out of reach.

    How it is written stays, so that a difference between hosts is found.
    """
    if not isinstance(endpoints, Mapping):
        return endpoints
    return {
        key: {option: _as_written(value) if option in CREDENTIALS else value for option, value in options.items()}
        if isinstance(options, Mapping)
        else options
        for key, options in endpoints.items()
    }


def _as_written(credential: object) -> str:
    """The text of a credential as it stands in the inventory, no template any more; nothing for an encrypted one."""
    return hashlib.sha256(credential.encode()).hexdigest() if isinstance(credential, str) else ""


_CONCEAL: dict[str, Callable[[object], object]] = {
    "mail_dns": _apart_from_credentials,
    "mail_credentials": apart_from_secrets,
}
"""Variables with secrets in them -> what is read of them."""


def _is_constant(value: object) -> bool:
    if isinstance(value, str):
        return "{{" not in value and "{%" not in value and "{#" not in value
    if isinstance(value, Mapping):
        return all(map(_is_constant, value)) and all(map(_is_constant, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_constant, value))
    return value is None or isinstance(value, (bool, int, float))


def _plain(value: object) -> object:
    """Without the tags that ansible-core keeps at every value."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
