# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the module: what is there, what is wanted, and the way from the one to the other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypedDict

from ansible_collections.inbound.mail.plugins.module_utils._firewall import detection, transition
from ansible_collections.inbound.mail.plugins.module_utils._firewall.apply import carry_out, confirm
from ansible_collections.inbound.mail.plugins.module_utils._firewall.bridged import bridge_problems
from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm.pending import PendingChange, now
from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm.transitions import Phase
from ansible_collections.inbound.mail.plugins.module_utils._firewall.diff import diff
from ansible_collections.inbound.mail.plugins.module_utils._firewall.flow_reader import read_flows
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.firewall_host import FirewallHost
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.iptables import (
    families_at_boot,
    legacy_families,
)
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers import registry
from ansible_collections.inbound.mail.plugins.module_utils._firewall.preflight import host_problems, interface_problems
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible.module_utils.basic import AnsibleModule
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import FlowList
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import ListedChain
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import FirewallManager

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


class FirewallResult(TypedDict, total=False):
    """What the module returns; see its documentation."""

    changed: bool
    diff: list[dict[str, str]]
    backend: str
    confirmed: bool
    confirm_within: int
    change_id: str


def run(module: AnsibleModule) -> FirewallResult:
    """Bring the host to what the module's parameters say; returns the result. Raises InvalidError, HostError."""
    name, timeout = module.params["name"], module.params["confirm_timeout"]
    if not _NAME.fullmatch(name):
        remedy = "Use 1 to 32 characters: a to z, 0 to 9 and _, a letter first"
        raise InvalidError([Problem("name", f"{name!r} cannot name a table", remedy)])
    if timeout < 0:
        remedy = "Write the seconds within which the change has to be confirmed, or 0 for a change without confirmation"
        raise InvalidError([Problem("confirm_timeout", f"{timeout} is not a number of seconds", remedy)])
    host = FirewallHost(module)
    pending = PendingChange(host, name)
    if module.check_mode:
        return _reconcile(module, host, pending)
    confirms = module.params["state"] == "confirmed"
    with pending.locked(f"state: {module.params['state']}", waits=confirms):
        return _confirm(module, host, pending) if confirms else _reconcile(module, host, pending)


def _confirm(module: AnsibleModule, host: FirewallHost, pending: PendingChange) -> FirewallResult:
    name, change_id = module.params["name"], module.params["change_id"] or ""
    state = pending.state()
    if state.is_unfinished(now()):
        # As after a suspend: the timer stands in it, and the time to confirm goes on.
        pending.revert(state.change_id)
    is_confirmed = pending.state().phase is Phase.CONFIRMED
    pending.check_confirmable(change_id)
    if is_confirmed:
        pending.settle()
        return _result(_managers(host, name, module.params["backend"], host.nft.chains())[0], True, True, [])
    with pending.work(change_id):
        kept = pending.to_keep(change_id)
        chains = host.nft.chains()
        backend, present = _managers(host, name, kept.backend, chains)
        confirm(host, name, pending, change_id, kept, present, chains)
    return _result(backend, True, True, [])


def _reconcile(module: AnsibleModule, host: FirewallHost, pending: PendingChange) -> FirewallResult:
    name, timeout = module.params["name"], module.params["confirm_timeout"]
    wanted = module.params["backend"]
    if not module.check_mode:
        # What was not confirmed in time is reverted, and what was there before is what this change is compared with.
        pending.settle()
    chains = host.nft.chains()
    backend, present = _managers(host, name, wanted, chains)
    if module.params["state"] == "confirmed":
        return _result(backend, True, False, [])
    if module.params["state"] == "absent":
        change = transition.to_nothing(host, name, backend, present)
    else:
        flows = read_flows(module.params["flows"] or [], module.params["interfaces"] or {})
        _check_host(module, host, flows, backend, chains)
        translated = detection.translated_families(chains) | legacy_families("nat")
        change = transition.to_flows(module, host, name, flows, backend, present, translated)
    change = transition.with_retired(host, change, chains)
    if not host.units.are_possible:
        module.warn(
            f"This host has no systemd: load {systemd_units.table_file(name)} with nft -f at boot by other means"
        )
    change_id = "" if module.check_mode else carry_out(host, change, pending, timeout)
    result = _result(backend, change.before != change.after, not change_id, diff(host, change))
    return {**result, "confirm_within": timeout, "change_id": change_id} if change_id else result


def _result(backend: str, changed: bool, confirmed: bool, diff: list[dict[str, str]]) -> FirewallResult:
    return {"changed": changed, "diff": diff, "backend": backend, "confirmed": confirmed}


def _managers(
    host: FirewallHost, name: str, wanted: str, chains: Sequence[ListedChain]
) -> tuple[str, list[FirewallManager]]:
    """The backend, and the firewall managers that have to accept mail beside our table."""
    has_docker = bool(detection.docker_families(chains)) or host.interfaces.has_docker
    backend = detection.choose(wanted, chains, bool(families_at_boot()), has_docker)
    return backend, registry.in_charge(host, name, backend, chains)


def _check_host(
    module: AnsibleModule, host: FirewallHost, wanted: FlowList, backend: str, chains: Sequence[ListedChain]
) -> None:
    """Refuse what cannot work on this host, and warn of what may not."""
    wrong, doubtful = interface_problems(module.params["interfaces"] or {}, wanted.outside)
    errors, warnings = host_problems(wanted.flows, host.interfaces.names(), host.interfaces.addresses())
    errors = [*wrong, *errors, *bridge_problems(wanted, host.interfaces)]
    warnings = [*doubtful, *warnings]
    if errors and not module.check_mode:
        raise InvalidError(errors)
    for problem in (*errors, *warnings):
        module.warn(str(problem))
    if wanted.routed_families():
        for chain in detection.dropping_chains(chains, detection.opened_tables(backend, chains)):
            module.warn(
                f"The chain {chain} drops what it does not accept itself, and what our table accepts does not change "
                "that. Let it accept forwarded TCP of the flows' ports"
            )
