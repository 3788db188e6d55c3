# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where other programs fail, run beside ours on the same real servers: what each says, and what dig shows afterwards.

community.general 11.4 (nsupdate, cloudflare_dns), octodns-bind 1.1, amazon.aws 10.1 (route53), and BIND's own nsupdate.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws import CREDENTIALS, Cloud, rrset
from cloudflare import BATCH, TOKENS, Fake, there
from controller import Controller, access, mx, record
from name_server import NameServer, Network
from named import Named
from peers import Peers
from powerdns import PACKAGES, PowerDns

MAY_WRITE = 'update-policy { grant "inbound-mail" zonesub ANY; };'
MAY_NOT_WRITE = "allow-update { none; };"
MAY_TRANSFER = 'allow-transfer { key "inbound-mail"; };'
LONG_TEXT = "v=DKIM1; p=" + "A1b2" * 100
HOSTS = 10


@dataclass(frozen=True)
class Row:
    """The same work for both, each in a zone of its own; ZONE stands for its name.

    standing: records beside the apex, as a zone file has them; theirs: arguments of nsupdate, of a task each;
    ours: records of dns_records, all in one task; check: in check mode.
    """

    standing: str
    theirs: list[dict[str, Any]]
    ours: list[dict[str, Any]]
    policy: str = MAY_WRITE
    check: bool = False


OURS_MX = {"name": "ZONE", "type": "MX"}
THEIRS_MX = {"record": "ZONE.", "type": "MX"}
TWO_MX = "@ MX 10 a.example.net.\n@ MX 20 b.example.net."

NSUPDATE = {
    "refused": Row(
        "@ MX 10 a.example.net.",
        [{**THEIRS_MX, "state": "absent"}],
        [{**OURS_MX, "state": "absent"}],
        MAY_NOT_WRITE,
    ),
    "one-value": Row(
        TWO_MX,
        [{**THEIRS_MX, "value": "20 b.example.net.", "state": "absent"}],
        [{**OURS_MX, "values": ["20 b.example.net."], "state": "absent"}],
    ),
    "alias": Row(
        "shop CNAME www.example.net.",
        [{"record": "shop.ZONE.", "type": "MX", "value": "10 mail.example.net."}] * 2,
        [{"name": "shop.ZONE", "type": "MX", "values": ["10 mail.example.net."]}],
    ),
    "spf": Row(
        '@ TXT "google-site-verification=abc"\n@ TXT "v=spf1 a -all"',
        [{"record": "ZONE.", "type": "TXT", "value": "v=spf1 mx -all"}],
        [{"name": "ZONE", "type": "TXT", "values": ["v=spf1 mx -all"]}],
    ),
    "long-text": Row(
        "",
        [{"record": "k._domainkey.ZONE.", "type": "TXT", "value": LONG_TEXT}],
        [{"name": "k._domainkey.ZONE", "type": "TXT", "values": [LONG_TEXT]}],
    ),
    "check": Row(
        "@ 3600 MX 10 a.example.net.",
        [{**THEIRS_MX, "value": "10 a.example.net."}],
        [{**OURS_MX, "values": ["10 a.example.net."]}],
        MAY_NOT_WRITE,
        check=True,
    ),
    "no-dot": Row(
        "mail.example A 203.0.113.1\nmail.example.net A 203.0.113.1",
        [{**THEIRS_MX, "value": "10 mail.example.net"}],
        [{**OURS_MX, "values": ["10 mail.example.net"]}],
    ),
    "hosts": Row(
        "\n".join(f"host{number} 3600 A 203.0.113.{number}" for number in range(HOSTS)),
        [{"record": f"host{number}.ZONE.", "value": f"203.0.113.{number}"} for number in range(HOSTS)],
        [{"name": f"host{number}.ZONE", "type": "A", "values": [f"203.0.113.{number}"]} for number in range(HOSTS)],
    ),
}


