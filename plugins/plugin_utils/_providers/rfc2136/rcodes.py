# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a DNS server's refusals mean, and what to do, in words for the administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..._deps import dns
from ..._records.mail_exchangers import exchanges
from ..._records.names import name_text
from .connection import ServerConnection
from .errors import ConnectionClosed, KeyRefused, Lost, NoAnswer, RequestFailed, Truncated
from .gss_tsig import SecurityContext

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dns.name import Name

    from ..._records.rrsets import Change


def no_reply(connection: ServerConnection, zone: Name, error: RequestFailed) -> str:
    """Why there is no reply that counts."""
    where = f"zone {name_text(zone)}: {connection.server}"
    protocol = connection.protocol.upper()
    if isinstance(error, Lost):
        error = error.reason
    if isinstance(error, KeyRefused):
        return f"{where} {_key_refused(connection, error.reason)}"
    if isinstance(error, NoAnswer):
        seen = f"; {error}" if str(error) else ""
        return (
            f"{where} did not answer within {connection.timeout:g} s ({protocol}){seen}. "
            "Check that it runs, that server and port are right, and that no firewall drops DNS from here."
        )
    if isinstance(error, Truncated):
        return f"{where} sends only a part of a long answer, over TCP too. Look in its log, and for a proxy on the way."
    if isinstance(error, ConnectionClosed):
        return (
            f"{where} ended the connection before it answered ({protocol}): {error}. "
            "Run it again; if it stays so, look in the server's log."
        )
    return f"{where} cannot be reached ({protocol}): {error}. Check server and port, and that it runs."


def _key_refused(connection: ServerConnection, reason: str) -> str:
    """RFC 8945, section 5.2."""
    name = name_text(connection.key.name) if connection.key is not None else ""
    return {
        "BADKEY": f"does not know the key {name} (BADKEY). "
        "Check key_name and key_algorithm against the key in the server's configuration.",
        "BADSIG": f"does not accept the signature made with the key {name} (BADSIG). "
        "It knows the key by name, with another secret: check key_secret.",
        "BADTIME": "does not accept the time of the signature (BADTIME). "
        "Set the clocks of the controller and of the server: they may differ by 5 minutes.",
        "BADTRUNC": f"does not accept a shortened signature with the key {name} (BADTRUNC). "
        "Choose the key_algorithm without a length at its end.",
    }.get(reason, f"does not accept the signature made with the key {name} ({reason}).")


def _whose(connection: ServerConnection) -> str:
    """By what the server knows who asks; empty if by nothing."""
    if connection.key is None:
        return ""
    if connection.key.algorithm == dns.tsig.GSS_TSIG:
        context = cast(SecurityContext, connection.key.secret)
        return f"the Kerberos principal {context.initiator_name}"
    return f"the key {name_text(connection.key.name)}"


def query_refused(connection: ServerConnection, zone: Name, name: Name, rcode: dns.rcode.Rcode) -> str:
    """Why a question was answered with an error."""
    if rcode == dns.rcode.REFUSED:
        who = _whose(connection) or "this host"
        return (
            f"zone {name_text(zone)}: {connection.server} refuses to answer (REFUSED). "
            f"Either it does not have the zone, or it does not let {who} ask (BIND: allow-query)."
        )
    if rcode == dns.rcode.NOTAUTH:
        return not_authoritative(connection, zone, name)
    return (
        f"zone {name_text(zone)}: {connection.server} cannot answer ({dns.rcode.to_text(rcode)}). "
        "Look in its log: a zone that did not load or has expired answers SERVFAIL."
    )


def not_authoritative(connection: ServerConnection, zone: Name, name: Name) -> str:
    return (
        f"zone {name_text(zone)}: {connection.server} is not authoritative (NOTAUTH) for {name_text(name)}. "
        "Name the primary server of this zone in server; where a part is delegated, name that part as the zone."
    )


def below_dname(connection: ServerConnection, zone: Name, name: Name, redirected: Name) -> str:
    return (
        f"zone {name_text(zone)}: {name_text(name)} can have no records: at {connection.server} a DNAME sends all that "
        f"is below {name_text(redirected)} elsewhere (RFC 6672). Remove the DNAME, or take another name."
    )


