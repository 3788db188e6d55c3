# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GSS-TSIG (RFC 3645): named and Ansible of Debian 13 in one Kerberos realm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import kerberos
import pytest
from controller import Controller, mx, record
from kerberos import HOST, REALM, Realm
from name_server import Network
from named import Named

RECORDS = [mx("10 mail.example.org"), record("mail.example.org", "A", "203.0.113.17")]
MANY = [f"d{number:03}.example" for number in range(100)]


@pytest.fixture(scope="module")
def realm(
    debian_root: Callable[..., Path], network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Realm]:
    root = debian_root("trixie", *kerberos.PACKAGES)
    server = Named(root, tmp_path_factory.mktemp("named"), network)
    realm = Realm(server)
    try:
        realm.principal("robot", "robot.keytab")
        realm.principal("reader", "reader.keytab")
        server.options = 'tkey-gssapi-keytab "/srv/dns.keytab";'
        policy = f'update-policy {{ grant "robot@{REALM}" zonesub ANY; }};'
        for zone in ("example.org", *MANY):
            server.zone(zone, "@ MX 10 old.example.net.", policy)
        server.configure()
        server.launch("/usr/bin/env", "KRB5_CONFIG=/srv/krb5.conf", *server.command, says=" running\n")
        yield realm
    finally:
        realm.close()
        server.clear()


def test_records_are_written_with_a_ticket(realm: Realm) -> None:
    predicted = realm.records(RECORDS, "--check", keytab="reader.keytab")
    assert predicted.changed, predicted.output
    done = realm.records(RECORDS, keytab="robot.keytab")
    assert not done.failed, done.output
    assert realm.server.dig("example.org", "MX") == ["10 mail.example.org."]
    assert realm.server.dig("mail.example.org", "A") == ["203.0.113.17"]
    assert f'signer \\"robot\\@{REALM}\\"' in realm.server.log or f"robot\\@{REALM}" in realm.server.log
    assert not realm.records(RECORDS, keytab="robot.keytab").changed


def test_one_negotiation_serves_all_zones(realm: Realm) -> None:
    """An update longer than a datagram is among them."""
    records = [mx("10 mail.example.net", zone=zone) for zone in MANY]
    records.append(record(MANY[0], "TXT", "x" * 250, "y" * 250, zone=MANY[0]))
    keys = realm.server.log.count("process_gsstkey")
    done = realm.records(records, keytab="robot.keytab")
    assert not done.failed, done.output
    assert done.stats["messages"] == len(MANY)
    assert {line for zone in MANY for line in realm.server.dig(zone, "MX")} == {"10 mail.example.net."}
    assert realm.server.log.count("process_gsstkey") - keys <= 2


def test_a_principal_that_may_not_write(realm: Realm) -> None:
    for write in (False, True):
        refused = realm.records([mx("10 other.example.net")], keytab="reader.keytab", write=write)
        assert refused.failed
        assert f"the Kerberos principal reader@{REALM} may not change MX example.org" in refused.msg


def test_what_is_missing_is_said(realm: Realm, controller: Controller) -> None:
    assert "get one with kinit" in realm.records(RECORDS).msg
    address = realm.records(RECORDS, keytab="robot.keytab", server=realm.server.address)
    assert "write the host's name in server" in address.msg
    (realm.server.folder / "hosts").write_text(f"{realm.server.address} {HOST} other.example.test\n")
    unknown = realm.records(RECORDS, keytab="robot.keytab", server="other.example.test")
    assert "Kerberos knows no principal DNS/other.example.test" in unknown.msg
    both = realm.records(RECORDS, keytab="robot.keytab", key_name="x", key_secret="c2VjcmV0c2VjcmV0c2VjcmV0")
    assert "key_name and key_secret mean nothing with key_algorithm: gss-tsig" in both.msg
    # The Python that runs the other tests has no gssapi.
    hosts = realm.server.folder / "hosts"
    task = {"server": HOST, "key_algorithm": "gss-tsig", "records": RECORDS}
    assert "pip install gssapi" in controller.run("dns_records", task, etc={"hosts": hosts}).msg
