# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that Kerberos makes for one connection to one server (GSS-TSIG, RFC 3645)."""

from __future__ import annotations

import ipaddress
import struct
import time
import uuid
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from ..._deps import LibraryMissing, dns, optional_library

if TYPE_CHECKING:
    from dns.message import Message, QueryMessage
    from dns.name import Name
    from dns.tsig import Key

    from .server import Server

# RFC 2930, section 2.5.
_MODE_GSS = 3
# Tokens that go to and fro before both sides give up; Kerberos needs one each.
_ROUNDS = 8


class SecurityContext(Protocol):
    """What is used of gssapi's class of this name."""

    complete: bool
    initiator_name: object

    def step(self, token: bytes | None = None) -> bytes:
        """The next token for the server, from the one that it answered."""


class GssFailed(Exception):
    """No key came about; the message says why, for the administrator."""


def negotiate(server: Server, timeout: float) -> Key:
    """The key that the server and the Kerberos ticket of this user agree on, over TCP. Raises GssFailed.

    The server's name has to be its host name: its principal is DNS/HOST (RFC 3645, section 3.1.1).
    """
    host = server.name.rstrip(".")
    if _is_address(host):
        raise GssFailed(f"{host} is an address, and Kerberos knows hosts by name: write the host's name in server")
    try:
        gssapi = optional_library("gssapi")
    except LibraryMissing as error:
        raise GssFailed(str(error)) from None
    try:
        return _agree(gssapi, server, host, timeout)
    except gssapi.exceptions.GSSError as error:
        raise GssFailed(_explained(error, host)) from None
    except (dns.exception.DNSException, OSError, EOFError, struct.error) as error:
        raise GssFailed(
            f"{server} does not take a Kerberos key (TKEY over TCP, {type(error).__name__}: {error}). "
            "BIND: tkey-gssapi-keytab; Windows: secure dynamic updates of an AD-integrated zone"
        ) from None


def _agree(gssapi: ModuleType, server: Server, host: str, timeout: float) -> Key:
    # No detection of replays or of the order: many messages are on the way at once, and each is answered by its own.
    flags = gssapi.RequirementFlag.mutual_authentication | gssapi.RequirementFlag.integrity
    principal = gssapi.Name(f"DNS@{host}", gssapi.NameType.hostbased_service)
    context = gssapi.SecurityContext(name=principal, usage="initiate", flags=flags)
    name = dns.name.from_text(f"{uuid.uuid4()}.{host}")
    key = dns.tsig.Key(name, context, dns.tsig.GSS_TSIG)
    token = context.step()
    for _round in range(_ROUNDS):
        if context.complete:
            return key
        reply = dns.query.tcp(_question(name, token, key), server.address, timeout=timeout, port=server.port)
        # dnspython takes the last step by itself, to verify what the reply is signed with.
        if not context.complete:
            token = context.step(_token_in(reply, server))
    raise GssFailed(f"{server} and Kerberos come to no end with {_ROUNDS} messages: look in its log")


def _question(name: Name, token: bytes, key: Key) -> QueryMessage:
    now = int(time.time())
    tkey = dns.rdtypes.ANY.TKEY.TKEY(
        dns.rdataclass.ANY,
        dns.rdatatype.TKEY,
        dns.tsig.GSS_TSIG,
        now,
        now,
        _MODE_GSS,
        dns.rcode.NOERROR,
        token,
    )
    question = dns.message.make_query(name, dns.rdatatype.TKEY, dns.rdataclass.ANY)
    question.keyring = dns.tsig.GSSTSigAdapter({name: key})
    rrset = question.find_rrset(
        dns.message.ADDITIONAL, name, dns.rdataclass.ANY, dns.rdatatype.TKEY, create=True, force_unique=True
    )
    rrset.add(tkey)
    return question


def _token_in(reply: Message, server: Server) -> bytes:
    """RFC 3645, section 3.1.3."""
    for rrset in reply.answer:
        for rdata in rrset:
            if rdata.rdtype == dns.rdatatype.TKEY:
                if rdata.error:
                    raise GssFailed(
                        f"{server} does not accept the Kerberos ticket ({dns.rcode.to_text(rdata.error)}). Its keytab "
                        f"may lack DNS/{server.name.rstrip('.')}, or hold an older key"
                    )
                return bytes(rdata.key)
    raise GssFailed(
        f"{server} takes no Kerberos keys ({dns.rcode.to_text(reply.rcode())} to TKEY). BIND: tkey-gssapi-keytab"
    )


def _explained(error: Exception, host: str) -> str:
    said = " ".join(str(error).split())
    lower = said.lower()
    if "clock skew" in lower:
        return f"Kerberos: the clocks of this host and of {host} differ too much ({said})"
    if "not found in kerberos database" in lower or "server not found" in lower:
        return f"Kerberos knows no principal DNS/{host}: make it, or write in server the name that it has ({said})"
    if "kdc" in lower:
        return f"Kerberos: this host does not reach the realm's key distribution center, see /etc/krb5.conf ({said})"
    if "expired" in lower:
        return f"Kerberos: the ticket has expired: get a new one with kinit ({said})"
    return (
        "Kerberos has no ticket for this user: get one with kinit, or name a keytab in KRB5_CLIENT_KTNAME in the "
        f"environment of the controller ({said})"
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