def in_another_zone(connection: ServerConnection, zone: Name, name: Name, other: Name) -> str:
    return (
        f"zone {name_text(zone)}: {connection.server} does not have it (NOTAUTH). "
        f"There {name_text(name)} is in the zone {name_text(other)}: name that zone, or the server that has yours."
    )


def changed_by(batch: Sequence[Change]) -> str:
    keys = [str(key) for key in sorted(change.key for change in batch if change.alters)]
    return keys[0] + (f" and {len(keys) - 1} more RRsets" if len(keys) > 1 else "")


def overtaken(connection: ServerConnection, zone: Name, batch: Sequence[Change]) -> str:
    keys = [str(key) for key in sorted(change.key for change in batch)]
    more = f" or {len(keys) - 5} more RRsets" if len(keys) > 5 else ""
    return (
        f"zone {name_text(zone)}: between reading and writing another client changed {' or '.join(keys[:5])}{more} "
        f"at {connection.server}."
    )


def too_big(zone: Name, batch: Sequence[Change]) -> str:
    return (
        f"zone {name_text(zone)}: {changed_by(batch)} has too much data: the old and new values together do not fit "
        "in an update (64 KiB). Remove the RRset first, or declare fewer values."
    )


def no_reply_to_update(connection: ServerConnection, zone: Name, batch: Sequence[Change], error: RequestFailed) -> str:
    """Why an update has no reply that counts."""
    if isinstance(error, KeyRefused) and error.reason == "BADKEY":
        # The zone was read with it.
        return (
            f"zone {name_text(zone)}: {connection.server} takes {_whose(connection)} for questions and not for the "
            f"update (BADKEY): it may not change {changed_by(batch)}. Allow it there (Knot: an acl with action: "
            "update)."
        )
    return no_reply(connection, zone, error)


def update_refused(connection: ServerConnection, zone: Name, batch: Sequence[Change], rcode: dns.rcode.Rcode) -> str:
    """Why an update was answered with an error (RFC 2136, section 2.2)."""
    where = f"zone {name_text(zone)}: {connection.server}"
    what = changed_by(batch)
    who = _whose(connection) or "an update without a key"
    if rcode == dns.rcode.REFUSED:
        return (
            f"{where} refuses the update (REFUSED): {who} may not change {what}. "
            f"Allow it there (BIND: update-policy or allow-update), or use a key that may.{_mx_hint(zone, batch)}"
        )
    if rcode == dns.rcode.NOTAUTH:
        return (
            f"{where} does not take the update (NOTAUTH). Either it is not the primary of a zone of this name: check "
            f"zone and server. Or {who} may not change {what}: allow it there (Knot: an acl with action: update)."
        )
    if rcode == dns.rcode.NOTZONE:
        return f"{where} says that {what} is not in this zone (NOTZONE). Name the zone that holds it."
    if rcode == dns.rcode.NOTIMP:
        return (
            f"{where} does not take updates (NOTIMP). "
            "Name the primary server, and allow dynamic updates there (PowerDNS: dnsupdate=yes)."
        )
    if rcode == dns.rcode.FORMERR:
        return f"{where} does not understand the update of {what} (FORMERR): it may not know a type in it."
    return (
        f"{where} failed to update {what} ({dns.rcode.to_text(rcode)}). "
        "Look in its log: often it may not write the zone's file or journal."
    )


def _mx_hint(zone: Name, batch: Sequence[Change]) -> str:
    """BIND answers REFUSED as well if an MX points to a name in the zone that has no address (check-integrity)."""
    types = (dns.rdatatype.A, dns.rdatatype.AAAA)
    addressed = {change.key.name for change in batch if change.after is not None and change.key.rdtype in types}
    named = {host for change in batch for host in exchanges(change.after) if host.is_subdomain(zone)}
    if not (hosts := sorted(named - addressed)):
        return ""
    names = ", ".join(name_text(host) for host in hosts)
    return f" BIND refuses an MX also while its host has no address in the zone: is there one for {names}?"
