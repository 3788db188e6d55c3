# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SMTP sessions that senders still have open on the former way when it is about to be removed.

A sender may go on in one for minutes without asking DNS again: Postfix for 300 s (smtp_connection_reuse_time_limit).
And Postfix looks at each recipient whether the domain is its own, also in a session that began before it was taken out:
it refuses with 554 then what it took before, and the author gets it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ....module_utils._limits import SMTP_PORT
from ..plan import Plan, PlannedRelay, PlannedServer

_OWN = ("127.0.0.0/8", "::1")


def sessions_to_end(former: Plan, new: Plan) -> dict[str, str]:
    """Mail host -> which TCP connections have to end there before the former way is removed, as a filter of ss(8)."""
    before, after = _entrances(former), _entrances(new)
    found = {}
    for host, one in _mail_hosts(former):
        ports = [SMTP_PORT, *([port] if (port := one["edge"].get("proxy_port")) else [])]
        then = dict(_mail_hosts(new)).get(host)
        if then is None or not _domains(one) <= _domains(then):
            found[host] = _filter(ports, (), _OWN)
        elif closed := [address for address in before.get(host, ()) if address not in after.get(host, ())]:
            # Behind a relay it has new sessions at the same address: those of the relay.
            others = () if host in after else then["accept_from"]
            found[host] = _filter(ports, closed, (*_OWN, *others))
    return found


def _mail_hosts(plan: Plan) -> Iterator[tuple[str, PlannedRelay | PlannedServer]]:
    yield from plan["server"].items()
    yield from plan["relay"].items()


def _domains(host: PlannedRelay | PlannedServer) -> set[str]:
    return {one if isinstance(one, str) else one["name"] for one in host["domains"]}


def _entrances(plan: Plan) -> dict[str, list[str]]:
    """Mail host -> its own addresses at which mail from outside comes in, behind any forward of ours."""
    forwarded = {
        flow["public_address"]: [target["address"] for target in flow["targets"]]
        for flows in plan["flows"].values()
        for flow in flows
        if flow["action"] == "forward"
    }
    found: dict[str, list[str]] = {}
    for one in plan["expect"]["smtp"]:
        for address in one["addresses"]:
            found.setdefault(one["host"], []).extend(forwarded.get(address, [address]))
    return found


def _filter(ports: Iterable[int], at: Iterable[str], not_from: Iterable[str]) -> str:
    parts = [
        _any(f"sport = :{port}" for port in ports),
        _any(f"src {_bracketed(address)}" for address in at),
        f"not {_any(f'dst {_bracketed(address)}' for address in not_from)}",
    ]
    return " and ".join(filter(None, parts))


def _any(words: Iterable[str]) -> str:
    joined = " or ".join(words)
    return f"( {joined} )" if joined else ""


def _bracketed(address: str) -> str:
    """An address or network; without brackets ss takes what follows a colon for a port."""
    return f"[{address}]" if ":" in address else address
