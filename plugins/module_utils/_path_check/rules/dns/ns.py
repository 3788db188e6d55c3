# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: every name server that a zone is delegated to answers for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._dns.names import is_below
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import is_authoritative, label
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, WARNING, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "ns-count",
    ERROR,
    "RFC 2182, section 5",
    "The zone is delegated to fewer than two name servers: if the only one fails, mail to it fails.",
    "Add a second name server for the zone, in another network.",
)
def ns_count(case: Case) -> Iterator[Found]:
    alone: dict[str, list[str]] = {}
    for zone in case.dns.zones.values():
        names = {server["name"] for server in zone["servers"]}
        if zone["delegated"] and len(names) == 1:
            alone.setdefault(names.pop(), []).append(zone["name"])
    for name, zones in alone.items():
        yield Found(
            name,
            f"It is the only name server of {listed(zones)}.",
            "Make another host serve the zone too, in another network, and add its NS record to the zone and to "
            "the parent zone.",
            expected="two or more",
            observed=zones,
        )


@rule(
    "ns-parent-child",
    ERROR,
    "RFC 1034, section 4.2.2",
    "The NS records of the parent zone differ from those of the zone itself, or the parent zone has another "
    "address for a name server (glue).",
    "Ask the registrar, or the operator of the parent zone, to enter what the zone has.",
)
def ns_parent_child(case: Case) -> Iterator[Found]:
    for zone in case.dns.zones.values():
        parent = zone.get("parent")
        said = {
            tuple(answer["values"]) for _who, answer in case.dns.answers(zone["name"], "NS") if is_authoritative(answer)
        }
        if parent is None or not said:
            continue
        if tuple(parent["names"]) not in said:
            own = sorted({name for names in said for name in names})
            missing, surplus = ([one for one in own if one not in parent["names"]], set(parent["names"]) - set(own))
            words = [f"{listed(missing)} is only in the zone"] if missing else []
            words += [f"{listed(sorted(surplus))} is only in the parent zone"] if surplus else []
            yield Found(
                zone["name"],
                f"The NS records differ: {'; '.join(words)}.",
                f"Ask the registrar to enter {listed(own)} in the parent zone, or change the NS records of the zone.",
                expected=own,
                observed=parent["names"],
            )
        for name, glue in parent["glue"].items():
            own = [one["address"] for one in zone["servers"] if one["name"] == name and one["address"]]
            stale = [address for address in glue if address not in own]
            if own and stale and is_below(name, zone["name"]):
                yield Found(
                    name,
                    f"The parent zone of {zone['name']} gives it the address {listed(stale)}; its own is "
                    f"{listed(own)}.",
                    f"Ask the registrar to change the address of {name} (glue) to {listed(own)}.",
                    expected=own,
                    observed=glue,
                )


@rule(
    "ns-lame",
    ERROR,
    "RFC 1912, section 2.8",
    "A name server that the zone is delegated to does not answer for it after three queries.",
    "Make the server serve the zone, or remove its NS record from the zone and from the parent zone.",
)
def ns_lame(case: Case) -> Iterator[Found]:
    # One broken server of three hundred zones is one finding.
    lame: dict[tuple[str, str, str], list[str]] = {}
    for zone in case.dns.zones.values():
        for server in zone["servers"]:
            trouble = _trouble(server)
            if trouble is not None:
                lame.setdefault((server["name"], server["address"], trouble), []).append(zone["name"])
    for (name, address, trouble), zones in lame.items():
        yield Found(
            f"{name} ({address})" if address else name,
            f"It is a name server of {listed(zones)}. {trouble}",
            f"Make it serve {'it' if len(zones) == 1 else 'them'} on UDP and TCP port 53, or remove '{zones[0]}. "
            f"NS {name}.'{' and so on' if len(zones) > 1 else ''} from the zone and from its parent zone.",
            observed=zones,
            places=[address or name],
        )


def _trouble(server: seen.NameServer) -> str | None:
    """Why a name server does not answer for its zone; None if it does, or could not be queried from here."""
    if not server["address"]:
        return "The name server's name has no address."
    if server["status"] == seen.NO_ROUTE:
        return None  # vantage-family
    if server["status"] == seen.NOT_CONTACTED:
        return (
            "Its address is none of the internet's, so it was not queried (in a laboratory, name the network in "
            "mail_public_networks)."
        )
    if server["status"] != seen.ANSWERED:
        words = {seen.REFUSED: "Nothing listens on port 53.", seen.MALFORMED: "Its answers are not DNS messages."}
        return words.get(server["status"], "It does not answer.")
    if server["rcode"] != "NOERROR":
        return f"It answers {server['rcode']} to the query for the SOA record."
    if not server["authoritative"] or server["serial"] is None:
        return "It answers without authority: it does not serve the zone."
    return None


@rule(
    "ns-no-tcp",
    WARNING,
    "RFC 7766, section 5",
    "A name server answers over UDP but not over TCP: answers that do not fit in a datagram are lost.",
    "Allow TCP port 53 to it.",
)
def ns_no_tcp(case: Case) -> Iterator[Found]:
    mute: dict[tuple[str, str], list[str]] = {}
    for zone in case.dns.zones.values():
        for server in zone["servers"]:
            without = server.get("tcp", "") in (seen.TIMEOUT, seen.REFUSED, seen.MALFORMED)
            if without and _trouble(server) is None and server["status"] == seen.ANSWERED:
                mute.setdefault((label(server), server["address"]), []).append(zone["name"])
    for (subject, address), zones in mute.items():
        yield Found(
            subject,
            f"It is a name server of {listed(zones)} and does not answer over TCP.",
            "Allow TCP port 53 to it, beside UDP, and make the server listen there.",
            observed=zones,
            places=[address],
        )


@rule(
    "ns-target-cname",
    ERROR,
    "RFC 2181, section 10.3",
    "An NS record names an alias (CNAME).",
    "Name the host itself in the NS record.",
)
def ns_target_cname(case: Case) -> Iterator[Found]:
    aliases: dict[tuple[str, str], list[str]] = {}
    for zone in case.dns.zones.values():
        for name, alias in sorted({(one["name"], one.get("alias", "")) for one in zone["servers"]}):
            if alias:
                aliases.setdefault((name, alias), []).append(zone["name"])
    for (name, alias), zones in aliases.items():
        yield Found(
            name,
            f"The NS records of {listed(zones)} name it, but it is an alias of {alias}.",
            f"Name {alias} in them, in the zone and in its parent zone, or give {name} address records of its own.",
            observed=alias,
        )
