# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as tables for a terminal. Read from the plan alone, so that they say what will be done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..plan import Plan, PlannedFlow, PlannedRecord, PlannedRelay, PlannedServer, PlanWarning, RecordToRemove, Request

RECORD_COLUMNS = ("Record", "Type", "Value", "Preference", "TTL")
FLOW_COLUMNS = ("Device", "From", "To", "Port", "Action")
MAIL_COLUMNS = ("Host", "Name", "Takes mail for", "From", "Hands it to", "Sends through")


def tables(plan: Plan) -> str:
    """The whole plan: records of each endpoint, flows, mail hosts, requests to others, warnings."""
    parts = [
        _titled(
            f"DNS records, endpoint '{endpoint}'",
            RECORD_COLUMNS,
            record_rows(rrset for z in zones.values() for rrset in z),
        )
        for endpoint, zones in plan["dns"].items()
    ]
    parts.append(_titled("Flows, the first that matches wins", FLOW_COLUMNS, flow_rows(plan["flows"])))
    parts.append(_titled("Mail hosts", MAIL_COLUMNS, mail_rows(plan)))
    parts.append(requests(plan))
    if plan["warnings"]:
        lines = [f"- {_where(warning)}: {warning['message']}. {warning['remedy']}" for warning in plan["warnings"]]
        parts.append("\n".join(["Warnings", *lines]))
    return "\n\n".join(part for part in parts if part)


def requests(plan: Plan) -> str:
    """What others have to be asked for, as they enter it; empty if there is nothing."""
    return "\n\n".join(map(_request, plan["manual"]))


def record_rows(rrsets: Iterable[PlannedRecord | RecordToRemove]) -> list[tuple[str, ...]]:
    """A row for each record: name, type, value, MX preference, and TTL in seconds or, of one that goes, `removed`."""
    rows: list[tuple[str, ...]] = []
    for rrset in rrsets:
        for value in rrset["values"]:
            preference, shown = value.split(" ", 1) if rrset["type"] == "MX" else ("", value)
            shown = shown if shown == "." else shown.rstrip(".")
            rows.append((rrset["name"], rrset["type"], shown, preference, str(rrset.get("ttl", "removed"))))
    return rows


def flow_rows(flows: Mapping[str, Sequence[PlannedFlow]]) -> list[tuple[str, ...]]:
    """A row for each flow: device, from, to, port, action."""
    return [_flow_row(device, flow) for device, held in flows.items() for flow in held]


def _flow_row(device: str, flow: PlannedFlow) -> tuple[str, ...]:
    destination = flow["destination"] if "destination" in flow else [flow["public_address"]]
    action = flow["action"]
    if action == "forward":
        action = f"forward to {', '.join(target['address'] for target in flow['targets'])}"
    elif action == "snat":
        action = f"leave from {flow['egress_address']}"
    ports = ", ".join(str(port) for port in flow["ports"])
    return (device, ", ".join(flow["source"]), ", ".join(destination), ports, action)


def mail_rows(plan: Plan) -> list[tuple[str, ...]]:
    """A row for each relay and server: host, name, domains, who may deliver, next hops, smarthosts."""
    rows = []
    for host, relay in plan["relay"].items():
        hops = [hop["address"] for domain in relay["domains"] for hop in domain["next_hops"]]
        senders = relay["accept_from"] or ["any host"]
        names = [domain["name"] for domain in relay["domains"]]
        rows.append(_mail_row(host, relay, names, [*senders, *relay["relay_from"]], hops))
    for host, server in plan["server"].items():
        rows.append(
            _mail_row(host, server, server["domains"], server["accept_from"] or ["any host"], ["its mailboxes"])
        )
    return rows


def _mail_row(
    host: str, role: PlannedRelay | PlannedServer, domains: Sequence[str], senders: Sequence[str], hops: Sequence[str]
) -> tuple[str, ...]:
    through = [hop["address"] for hop in role["smarthosts"]] or ["MX lookup"]
    return (host, role["fqdn"], _some(domains), _some(senders), _some(hops), _some(through))


def _some(names: Sequence[str]) -> str:
    """Each once, and not three hundred of them: the JSON has all."""
    once = list(dict.fromkeys(names))
    return ", ".join(once[:4]) + (f" and {len(once) - 4} more" if len(once) > 4 else "")


def _request(request: Request) -> str:
    """With the records, the rules or the commands to enter."""
    parts = [f"To be done by others ({request['owner']})\n{request['what']}\n({request['why']})"]
    if "records" in request:
        parts.append(_table(RECORD_COLUMNS, record_rows(request["records"])))
    if "flows" in request:
        parts.append(_table(FLOW_COLUMNS, flow_rows({request.get("device", request["owner"]): request["flows"]})))
    parts += [f"# {step['title']}\n{step['text'].rstrip()}" for step in request.get("steps", ())]
    return "\n".join(parts)


def _where(warning: PlanWarning) -> str:
    return f"{warning['host'] or 'all hosts'}, {warning['variable']}"


def _titled(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return f"{title}\n{_table(columns, rows)}" if rows else ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two spaces between them; one in which nothing stands is left out."""
    used = [index for index in range(len(columns)) if any(row[index] for row in rows)]
    lines = [[columns[index] for index in used], *[[row[index] for index in used] for row in rows]]
    widths = [max(len(line[index]) for line in lines) for index in range(len(used))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)
