# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the module: what is there, what is wanted, and the way from the one to the other."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._firewall import detection
from ansible_collections.inbound.mail.plugins.module_utils._firewall.allow_rules import passages
from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm import Unconfirmed
from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import FlowsError, Policy, policy
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import conntrack, sysctls, systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import (
    SYSCTL_FILE,
    Host,
    HostError,
)
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers import registry
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import together
from ansible_collections.inbound.mail.plugins.module_utils._firewall.preflight import host_problems
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render import table as tables
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.nft import render, table_name
from ansible_collections.inbound.mail.plugins.module_utils._firewall.state import Change, State
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import Keeper

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


def run(module: AnsibleModule) -> dict[str, Any]:
    """Bring the host to what the module's parameters say; returns the result. Raises FlowsError, HostError."""
    name, timeout = module.params["name"], module.params["confirm_timeout"]
    if not _NAME.fullmatch(name):
        remedy = "Use 1 to 32 characters: a to z, 0 to 9 and _, a letter first"
        raise FlowsError([Problem("name", f"{name!r} cannot name a table", remedy)])
    if timeout < 0:
        remedy = "Say in how many seconds the change has to be confirmed, or 0 for a change without confirmation"
        raise FlowsError([Problem("confirm_timeout", f"{timeout} is no time to wait", remedy)])
    host = Host(module)
    unconfirmed = Unconfirmed(host, name)
    wanted = module.params["backend"]
    if module.params["state"] == "confirmed":
        if not module.check_mode:
            wanted = unconfirmed.backend or wanted
        chains = host.chains()
        backend, present = _keepers(host, name, wanted, chains)
        return _result(backend, True, _confirm(module, host, name, unconfirmed, present, chains), [])
    if unconfirmed.exists and not module.check_mode:
        # Nobody has said that it is good, and what was there before is what this change is compared with.
        unconfirmed.revert()
    chains = host.chains()
    backend, present = _keepers(host, name, wanted, chains)
    if module.params["state"] == "absent":
        change = _to_nothing(host, name, backend, present)
    else:
        flows = policy(module.params["flows"] or [], module.params["interfaces"] or {})
        _judge_host(module, host, flows, backend, chains)
        change = _to_flows(module, host, name, flows, backend, present)
    change = _with_retired(host, change, chains)
    if not host.keeps:
        module.warn(
            f"This host has no systemd: load {systemd_units.table_file(name)} with nft -f at boot by other means"
        )
    stays = module.check_mode or _carry_out(host, change, unconfirmed, timeout)
    result = _result(backend, change.before != change.after, stays, _diff(host, change))
    return result if stays else {**result, "confirm_within": timeout}


def _result(backend: str, changed: bool, confirmed: bool, diff: list[dict[str, str]]) -> dict[str, Any]:
    return {"changed": changed, "diff": diff, "backend": backend, "confirmed": confirmed}


def _keepers(host: Host, name: str, wanted: str, chains: Sequence[Mapping[str, Any]]) -> tuple[str, list[Keeper]]:
    """The backend, and who beside our table has to let mail through."""
    has_docker = bool(detection.docker_families(chains)) or host.has_dockers_bridge
    backend = detection.choose(wanted, chains, bool(host.iptables_at_boot), has_docker)
    return backend, registry.in_charge(host, name, backend, chains)


