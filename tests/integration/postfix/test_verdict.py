# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What path_check says of a real Postfix that takes no mail, each time for another reason."""

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.tests.integration.postfix.debian_host import RELAY, DebianHost

EXCHANGER = {"host": "mail", "fqdn": "mail.example.org", "addresses": [RELAY], "domains": ["example.org"]}
SOUND = {
    "myhostname": "mail.example.org",
    "mydestination": "example.org",
    "mynetworks": "127.0.0.0/8",
    "smtpd_error_sleep_time": "0",
    "smtpd_peername_lookup": "no",
    "smtpd_tls_security_level": "may",
    "smtpd_tls_chain_files": "/etc/postfix/chain.pem",
}
CERTIFICATE = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
    *("-subj", "/CN=mail.example.org", "-addext", "subjectAltName=DNS:mail.example.org", "-days", "30"),
    *("-keyout", "/etc/postfix/chain.pem", "-out", "/etc/postfix/certificate.pem"),
)


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, []),
        ({"smtpd_tls_security_level": "encrypt"}, ["starttls-required"]),
        (
            {"smtpd_tls_security_level": "encrypt", "mynetworks": "0.0.0.0/0"},
            ["open-relay", "starttls-required"],
        ),
        ({"smtpd_recipient_restrictions": "reject_plaintext_session"}, ["starttls-required"]),
        # As a disk that is almost full.
        ({"queue_minfree": "1000000000000"}, ["server-fault"]),
        ({"virtual_alias_maps": "texthash:/etc/postfix/gone"}, ["server-fault"]),
        ({"smtpd_recipient_restrictions": "no_such_restriction"}, ["server-fault"]),
        (
            {"smtpd_recipient_restrictions": "check_recipient_access inline:{postmaster@example.org=REJECT}"},
            ["postmaster-refused"],
        ),
        ({"smtpd_sender_restrictions": "check_sender_access inline:{<>=REJECT}"}, ["null-sender-refused"]),
        ({"smtpd_sender_restrictions": "check_sender_access inline:{<>=DEFER}"}, ["null-sender-refused?"]),
        ({"smtpd_client_restrictions": "reject"}, ["postmaster-refused?"]),
        ({"smtpd_client_restrictions": "reject", "smtpd_delay_reject": "no"}, ["banner-refused?"]),
        ({"smtpd_client_restrictions": "defer"}, ["greylisted?"]),
        ({"smtpd_relay_restrictions": "permit_sasl_authenticated, reject"}, ["postmaster-refused?"]),
        ({"mydestination": "localhost"}, ["domain-refused"]),
        ({"mydestination": "localhost", "smtpd_relay_restrictions": "defer_unauth_destination"}, ["domain-refused"]),
        (
            {"mydestination": "localhost", "mynetworks": "0.0.0.0/0"},
            ["open-relay"],
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("host", ["trixie"], indirect=True)
def test_verdict(host: DebianHost, settings: dict[str, str], found: list[str]) -> None:
    host.run(*CERTIFICATE)
    host.write(
        "/etc/postfix/chain.pem", host.text("/etc/postfix/chain.pem") + host.text("/etc/postfix/certificate.pem")
    )
    host.configure(**{**SOUND, **settings})
    host.start()
    result = host.machine.module(
        "path_check", expectations={"smtp": [EXCHANGER]}, public_networks=["203.0.113.0/24"], fail_on="never", timeout=2
    ).answer
    ids = {one["id"] + ("?" if one["status"] == "unknown" else "") for one in result["findings"]}
    assert sorted(ids) == found, result["report"]
