# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change on a host for its table to be as declared, or gone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.allow_rules import allow_rules
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import sysctls, systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers import registry
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render import table as tables
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.nft import render, table_name
from ansible_collections.inbound.mail.plugins.module_utils._firewall.state import State, TableChange
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_if_present

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import FlowList
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.firewall_host import FirewallHost
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import ListedChain
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import FirewallManager

_FILE_HEADER = """\
# Written by Ansible (inbound.mail.firewall): a change here is overwritten.
# Replaces the table in one transaction. The comment of a rule is its checksum: it tells whether a rule is still ours.
"""


def to_flows(
    module: AnsibleModule,
    host: FirewallHost,
    name: str,
    wanted: FlowList,
    backend: str,
    present: Sequence[FirewallManager],
    translated: Iterable[int],
) -> TableChange:
    """translated: the IP versions in which others translate addresses."""
    if not host.nft.path and not module.check_mode:
        raise HostError(
            "nft is not installed. Install the package nftables; the roles inbound.mail.mail_nat_gateway and "
            "inbound.mail.mail_dmz_firewall do that"
        )
    table = render(name, wanted, translated)
    settings = sysctls.parse(read_if_present(sysctls.SYSCTL_FILE))
    live = sysctls.live([*sysctls.FORWARDING.values(), *settings])
    families = {family for family in wanted.routed_families() if sysctls.FORWARDING[family] in live}
    begins_ipv6 = 6 in families and live[sysctls.FORWARDING[6]] == "0"
    routers = host.interfaces.with_router() if begins_ipv6 else set()
    live.update(sysctls.live(map(sysctls.accept_ra, routers)))
    needs = sysctls.needs(families, name, settings, live, routers)
    settings_after = sysctls.with_needs(settings, name, needs, live)
    wanted_sysctls = _wanted_sysctls(settings, settings_after, live)
    file = read_if_present(systemd_units.table_file(name))
    live_table = _live_table(host, table, file)
    before = State(
        table=live_table.text() if live_table else "",
        file=file,
        sysctl_file=read_if_present(sysctls.SYSCTL_FILE),
        sysctls={key: live[key] for key in wanted_sysctls},
        at_boot=not host.units.are_possible or host.units.is_loaded(systemd_units.table_unit(host.nft.path), name),
        openings={manager.title: manager.live() for manager in present},
        kept_openings={manager.title: manager.kept() for manager in present},
    )
    openings = {manager.title: manager.wanted(allow_rules(wanted)) for manager in present}
    after = State(
        table.text(),
        _file_text(table),
        sysctls.text(settings_after),
        wanted_sysctls,
        True,
        openings,
        openings,
    )
    for manager in present:
        if before.openings[manager.title] != openings[manager.title]:
            manager.check(openings[manager.title])
    forwards = tuple(flow for flow in wanted.flows if flow.action == "forward")
    if forwards and before.table and before.table != after.table and not host.conntrack.is_installed:
        module.warn(
            "conntrack is not installed, so connections that began before a forward changed go on to the former "
            "server. Install the package conntrack"
        )
    by_title = {one.title: one for one in present}
    scripts = tables.replacement(live_table, table) if live_table else (table.script(),)
    change = TableChange(name, backend, before, after, scripts, by_title, forwards)
    # Where nothing is done before it, no timer either, nft judges a transaction by doing it.
    load_decides = change.is_one_transaction and not (module.check_mode or module.params["confirm_timeout"])
    if before.table != after.table and host.nft.path and not load_decides:
        host.nft.check(table.script())
    return change


def with_retired(host: FirewallHost, change: TableChange, chains: Sequence[ListedChain]) -> TableChange:
    """Keepers that were in charge once forget our openings."""
    retired = registry.retired(host, change.name, change.managers.values(), chains)
    nothing = {manager.title: "" for manager in retired}
    kept = {**change.before.kept_openings, **{manager.title: manager.kept() for manager in retired}}
    return replace(
        change,
        before=replace(change.before, kept_openings=kept),
        after=replace(change.after, kept_openings={**change.after.kept_openings, **nothing}),
        managers={**change.managers, **{manager.title: manager for manager in retired}},
    )


def to_nothing(host: FirewallHost, name: str, backend: str, present: Sequence[FirewallManager]) -> TableChange:
    table = tables.Table(table_name(name))
    settings = sysctls.parse(read_if_present(sysctls.SYSCTL_FILE))
    remaining = sysctls.with_needs(settings, name, {}, {})
    live = sysctls.live(settings)
    wanted_sysctls = _wanted_sysctls(settings, remaining, live)
    file = read_if_present(systemd_units.table_file(name))
    nothing = {manager.title: "" for manager in present}
    live_table = _live_table(host, table, file)
    before = State(
        table=live_table.text() if live_table else "",
        file=file,
        sysctl_file=read_if_present(sysctls.SYSCTL_FILE),
        sysctls=live,
        at_boot=host.units.is_enabled(systemd_units.table_unit(host.nft.path), name),
        openings={manager.title: manager.live() for manager in present},
        kept_openings={manager.title: manager.kept() for manager in present},
    )
    after = State("", "", sysctls.text(remaining), wanted_sysctls, False, nothing, nothing)
    scripts = (tables.removal(table.name),)
    return TableChange(name, backend, before, after, scripts, {one.title: one for one in present})


def _live_table(host: FirewallHost, table: tables.Table, file: str) -> tables.Table | None:
    listing = host.nft.listing(table.name)
    return None if listing is None else tables.read(listing, table, [file])


def _wanted_sysctls(
    before: Mapping[str, sysctls.Setting], after: Mapping[str, sysctls.Setting], live: Mapping[str, str]
) -> dict[str, str]:
    """What the kernel should have: our values, and the previous one where no table needs ours any more.

    Only of what is there: an interface that had one of ours may have gone, or have another name by now.
    """
    wanted = {
        **{key: one.before for key, one in before.items() if key not in after},
        **{key: one.value for key, one in after.items()},
    }
    return {key: value for key, value in wanted.items() if key in live}


def _file_text(table: tables.Table) -> str:
    return f"{_FILE_HEADER}{table.script()}"