@dataclass
class Side:
    """What became of a row on one side. results: of each task; connections: opened by TCP meanwhile."""

    server: Named
    zone: str
    results: list[dict[str, Any]]
    connections: int

    @property
    def result(self) -> dict[str, Any]:
        return self.results[-1]

    @property
    def is_failed(self) -> bool:
        return any(result["failed"] for result in self.results)

    @property
    def updates_in_log(self) -> list[str]:
        return re.findall(rf"(updating zone '{self.zone}/IN'.*|update '{self.zone}/IN' .*)", self.server.log)

    def dig(self, rdtype: str, name: str = "@") -> list[str]:
        return self.server.dig(self.zone if name == "@" else f"{name}.{self.zone}", rdtype)


Sides = dict[str, Side]


@pytest.fixture(scope="module")
def named(
    debian_root: Callable[[str], Path], network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Named]:
    """With a zone for each row and side, and those in which octoDNS works."""
    server = Named(debian_root("trixie"), tmp_path_factory.mktemp("named"), network)
    for name, row in NSUPDATE.items():
        for side in ("theirs", "ours"):
            server.zone(f"{name}.{side}.example", row.standing, row.policy)
    for side in ("octodns", "ours"):
        server.zone(f"many.{side}.example", "", f"{MAY_WRITE} {MAY_TRANSFER}")
        server.zone(f"no-axfr.{side}.example", "", MAY_WRITE)
        server.zone(f"race.{side}.example", "@ TXT other=1", f"{MAY_WRITE} {MAY_TRANSFER}")
    server.start()
    yield server
    server.clear()