def _to_flows(
    module: AnsibleModule, host: Host, name: str, wanted: Policy, backend: str, present: Sequence[Keeper]
) -> Change:
    if not host.has_nft and not module.check_mode:
        raise HostError(
            "nft is not installed. Install the package nftables; the roles inbound.mail.mail_nat_gateway and "
            "inbound.mail.mail_dmz_firewall do that"
        )
    table = render(name, wanted)
    settings = sysctls.parse(host.read(SYSCTL_FILE))
    live = host.sysctls([*sysctls.FORWARDING.values(), *settings])
    families = {family for family in wanted.routed_families() if sysctls.FORWARDING[family] in live}
    begins_ipv6 = 6 in families and live[sysctls.FORWARDING[6]] == "0"
    routers = host.interfaces_with_router() if begins_ipv6 else set()
    live.update(host.sysctls(map(sysctls.accept_ra, routers)))
    needs = sysctls.needs(families, name, settings, live, routers)
    settings_after = sysctls.with_needs(settings, name, needs, live)
    wanted_sysctls = _wanted_sysctls(settings, settings_after, live)
    file = host.read(systemd_units.table_file(name))
    live_table = _live_table(host, table, file)
    before = State(
        table=live_table.text() if live_table else "",
        file=file,
        sysctl_file=host.read(SYSCTL_FILE),
        sysctls={key: live[key] for key in wanted_sysctls},
        at_boot=not host.keeps or host.is_loaded_at_boot(host.table_unit, name),
        openings={keeper.title: keeper.live() for keeper in present},
        kept_openings={keeper.title: keeper.kept() for keeper in present},
    )
    openings = {keeper.title: keeper.wanted(passages(wanted)) for keeper in present}
    after = State(
        table.text(),
        host.table_file_text(table),
        sysctls.text(settings_after),
        wanted_sysctls,
        True,
        openings,
        openings,
    )
    for keeper in present:
        if before.openings[keeper.title] != openings[keeper.title]:
            keeper.check(openings[keeper.title])
    forwards = tuple(flow for flow in wanted.flows if flow.action == "forward")
    if forwards and before.table and before.table != after.table and not host.has_conntrack:
        module.warn(
            "conntrack is not installed, so connections that began before a forward changed go on to the former "
            "server. Install the package conntrack"
        )
    by_title = {one.title: one for one in present}
    scripts = tables.replacement(live_table, table) if live_table else (table.script(),)
    change = Change(name, backend, before, after, scripts, by_title, forwards)
    # Where nothing is done before it, no timer either, nft judges a transaction by doing it.
    load_decides = change.is_one_transaction and not (module.check_mode or module.params["confirm_timeout"])
    if before.table != after.table and host.has_nft and not load_decides:
        host.check(table.script())
    return change


def _with_retired(host: Host, change: Change, chains: Sequence[Mapping[str, Any]]) -> Change:
    """Keepers that were in charge once forget our openings."""
    retired = registry.retired(host, change.name, change.keepers.values(), chains)
    nothing = {keeper.title: "" for keeper in retired}
    kept = {**change.before.kept_openings, **{keeper.title: keeper.kept() for keeper in retired}}
    return replace(
        change,
        before=replace(change.before, kept_openings=kept),
        after=replace(change.after, kept_openings={**change.after.kept_openings, **nothing}),
        keepers={**change.keepers, **{keeper.title: keeper for keeper in retired}},
    )


def _to_nothing(host: Host, name: str, backend: str, present: Sequence[Keeper]) -> Change:
    table = tables.Table(table_name(name))
    settings = sysctls.parse(host.read(SYSCTL_FILE))
    remaining = sysctls.with_needs(settings, name, {}, {})
    live = host.sysctls(settings)
    wanted_sysctls = _wanted_sysctls(settings, remaining, live)
    file = host.read(systemd_units.table_file(name))
    nothing = {keeper.title: "" for keeper in present}
    live_table = _live_table(host, table, file)
    before = State(
        table=live_table.text() if live_table else "",
        file=file,
        sysctl_file=host.read(SYSCTL_FILE),
        sysctls=live,
        at_boot=host.is_known_at_boot(host.table_unit, name),
        openings={keeper.title: keeper.live() for keeper in present},
        kept_openings={keeper.title: keeper.kept() for keeper in present},
    )
    after = State("", "", sysctls.text(remaining), wanted_sysctls, False, nothing, nothing)
    scripts = (tables.removal(table.name),)
    return Change(name, backend, before, after, scripts, {one.title: one for one in present})


def _carry_out(host: Host, change: Change, unconfirmed: Unconfirmed, timeout: int) -> bool:
    """Make the change; returns whether it is to stay already."""
    before, after = change.before, change.after
    if before == after:
        return True
    host.check_writable(SYSCTL_FILE, systemd_units.table_file(change.name), host.table_unit.file)
    in_kernel = (before.table, before.sysctls, before.openings) != (after.table, after.sysctls, after.openings)
    if timeout and in_kernel:
        unconfirmed.arm(change, timeout)
    if in_kernel:
        _change_kernel(host, change)
    if unconfirmed.exists:
        return False
    _keep(host, change.name, after.file, after.sysctl_file)
    reloaded = False
    for title, text in after.kept_openings.items():
        if reloaded or before.kept_openings[title] != text:
            change.keepers[title].keep(text)
            reloaded = True
    return True


def _confirm(
    module: AnsibleModule,
    host: Host,
    name: str,
    unconfirmed: Unconfirmed,
    present: Sequence[Keeper],
    chains: Sequence[Mapping[str, Any]],
) -> bool:
    if module.check_mode:
        return False
    file, sysctl_file, openings = unconfirmed.confirm()
    _keep(host, name, file, sysctl_file)
    for keeper in (*present, *registry.retired(host, name, present, chains)):
        keeper.keep(openings.get(keeper.title, ""))
    return True


