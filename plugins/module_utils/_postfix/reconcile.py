# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the module: what is there, what is wanted, and the way from the one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.files import printable
from ansible_collections.inbound.mail.plugins.module_utils._host.systemd import UNITS
from ansible_collections.inbound.mail.plugins.module_utils._postfix import preflight
from ansible_collections.inbound.mail.plugins.module_utils._postfix.activation import Activation
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config import main_cf, master_cf
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    PASSWORDS,
    without_values,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.content_filter import content_filter_problems
from ansible_collections.inbound.mail.plugins.module_utils._postfix.desired import desired
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.timer import PROGRAM, Timer
from ansible_collections.inbound.mail.plugins.module_utils._postfix.host import PostfixHost
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.declaration import (
    declaration_problems,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.trial import trial
from ansible_collections.inbound.mail.plugins.module_utils._scanner import RSPAMD
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ansible.module_utils.basic import AnsibleModule
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import PostfixOptions


class ChangedSetting(TypedDict):
    """A parameter of main.cf; before and after: its value, None where main.cf does not set it."""

    name: str
    before: str | None
    after: str | None


class PostfixResult(TypedDict):
    """What the module returns; see its documentation."""

    changed: bool
    settings: list[ChangedSetting]
    services: list[str]
    tables: list[str]
    units: list[str]
    postfix: str
    running: bool
    enabled: bool
    diff: list[dict[str, str]]


_CERTIFICATE = "a new key, and a certificate signed by it\n"


def run(module: AnsibleModule) -> PostfixResult:
    """Bring Postfix to what the module's parameters say; returns the result. Raises InvalidError, HostError."""
    options: PostfixOptions = module.params
    owner = options["name"]
    host = PostfixHost(module, options["config_directory"])
    before, tables_before = host.read_files(), host.read_tables(owner)
    configuration = desired(options, before, host.known_settings())
    after = {
        "main.cf": main_cf.with_settings(before["main.cf"], owner, configuration.settings),
        "master.cf": master_cf.with_services(before["master.cf"], owner, configuration.services),
    }
    tables = {table.name: table.text() for table in configuration.tables}
    timer = Timer(module, owner, host.config_directory)
    units_before, units = timer.read(), {}
    if configuration.program:
        tables[PROGRAM] = configuration.program
        units = timer.units(host.table_directory(owner))
    certificate = configuration.self_signed
    new_certificate = bool(certificate) and not host.has_certificate(owner, certificate)
    new_timer = units != units_before or (bool(units) and not timer.is_waiting())
    changed = after != before or tables != tables_before or new_certificate or host.is_exposed(owner)
    result: PostfixResult = {
        "changed": changed or new_timer,
        "settings": _changed_settings(before["main.cf"], after["main.cf"]),
        "services": _changed_services(before["master.cf"], after["master.cf"]),
        "tables": _changed_files(tables_before, tables),
        "units": _changed_files(units_before, units),
        "postfix": "none",
        "running": False,
        "enabled": False,
        "diff": _diff(
            [
                (host.config_directory, before, after),
                (host.table_directory(owner), tables_before, tables),
                # What is in it is secret.
                (host.table_directory(owner), {}, {certificate: _CERTIFICATE} if new_certificate else {}),
                (UNITS, units_before, units),
            ]
        ),
    }
    if not host.installed:
        if result["changed"] and host.is_without_configuration:
            raise HostError(
                f"Postfix has no configuration: there is no {host.main_cf}. Make one first, as Debian's package does "
                "for 'Internet Site' (dpkg-reconfigure postfix), or an empty file if Postfix's defaults will do"
            )
        if result["changed"] and not module.check_mode:
            raise HostError("Postfix is not installed (there is no postconf): install it first")
        return result
    is_asked = options["state"] == "present" and bool(options["relay"] or options["server"])
    problems = preflight.file_problems(options)
    if problems and not result["changed"]:
        raise InvalidError(problems)
    if result["changed"]:
        problems += preflight.change_problems(options, before["master.cf"])
        # In check mode the rspamd of the host's own may be about to come.
        if not (module.check_mode and _has_own_rspamd(options)):
            problems += preflight.scanner_problems(options, host.smtpd)
        problems += timer.problems() if units else []
    # Where nothing of ours has changed, others may have set something beside it.
    if result["changed"] or (is_asked and not host.was_asked(owner, after)):
        with trial(host, owner, after, tables) as copy:
            problems += copy.problems(configuration)
            if is_asked and not problems:
                trusted = host.value("mynetworks", copy.path)
                problems += content_filter_problems(
                    main_cf.settings_of(after["main.cf"]), master_cf.services_of(after["master.cf"])
                )
                found = declaration_problems(host, options, configuration, after, tables, trusted)
                # What was not asked is asked the next time.
                is_asked = found is not None
                problems += found or []
            if problems and options["state"] == "absent":
                what = "what was in main.cf and master.cf before ours would not work now, for these reasons"
                remedy = f"Correct it in the lines that begin with '#inbound.mail {owner}: ', which are what comes back"
                problems.insert(0, Problem("state", what, remedy))
            if problems:
                raise InvalidError(problems)
            if not module.check_mode:
                copy.check()
    if host.reload_is_pending(owner):
        # A run that was cut off has written the configuration, and Postfix still runs with the one before.
        result["changed"] = changed = True
    if changed and not module.check_mode:
        result["postfix"] = Activation(host, owner).put_live(after, tables, certificate)
    if is_asked and not module.check_mode and not host.was_asked(owner, after):
        host.note_asked(owner, after)
    if new_timer and not module.check_mode:
        # After Postfix, which may refuse the rest. The units start nothing where the program is gone.
        if units:
            timer.put_live(units)
        else:
            timer.remove()
    result["running"] = host.is_running()
    result["enabled"] = host.is_enabled()
    return result


def _changed_settings(before: str, after: str) -> list[ChangedSetting]:
    old, new = main_cf.settings_of(before), main_cf.settings_of(after)
    return [
        {"name": name, "before": old.get(name), "after": new.get(name)}
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _changed_services(before: str, after: str) -> list[str]:
    old, new = master_cf.services_of(before), master_cf.services_of(after)
    return sorted(key for key in {*old, *new} if old.get(key) != new.get(key))


def _changed_files(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def _diff(folders: Iterable[tuple[Path, Mapping[str, str], Mapping[str, str]]]) -> list[dict[str, str]]:
    """folders: each with the texts of files in it, before and after."""
    return [
        {
            "before_header": str(folder / name),
            "after_header": str(folder / name),
            **_shown(name, before.get(name, ""), after.get(name, "")),
        }
        for folder, before, after in folders
        for name in _changed_files(before, after)
    ]


def _shown(name: str, old: str, new: str) -> dict[str, str]:
    if name == PASSWORDS:
        old, new = without_values(old), without_values(new) + "# with other credentials than before\n" * (new != "")
    return {"before": printable(old), "after": printable(new)}


def _has_own_rspamd(options: PostfixOptions) -> bool:
    scanner = options["relay"].get("scanner") if options["relay"] else None
    return scanner is not None and scanner["type"] == RSPAMD
