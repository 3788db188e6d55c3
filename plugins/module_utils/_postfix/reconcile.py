# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the module: what is there, what is wanted, and the way from the one to the other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config import main_cf, master_cf
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    PASSWORDS,
    without_values,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.desired import wanted
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.edge_tls import resolver_problems
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.proxy_protocol import port_problems
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.scanning import scanner_problems
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.timer import PROGRAM, UNITS, Timer
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.tls import certificate_problems
from ansible_collections.inbound.mail.plugins.module_utils._postfix.files import printable
from ansible_collections.inbound.mail.plugins.module_utils._postfix.host import Host, PostfixError
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import DANE
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.recipients import map_problems
from ansible_collections.inbound.mail.plugins.module_utils._postfix.routing.smarthosts import problems_here
from ansible_collections.inbound.mail.plugins.module_utils._scanner import RSPAMD
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible.module_utils.basic import AnsibleModule

_CERTIFICATE = "a new key, and a certificate signed by it\n"


def run(module: AnsibleModule) -> dict[str, Any]:
    """Bring Postfix to what the module's parameters say; returns the result. Raises InvalidError, PostfixError."""
    owner = module.params["name"]
    host = Host(module, module.params["config_directory"])
    before, tables_before = host.read_files(), host.read_tables(owner)
    configuration = wanted(module.params, before, host.known_settings())
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
    result: dict[str, Any] = {
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
                # What is in it is nobody's business.
                (host.table_directory(owner), {}, {certificate: _CERTIFICATE} if new_certificate else {}),
                (UNITS, units_before, units),
            ]
        ),
    }
    if not host.installed:
        if result["changed"] and host.is_without_configuration:
            raise PostfixError(
                f"Postfix has no configuration: there is no {host.main_cf}. Make one first, as Debian's package does "
                "for 'Internet Site' (dpkg-reconfigure postfix), or an empty file if Postfix's defaults will do"
            )
        if result["changed"] and not module.check_mode:
            raise PostfixError("Postfix is not installed (there is no postconf): install it first")
        return result
    problems = _certificate_problems(module.params) + _map_problems(module.params)
    if problems and not result["changed"]:
        raise InvalidError(problems)
    if result["changed"]:
        problems += _problems_here(module.params, before["master.cf"]) + _scanner_problems(module, host)
        problems += timer.problems() if units else []
        with host.trial(owner, after, tables) as trial:
            problems += host.problems_of(trial, owner, configuration)
            if problems and module.params["state"] == "absent":
                what = "what was in main.cf and master.cf before ours would not work now, for these reasons"
                remedy = f"Mend it in the lines that begin with '#inbound.mail {owner}: ', which are what comes back"
                problems.insert(0, Problem("state", what, remedy))
            if problems:
                raise InvalidError(problems)
            if not module.check_mode:
                host.check(trial)
    if host.reload_is_pending(owner):
        # A run that was cut off has written the configuration, and Postfix still runs with the one before.
        result["changed"] = changed = True
    if changed and not module.check_mode:
        result["postfix"] = host.put_live(owner, after, tables, certificate)
    if new_timer and not module.check_mode:
        # After Postfix, which may refuse the rest. The units start nothing where the program is gone.
        if units:
            timer.put_live(units)
        else:
            timer.remove()
    result["running"] = host.is_running()
    result["enabled"] = host.is_enabled()
    return result


def _certificate_problems(params: Mapping[str, Any]) -> list[Problem]:
    for option in ("relay", "server"):
        declared = params[option] if params["state"] == "present" else None
        if declared and declared["tls_certificate"]:
            return certificate_problems(option, declared["tls_certificate"], declared["tls_key"])
    return []


def _map_problems(params: Mapping[str, Any]) -> list[Problem]:
    return map_problems(params["relay"]["domains"]) if params["relay"] and params["state"] == "present" else []


def _problems_here(params: Mapping[str, Any], services: str) -> list[Problem]:
    """Asked of a change only: a resolver that is away for a moment does not make a good configuration a bad one."""
    declared = {option: params[option] for option in ("relay", "server") if params[option]}
    edge = params["edge"] if declared and params["edge"] else {}
    problems = resolver_problems() if edge.get("tls_outgoing") == DANE else []
    port = edge.get("proxy_port")
    if port is not None and f"{port}/inet" not in master_cf.services_of(services):
        problems += port_problems(port)
    return problems + [problem for option, value in declared.items() for problem in problems_here(option, value)]


def _scanner_problems(module: AnsibleModule, host: Host) -> list[Problem]:
    scanner = (module.params["relay"] or {}).get("scanner") if module.params["state"] == "present" else None
    if not scanner or (scanner["type"] == RSPAMD and module.check_mode):
        # In check mode the rspamd of the host's own may be about to come.
        return []
    return scanner_problems(scanner, host.smtpd())


def _changed_settings(before: str, after: str) -> list[dict[str, Any]]:
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