def _keep(host: Host, name: str, file: str, sysctl_file: str) -> None:
    """Write what the next boot is to find; first the sysctls, as their file alone knows what was there before."""
    host.write(SYSCTL_FILE, sysctl_file)
    if not file:
        host.forget(host.table_unit, name, systemd_units.table_file(name))
        return
    host.write(systemd_units.table_file(name), file)
    if host.keeps and not host.is_loaded_at_boot(host.table_unit, name):
        host.load_at_boot(host.table_unit, name)


def _change_kernel(host: Host, change: Change) -> None:
    """Nothing is routed at any time that the rules would have stopped.

    While the table changes, whoever else filters lets through what the old one and the new one accept: so there is no
    moment in which neither way is open. What is open too far is dropped by the table.
    """
    before, after = change.before, change.after
    steps = [(key, value) for key, value in sorted(after.sysctls.items()) if before.sysctls.get(key) != value]
    for key, value in steps:
        if value == "0":
            host.set_sysctl(key, value)
    both = {title: together(before.openings[title], text) for title, text in after.openings.items()}
    _open(host, change.keepers, before.openings, both)
    if before.table != after.table:
        for script in change.scripts:
            host.load(script)
        if change.forwards and before.table and host.has_conntrack:
            for forwarded in conntrack.stale(change.forwards, host.forwarded()):
                host.end(forwarded)
    _open(host, change.keepers, both, after.openings)
    for key, value in steps:
        if value != "0":
            host.set_sysctl(key, value)


def _open(host: Host, keepers: Mapping[str, Keeper], live: Mapping[str, str], openings: Mapping[str, str]) -> None:
    """Have the keepers let through exactly this, where they let through ``live`` now."""
    reloaded = False
    for title, text in openings.items():
        # firewalld comes first, and may flush what others have.
        if reloaded or live[title] != text:
            host.run_shell(keepers[title].script(text))
            reloaded = True


def _live_table(host: Host, table: tables.Table, file: str) -> tables.Table | None:
    listing = host.listing(table.name)
    return None if listing is None else tables.read(listing, table, [file])


def _judge_host(
    module: AnsibleModule, host: Host, wanted: Policy, backend: str, chains: Sequence[Mapping[str, Any]]
) -> None:
    """Refuse what cannot work on this host, and warn of what may not."""
    errors, warnings = host_problems(wanted.flows, host.interfaces(), host.addresses())
    if errors and not module.check_mode:
        raise FlowsError(errors)
    for problem in (*errors, *warnings):
        module.warn(str(problem))
    if wanted.routed_families():
        for chain in detection.dropping_chains(chains, detection.opened_tables(backend, chains)):
            module.warn(
                f"The chain {chain} drops what it does not accept itself, and what our table accepts does not change "
                "that. Let it accept forwarded TCP of the flows' ports"
            )


def _wanted_sysctls(
    before: Mapping[str, sysctls.Setting], after: Mapping[str, sysctls.Setting], live: Mapping[str, str]
) -> dict[str, str]:
    """What the kernel should have: our values, and what was there before us where nobody needs ours any more.

    Only of what is there: an interface that had one of ours may have gone, or have another name by now.
    """
    wanted = {
        **{key: one.before for key, one in before.items() if key not in after},
        **{key: one.value for key, one in after.items()},
    }
    return {key: value for key, value in wanted.items() if key in live}


def _diff(host: Host, change: Change) -> list[dict[str, str]]:
    name, before, after = change.name, change.before, change.after
    unit = str(host.table_unit.file)
    parts = [
        (f"table inet {table_name(name)}", before.table, after.table),
        # The file holds the same text again.
        (str(systemd_units.table_file(name)), before.file if before.table == after.table else after.file, after.file),
        (str(SYSCTL_FILE), before.sysctl_file, after.sysctl_file),
        ("sysctl", _lines(before.sysctls), _lines(after.sysctls)),
        (unit, _at_boot(before, name), _at_boot(after, name)),
    ]
    for title in change.keepers:
        live = before.openings.get(title, ""), after.openings.get(title, "")
        kept = before.kept_openings[title], after.kept_openings[title]
        parts.append((title, *live))
        if live[0] == live[1]:
            parts.append((f"{title} (at boot)", *kept))
    return [
        {"before_header": header, "after_header": header, "before": old, "after": new}
        for header, old, new in parts
        if old != new
    ]


def _lines(sysctls: Mapping[str, str]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in sorted(sysctls.items()))


def _at_boot(state: State, name: str) -> str:
    return f"loads {name} at boot\n" if state.at_boot else ""