@pytest.fixture(scope="module")
def peers(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Peers:
    return Peers(network, tmp_path_factory.mktemp("peers"))


def for_zone(arguments: Any, zone: str) -> Any:
    return json.loads(json.dumps(arguments).replace("ZONE", zone))


def side_by_side(named: Named, controller: Controller, side: str, tasks_of: Callable[[Row, str], list[dict]]) -> Any:
    """Each row's tasks, with the count of connections of this network before and after; all in one playbook."""
    count = {"ansible.builtin.debug": {"msg": "{{ lookup('file', '/proc/net/snmp') }}"}}
    numbers, tasks = [], []
    for name, row in NSUPDATE.items():
        of_row = tasks_of(row, f"{name}.{side}.example")
        numbers.append(len(of_row))
        tasks += [count, *({**task, "check_mode": row.check} for task in of_row)]
    results = controller.results([*tasks, count], "-c", "local")
    sides = {}
    for name, number in zip(NSUPDATE, numbers, strict=True):
        before, results_of_row, after = results[0], results[1 : 1 + number], results[1 + number]
        sides[name] = Side(named, f"{name}.{side}.example", results_of_row, opened(after) - opened(before))
        results = results[1 + number :]
    return sides


def opened(counters: dict[str, Any]) -> int:
    """The field ActiveOpens of /proc/net/snmp (RFC 4022, tcpActiveOpens)."""
    names, numbers = [line.split() for line in counters["msg"].splitlines() if line.startswith("Tcp:")]
    return int(numbers[names.index("ActiveOpens")])


@pytest.fixture(scope="module")
def theirs(named: Named, peers: Peers) -> Sides:
    def tasks_of(row: Row, zone: str) -> list[dict[str, Any]]:
        common = {**access(named), "zone": zone}
        return [{"community.general.nsupdate": {**common, **for_zone(task, zone)}} for task in row.theirs]

    return side_by_side(named, peers, "theirs", tasks_of)


@pytest.fixture(scope="module")
def ours(named: Named, network: Network, tmp_path_factory: pytest.TempPathFactory) -> Sides:
    def tasks_of(row: Row, zone: str) -> list[dict[str, Any]]:
        records = [{**item, "zone": zone} for item in for_zone(row.ours, zone)]
        return [{"inbound.mail.dns_records": {**access(named), "records": records}}]

    return side_by_side(named, Controller(network, tmp_path_factory.mktemp("ours")), "ours", tasks_of)


def test_nsupdate_absent_where_the_server_refuses(theirs: Sides, ours: Sides) -> None:
    """It takes the refusal of its question for the answer that there is no such record."""
    side = theirs["refused"]
    assert (side.result["changed"], side.is_failed, side.result["dns_rc_str"]) == (False, False, "REFUSED")
    assert side.dig("MX") == ["10 a.example.net."], "the record stays"
    side = ours["refused"]
    assert side.is_failed
    assert "refuses the update (REFUSED)" in side.result["msg"]
    assert side.dig("MX") == ["10 a.example.net."]


def test_nsupdate_absent_with_one_value(theirs: Sides, ours: Sides) -> None:
    assert not theirs["one-value"].is_failed
    assert theirs["one-value"].dig("MX") == [], "the other mail exchange is gone too"
    assert not ours["one-value"].is_failed
    assert ours["one-value"].dig("MX") == ["10 a.example.net."]


def test_nsupdate_at_an_alias(theirs: Sides, ours: Sides) -> None:
    """The server answers NOERROR, as RFC 2136, section 3.4.2.2 has it, and leaves the record out."""
    side = theirs["alias"]
    assert [(result["changed"], result["dns_rc_str"]) for result in side.results] == [(True, "NOERROR")] * 2
    assert side.dig("MX", "shop") == side.dig("CNAME", "shop") == ["www.example.net."], "nothing was written"
    side = ours["alias"]
    assert side.is_failed
    assert f"shop.{side.zone} is an alias (CNAME www.example.net.)" in side.result["msg"]
    assert side.updates_in_log == [], "it failed before the write"


def test_nsupdate_of_an_spf_policy(theirs: Sides, ours: Sides) -> None:
    assert theirs["spf"].dig("TXT") == ['"v=spf1 mx -all"'], "the proof of ownership is gone"
    assert ours["spf"].dig("TXT") == ['"google-site-verification=abc"', '"v=spf1 mx -all"']


def test_nsupdate_of_a_long_text(theirs: Sides, ours: Sides) -> None:
    assert theirs["long-text"].is_failed
    assert "nvalid" in theirs["long-text"].result["msg"]
    assert theirs["long-text"].dig("TXT", "k._domainkey") == []
    assert not ours["long-text"].is_failed
    assert ours["long-text"].dig("TXT", "k._domainkey") == [f'"{LONG_TEXT[:255]}" "{LONG_TEXT[255:]}"']


def test_nsupdate_in_check_mode(theirs: Sides, ours: Sides) -> None:
    """The record is as wanted, and the key may not write."""
    assert theirs["check"].result["changed"], "a change where nothing differs"
    assert theirs["check"].updates_in_log != [], "in check mode"
    assert not ours["check"].is_failed
    assert not ours["check"].result["changed"]
    assert ours["check"].updates_in_log == []


def test_nsupdate_of_a_host_without_final_dot(theirs: Sides, ours: Sides) -> None:
    assert theirs["no-dot"].dig("MX") == [f"10 mail.example.net.{theirs['no-dot'].zone}."]
    assert ours["no-dot"].dig("MX") == ["10 mail.example.net."]


def test_nsupdate_of_many_records(theirs: Sides, ours: Sides) -> None:
    """All are as wanted: three questions for each, each on a connection of its own, by a module of its own."""
    assert not any(result["changed"] for result in theirs["hosts"].results)
    assert len(theirs["hosts"].results) == HOSTS
    assert theirs["hosts"].connections == 3 * HOSTS
    assert not ours["hosts"].result["changed"]
    assert ours["hosts"].result["stats"]["unchanged"] == HOSTS
    assert len(ours["hosts"].results) == 1
    assert ours["hosts"].connections == 0, "UDP"


def octodns_zone(server: NameServer, zone: str, apex: dict[str, Any], **names: Any) -> dict[str, Any]:
    """octoDNS declares a zone whole, with what holds it up."""
    servers = {"type": "NS", "ttl": 300, "value": f"ns1.{zone}."}
    address = {"type": "A", "ttl": 300, "value": server.address}
    return {"": [servers, apex], "ns1": address, **names}


def test_octodns_of_many_records(named: Named, peers: Peers, controller: Controller) -> None:
    """It counts the RRsets of a message, 1,000, and not the octets."""
    zone = "many.octodns.example"
    hosts = {f"a{number:03}": "203.0.113.17" for number in range(1000)}
    keys = {f"k{number:03}._domainkey": LONG_TEXT for number in range(300)}
    records = {name: {"type": "A", "ttl": 3600, "value": value} for name, value in hosts.items()}
    records |= {name: {"type": "TXT", "ttl": 3600, "value": text.replace(";", "\\;")} for name, text in keys.items()}
    mail = {"type": "MX", "ttl": 3600, "values": [{"preference": 10, "exchange": "mail.example.net."}]}
    done = peers.octodns(named, zone, octodns_zone(named, zone, mail, **records))
    assert done.returncode != 0
    assert "TooBig" in done.stderr
    assert named.dig(f"a000.{zone}", "A") == ["203.0.113.17"], "the first half was written"
    assert named.dig(f"k299._domainkey.{zone}", "TXT") == []

    zone = "many.ours.example"
    wanted = [record(f"{name}.{zone}", "A", value, zone=zone) for name, value in hosts.items()]
    wanted += [record(f"{name}.{zone}", "TXT", text, zone=zone) for name, text in keys.items()]
    outcome = controller.records(named, wanted)
    assert not outcome.failed, outcome.output
    assert outcome.stats["messages"] > 1
    assert [change["status"] for change in outcome.changes] == ["applied"] * 1300
    assert named.dig(f"a000.{zone}", "A") == ["203.0.113.17"]
    assert named.dig(f"k299._domainkey.{zone}", "TXT") == [f'"{LONG_TEXT[:255]}" "{LONG_TEXT[255:]}"']


def test_octodns_without_the_right_to_transfer_the_zone(named: Named, peers: Peers, controller: Controller) -> None:
    zone = "no-axfr.octodns.example"
    mail = {"type": "MX", "ttl": 3600, "values": [{"preference": 10, "exchange": "mail.example.net."}]}
    done = peers.octodns(named, zone, octodns_zone(named, zone, mail))
    assert done.returncode != 0
    assert "Unable to Perform Zone Transfer" in done.stderr
    assert named.dig(zone, "MX") == []

    outcome = controller.records(named, [mx("10 mail.example.net", zone="no-axfr.ours.example")])
    assert not outcome.failed, outcome.output
    assert named.dig("no-axfr.ours.example", "MX") == ["10 mail.example.net."]


def test_octodns_when_somebody_else_writes_meanwhile(
    named: Named, peers: Peers, controller: Controller, trouble: Callable[..., str]
) -> None:
    """Between its reading and its writing somebody adds a proof of ownership."""

    def added(zone: str) -> str:
        script = f"server {named.address}\nzone {zone}\nupdate add {zone} 300 TXT proof=1\nsend\n"
        named.write_key_file()
        return f"printf %s {shlex.quote(script)} | " + shlex.join(named.inside("/usr/bin/nsupdate", "-k", "/srv/key"))

    zone = "race.octodns.example"
    policy = {"type": "TXT", "ttl": 300, "values": ["other=1", "v=spf1 mx -all"]}
    front = trouble(named, "race", 1, given=added(zone))
    done = peers.octodns(named, zone, octodns_zone(named, zone, policy), through=front)
    assert done.returncode == 0, done.stderr
    assert named.dig(zone, "TXT") == ['"other=1"', '"v=spf1 mx -all"'], "what they wrote is lost, and nobody is told"

    zone = "race.ours.example"
    front = trouble(named, "race", 1, given=added(zone))
    outcome = controller.records(named, [record(zone, "TXT", "v=spf1 mx -all", zone=zone)], server=front)
    assert not outcome.failed, outcome.output
    assert named.dig(zone, "TXT") == ['"other=1"', '"proof=1"', '"v=spf1 mx -all"']
    assert "another client changed TXT" in outcome.output


def test_a_policy_of_powerdns(
    debian_root: Callable[..., Path], network: Network, peers: Peers, controller: Controller, tmp_path: Path
) -> None:
    """It answers NOERROR to an update of which its policy denies every part: all but us believe it."""
    folder = tmp_path / "pdns"
    folder.mkdir()
    server = PowerDns(
        debian_root("trixie", *PACKAGES), folder, network, settings="lua-dnsupdate-policy-script=/srv/policy.lua"
    )
    (folder / "policy.lua").write_text("function updatepolicy(input)\n  return false\nend\n")
    zone = "example.org"
    server.zone(zone, "@ MX 10 old.example.net.")
    server.pdnsutil("add-meta", zone, "TSIG-ALLOW-AXFR", server.key.name)
    server.start()
    try:
        server.nsupdate(zone, "update delete example.org MX", "update add example.org 300 MX 10 mail.example.net.")
        arguments = {
            **access(server),
            "zone": zone,
            "record": f"{zone}.",
            "type": "MX",
            "value": "10 mail.example.net.",
        }
        [module] = peers.results([{"community.general.nsupdate": arguments}], "-c", "local")
        assert (module["changed"], module["failed"]) == (True, False)
        mail = {"type": "MX", "ttl": 3600, "values": [{"preference": 10, "exchange": "mail.example.net."}]}
        done = peers.octodns(server, zone, octodns_zone(server, zone, mail))
        assert done.returncode == 0, done.stderr

        outcome = controller.records(server, [mx("10 mail.example.net")])
        assert outcome.failed
        assert "said yes (NOERROR) to the update, but does not answer it: MX example.org" in outcome.msg
        assert [change["status"] for change in outcome.changes] == ["not_applied"]
        assert server.dig(zone, "MX") == ["10 old.example.net."], "none of the four wrote anything"
    finally:
        server.stop()


def test_route53_of_two_exchanges_in_another_order(
    network: Network, peers: Peers, controller: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto stands in for Route 53."""
    folder = tmp_path / "moto"
    folder.mkdir()
    cloud = Cloud(network, folder, "moto_server")
    values = ["10 a.example.net.", "20 b.example.net."]
    try:
        zone_id = cloud.new_zone("example.org", rrset("example.org.", "MX", *values))
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        arguments = {
            "endpoint_url": cloud.url,
            "zone": "example.org",
            "record": "example.org",
            "type": "MX",
            "ttl": 300,
            "state": "present",
            "overwrite": True,
        }
        # boto3 is here, where it is not among the peers.
        keywords = {
            "vars": {"ansible_python_interpreter": sys.executable},
            "environment": {**CREDENTIALS, "AWS_DEFAULT_REGION": "us-east-1"},
        }
        tasks = [{"amazon.aws.route53": {**arguments, "value": order}, **keywords} for order in (values, values[::-1])]
        same, reordered = peers.results(tasks, "-c", "local")
        assert (same["failed"], same["changed"]) == (False, False), same
        assert reordered["changed"]

        records = [mx(*order, ttl=300) for order in (values, values[::-1])]
        tasks = [
            {"inbound.mail.dns_records": {"provider": "route53", "url": cloud.url, "records": [item]}}
            for item in records
        ]
        results = controller.results(tasks)
        assert [(result["failed"], result["changed"]) for result in results] == [(False, False)] * 2
        assert cloud.values(zone_id, "example.org.", "MX") == values
    finally:
        cloud.close()


def test_cloudflare_dns_solo(
    network: Network, peers: Peers, controller: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It deletes before it creates: when the service fails in between, the domain has no mail exchange any more.

    Of Cloudflare there is only a fake.
    """
    certificate, hosts = tmp_path / "certificate.pem", tmp_path / "hosts"
    fake = Fake(network, certificate)
    old = there("MX", "old.example.net", priority=10)
    fault = {"method": "POST", "status": 500}
    try:
        hosts.write_text(f"{fake.address} api.cloudflare.com\n")
        fake.has(old)
        fake.will(fault)
        options = {"zone": "example.org", "type": "MX", "value": "mail.example.net", "priority": 10, "solo": True}
        task = {
            "community.general.cloudflare_dns": {**options, "api_token": TOKENS["editor"]},
            "environment": {"SSL_CERT_FILE": str(certificate)},
        }
        [module] = peers.results([task], "-c", "local", etc={"hosts": hosts})
        assert module["failed"]
        assert "unexpected HTTP code 500" in module["msg"]
        assert fake.contents("MX") == [], "the old one is deleted, the new one not made"

        fake.has(old)
        fake.will(fault)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKENS["editor"])
        options = {"provider": "cloudflare", "url": fake.url, "ca_path": str(certificate)}
        outcome = controller.run("dns_records", {**options, "records": [mx("10 mail.example.net")]})
        assert not outcome.failed, outcome.output
        assert [request for request in fake.requests() if not request.startswith("GET")] == [BATCH, BATCH]
        assert fake.contents("MX") == ["mail.example.net"], "in one piece, when the service took it"
    finally:
        fake.close()
