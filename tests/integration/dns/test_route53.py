# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones at Amazon Route 53, with programs that stand in for it (aws.py), looked at with boto3 itself."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aws import CREDENTIALS, SECRET_KEY, Cloud, alias, change_request, rrset
from controller import START, Controller, Outcome, mx, record
from name_server import Network

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def clouds(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Cloud]]:
    started: dict[str, Cloud] = {}

    def cloud(program: str) -> Cloud:
        if program not in started:
            started[program] = Cloud(network, tmp_path_factory.mktemp(program), program)
        return started[program]

    yield cloud
    for cloud in started.values():
        cloud.close()


@pytest.fixture
def moto(clouds: Callable[[str], Cloud]) -> Cloud:
    return clouds("moto_server")


@pytest.fixture
def ministack(clouds: Callable[[str], Cloud]) -> Cloud:
    return clouds("ministack")


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def zone() -> str:
    """A name that no other test has."""
    return f"d{next(numbers)}.example"


@pytest.fixture
def front(network: Network) -> Iterator[Callable[..., tuple[str, subprocess.Popen[str]]]]:
    """Puts aws_front.py before a cloud, and returns its URL, and the process which prints the requests."""
    started: list[subprocess.Popen[str]] = []

    def start(cloud: Cloud, kind: str, number: int = 0, given: str = "") -> tuple[str, subprocess.Popen[str]]:
        address = network.new_address()
        script = str(Path(__file__).with_name("aws_front.py"))
        command = network.inside(sys.executable, script, address, cloud.url, kind, str(number))
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        process.stdin.write(given)
        process.stdin.close()
        assert process.stdout.readline() == "ready\n"
        return f"http://{address}", process

    yield start
    for process in started:
        process.kill()
        process.wait()


def route53(controller: Controller, cloud: Cloud, records: list[dict[str, Any]], *words: str, **more: Any) -> Outcome:
    arguments = {"provider": "route53", "url": cloud.url, "records": records, **more}
    return controller.run("dns_records", arguments, *words)


def results(controller: Controller, *cases: dict[str, Any], words: tuple[str, ...] = ()) -> tuple[list[Any], str]:
    """What several tasks return, and all that is printed. A case: arguments, and check_mode of the task itself."""
    tasks = []
    for case in cases:
        arguments = {"provider": "route53", **case}
        keywords = {"check_mode": arguments.pop("check_mode", "--check" in words), "ignore_errors": True}
        tasks.append({"inbound.mail.dns_records": arguments, **keywords})
    done = controller.play(tasks, *words)
    found, end = [], 0
    while (start := done.stdout.find(" => {", end)) >= 0:
        result, end = START.raw_decode(done.stdout, start + 4)
        found.append(result)
    output = done.stdout + done.stderr
    assert len(found) == len(cases), output
    return found, output


def mail(zone: str) -> list[dict[str, Any]]:
    """A mail domain with everything."""
    return [
        mx(f"10 mx1.{zone}", "20 backup.example.net", zone=zone),
        record(f"mx1.{zone}", "A", "203.0.113.17", zone=zone, ttl=300),
        record(f"mx1.{zone}", "AAAA", "2001:db8:1::17", zone=zone, ttl=300),
        record(zone, "TXT", "v=spf1 mx -all", zone=zone),
        record(f"_dmarc.{zone}", "TXT", "v=DMARC1; p=reject", zone=zone),
        record(f"k._domainkey.{zone}", "TXT", "v=DKIM1; p=" + "A1b2+/" * 70, zone=zone),
        record(f"odd.{zone}", "TXT", 'a "quoted" \\ back-slash', "ümlaut", "", zone=zone),
        record(f"*.{zone}", "MX", "0 .", zone=zone),
        record(f"_25._tcp.mx1.{zone}", "TLSA", "3 1 1 " + "ab" * 32, zone=zone),
        record(f"_submission._tcp.{zone}", "SRV", f"0 1 587 mx1.{zone}", zone=zone),
        record(zone, "CAA", '0 issue "ca.example.net"', zone=zone),
    ]


@pytest.mark.parametrize("program", ["moto_server", "ministack"])
def test_a_mail_domain(program: str, clouds: Callable[[str], Cloud], controller: Controller, zone: str) -> None:
    cloud = clouds(program)
    foreign = [
        rrset(f"www.{zone}.", "A", "203.0.113.80"),
        alias(f"{zone}.", "A", "d111111abcdef8.cloudfront.net."),
        rrset(f"geo.{zone}.", "MX", "10 a.example.net.", SetIdentifier="europe", GeoLocation={"ContinentCode": "EU"}),
    ]
    proof = '"google-site-verification=abc"'
    before = [*foreign, rrset(f"{zone}.", "TXT", proof), rrset(f"{zone}.", "MX", f"10 OLD.{zone}")]
    zone_id = cloud.new_zone(zone, *before, rrset(f"old.{zone}.", "A", "203.0.113.9"))
    untouched = cloud.record_sets(zone_id)

    checked = route53(controller, cloud, mail(zone), "--check", "--diff")
    assert checked.changed, checked.output
    assert f"+{zone}. 3600 IN MX 10 mx1.{zone}." in checked.output.replace("\\n", "\n")
    assert checked.stats["messages"] == 0
    assert cloud.record_sets(zone_id) == untouched, "check mode writes nothing"

    first = route53(controller, cloud, mail(zone), prune=True)
    assert first.changed, first.output
    assert first.stats["messages"] == 1, "one change batch"
    assert first.atomic
    assert {change["status"] for change in first.changes} == {"applied"}
    for name, rdtype, values in (
        (f"{zone}.", "MX", [f"10 mx1.{zone}.", "20 backup.example.net."]),
        (f"mx1.{zone}.", "A", ["203.0.113.17"]),
        (f"mx1.{zone}.", "AAAA", ["2001:db8:1::17"]),
        (f"{zone}.", "TXT", [proof, '"v=spf1 mx -all"']),
        (f"_dmarc.{zone}.", "TXT", ['"v=DMARC1; p=reject"']),
        (f"odd.{zone}.", "TXT", ['""', '"\\303\\274mlaut"', '"a \\"quoted\\" \\\\ back-slash"']),
        (f"*.{zone}.", "MX", ["0 ."]),
        (f"_submission._tcp.{zone}.", "SRV", [f"0 1 587 mx1.{zone}."]),
        (f"{zone}.", "CAA", ['0 issue "ca.example.net"']),
        (f"old.{zone}.", "A", []),
    ):
        assert cloud.values(zone_id, name, rdtype) == sorted(values)
    key = "v=DKIM1; p=" + "A1b2+/" * 70
    assert cloud.values(zone_id, f"k._domainkey.{zone}.", "TXT") == [f'"{key[:255]}" "{key[255:]}"']
    written = cloud.record_sets(zone_id)
    for item in foreign:
        assert item in [{name: found[name] for name in item} for found in written if item.keys() <= found.keys()]

    again = [mx("20 BACKUP.example.net.", f"10 MX1.{zone.upper()}", zone=zone), *mail(zone)[1:]]
    changes = [
        mx("20 backup.example.net", zone=zone, state="absent"),
        record(f"mx1.{zone}", "A", "203.0.113.17", zone=zone, ttl=60),
        record(f"mx1.{zone}", "AAAA", zone=zone, state="absent"),
        record(f"www.{zone}", "CNAME", "www.example.net", zone=zone),
        record(f"www.{zone}", "A", zone=zone, state="absent"),
    ]
    (second, third), output = results(
        controller, *({"url": cloud.url, "records": records} for records in (again, changes))
    )
    assert not second["changed"], output
    assert second["stats"]["messages"] == 0
    assert second["stats"]["queries"] == 2, "the zone is found, and read whole"
    assert [change["action"] for change in third["changes"]] == ["update", "update", "delete", "delete", "create"]
    assert cloud.values(zone_id, f"{zone}.", "MX") == [f"10 mx1.{zone}."]
    assert [item["TTL"] for item in cloud.record_sets(zone_id) if item["Name"] == f"mx1.{zone}."] == [60]
    assert cloud.values(zone_id, f"www.{zone}.", "A") == []
    assert cloud.values(zone_id, f"www.{zone}.", "CNAME") == ["www.example.net."]


def test_what_is_more_than_values_is_never_replaced(ministack: Cloud, controller: Controller, zone: str) -> None:
    other = f"other-{zone}"
    ours = [
        alias(f"mail.{zone}.", "A", "lb-1.eu-central-1.elb.amazonaws.com."),
        rrset(f"{zone}.", "MX", "10 a.example.net.", SetIdentifier="blue", Weight=10),
        rrset(f"{zone}.", "MX", "10 b.example.net.", SetIdentifier="green", Weight=20),
        alias(f"alias.{zone}.", "CNAME", f"mail.{zone}."),
    ]
    zone_id = ministack.new_zone(zone, *ours)
    # Two hosts leave the MX: one is the target of an alias, the other one is an alias.
    other_id = ministack.new_zone(
        other,
        rrset(f"{other}.", "MX", f"10 old.{other}.", f"20 lb.{other}."),
        rrset(f"old.{other}.", "A", "203.0.113.9"),
        alias(f"lb.{other}.", "A", "lb-1.eu-central-1.elb.amazonaws.com."),
        alias(f"www.{other}.", "A", f"old.{other}."),
    )
    before = ministack.record_sets(zone_id)
    wanted = [
        mx("10 mail.example.net", zone=zone),
        record(f"mail.{zone}", "A", "203.0.113.17", zone=zone),
        record(f"mail.{zone}", "AAAA", "2001:db8:1::17", zone=zone),
        record(f"alias.{zone}", "A", "203.0.113.17", zone=zone),
        mx("10 mail.example.net", zone=other),
    ]
    tasks = [
        {"url": ministack.url, "prune": True, "records": wanted, "check_mode": True},
        {"url": ministack.url, "prune": True, "records": wanted},
        {"url": ministack.url, "records": [record(f"mail.{zone}", "AAAA", "2001:db8:1::17", zone=zone)]},
        {"url": ministack.url, "records": [mx(zone=zone, state="absent")]},
    ]
    (checked, outcome, beside, gone), _output = results(controller, *tasks)
    for failed in (checked, outcome):
        assert [error["zone"] for error in failed["errors"]] == [zone]
        assert failed["msg"] == (
            f"1 of 2 zones failed: zone {zone}: "
            f"MX {zone} is under a routing policy (weighted), which is not replaced: take another name, or remove it "
            f"at the service; CNAME alias.{zone} is an alias record for mail.{zone}., which is not replaced: take "
            f"another name, or remove it at the service; A mail.{zone} is an alias record for "
            "lb-1.eu-central-1.elb.amazonaws.com., which is not replaced: take another name, or remove it at the "
            "service. Nothing was written in this zone."
        )
    written = ministack.record_sets(zone_id)
    assert [item for item in written if item["Type"] != "AAAA"] == before
    assert ministack.values(other_id, f"{other}.", "MX") == ["10 mail.example.net."]
    assert ministack.values(other_id, f"old.{other}.", "A") == ["203.0.113.9"], "an alias needs it"
    assert [(left["name"], left["reason"]) for left in outcome["leftover"]] == [
        (f"old.{other}", "other records in the zone name the host")
    ]
    assert beside["changed"], "the alias is for IPv4 alone"
    assert f"MX {zone} is under a routing policy" in gone["msg"]


def test_what_another_zone_answers_for(ministack: Cloud, controller: Controller, zone: str) -> None:
    """Route 53 takes records below a delegation, and no name server ever answers them."""
    servers = rrset(f"sub.{zone}.", "NS", f"ns1.sub.{zone}.", "ns.example.net.")
    zone_id = ministack.new_zone(zone, servers, rrset(f"left.sub.{zone}.", "A", "203.0.113.9"))
    hidden = [
        mx(f"10 mail.sub.{zone}", zone=zone),
        mx("10 mail.example.net", zone=zone) | {"name": f"sub.{zone}"},
        record(f"deep.mail.sub.{zone}", "A", "203.0.113.17", zone=zone),
    ]
    fine = [
        hidden[0],
        record(f"ns1.sub.{zone}", "A", "203.0.113.53", zone=zone),
        record(f"sub.{zone}", "NS", f"ns1.sub.{zone}", zone=zone),
        record(f"left.sub.{zone}", "A", zone=zone, state="absent"),
    ]
    (refused, first, second), output = results(
        controller, *({"url": ministack.url, "records": records} for records in (hidden, fine, fine))
    )
    for key in (f"MX sub.{zone}", f"A deep.mail.sub.{zone}"):
        text = f"{key} would not be seen, since the zone delegates sub.{zone} (NS ns.example.net., ns1.sub.{zone}.)"
        assert text in refused["msg"]
    assert refused["msg"].count("would not be seen") == 2
    assert (refused["changed"], first["changed"], second["changed"]) == (False, True, False), output
    assert ministack.values(zone_id, f"ns1.sub.{zone}.", "A") == ["203.0.113.53"], "glue"
    assert ministack.values(zone_id, f"left.sub.{zone}.", "A") == []


def test_which_zone_of_a_name(ministack: Cloud, controller: Controller, zone: str) -> None:
    public = ministack.new_zone(zone)
    one = ministack.new_zone(zone, vpc="vpc-0a")
    two = ministack.new_zone(zone, vpc="vpc-0b")
    inside = f"inside-{zone}"
    alone = ministack.new_zone(inside, vpc="vpc-0a")
    task = {"url": ministack.url, "records": [mx("10 mail.example.net", zone=zone)]}
    private_task = {"url": ministack.url, "records": [mx("10 mail.example.net", zone=inside)]}
    found, output = results(
        controller,
        {**task},
        {**task, "options": {"private": True}},
        {**task, "options": {"vpc_id": "vpc-0b"}},
        {**task, "options": {"zone_ids": {f"{zone}.": one}}},
        {**private_task},
        {**private_task, "options": {"private": True}, "wait_timeout": 30},
        {**task, "options": {"vpc_id": "vpc-0c"}},
        {**task, "options": {"zone_ids": {zone: alone}}},
        {**task, "options": {"zone_ids": {zone: "Z0"}}},
        {"url": ministack.url, "records": [mx("10 mail.example.net", zone=f"no-{zone}")]},
    )
    for index, zone_id in ((0, public), (2, two), (3, one), (5, alone)):
        assert found[index]["changed"], output
        name = inside if zone_id == alone else zone
        assert ministack.values(zone_id, f"{name}.", "MX") == ["10 mail.example.net."]
    ids = ", ".join(sorted([one, two]))
    assert (
        f"has 2 private hosted zones of this name: {ids}. Say in options.zone_ids which one is meant, or in "
        "options.vpc_id."
    ) in found[1]["msg"]
    assert f"has no public hosted zone of this name, but {alone}. Check options.private." in found[4]["msg"]
    assert "has no private hosted zone of this name in the VPC vpc-0c, but" in found[6]["msg"]
    assert f"{alone} is the hosted zone {inside}. at" in found[7]["msg"]
    assert "has no such hosted zone: No hosted zone found with ID: Z0" in found[8]["msg"]
    assert f"zone no-{zone}: the account at" in found[9]["msg"]
    assert "has no hosted zone of this name. Check the zone's name, and whose credentials these are." in found[9]["msg"]


def test_more_than_one_change_request_holds(moto: Cloud, controller: Controller, zone: str) -> None:
    """moto refuses what is over the quota of 1,000 records; a change of an RRset takes those before and after."""
    zone_id = moto.new_zone(zone, rrset(f"www.{zone}.", "A", "203.0.113.80"))
    hosts = [record(f"h{number}.{zone}", "A", "203.0.113.17", zone=zone, ttl=300) for number in range(1200)]
    lists = (hosts, hosts[:2], [{**host, "ttl": 30} for host in hosts[:501]])
    (first, few, more), output = results(controller, *({"url": moto.url, "records": records} for records in lists))
    assert "msg" not in {**first, **few, **more}, output
    assert (first["changed"], first["stats"]["messages"]) == (True, 2)
    assert (few["changed"], few["stats"]["queries"]) == (False, 3), "a big zone is read by name"
    assert (more["changed"], more["stats"]["messages"]) == (True, 2)
    written = {item["Name"]: item["TTL"] for item in moto.record_sets(zone_id)}
    assert len(written) == 1201
    assert [written[f"h{number}.{zone}."] for number in (0, 500, 501, 1199)] == [30, 30, 300, 300]
    assert moto.values(zone_id, f"www.{zone}.", "A") == ["203.0.113.80"]


def test_many_zones_within_the_rate_of_the_account(
    ministack: Cloud, controller: Controller, front: Callable[..., Any], zone: str
) -> None:
    """Five requests a second: they come evenly, and 100 zones of the account are found by one."""
    zones = [f"z{number:02}.{zone}" for number in range(20)]
    for name in zones:
        ministack.new_zone(name, rrset(f"{name}.", "MX", "10 mail.example.net.", ttl=3600))
    url, process = front(ministack, "pass")
    outcome = route53(controller, ministack, [mx("10 mail.example.net", zone=name) for name in zones], url=url)
    assert not outcome.failed, outcome.output
    assert not outcome.changed
    assert outcome.stats["queries"] == 21
    process.kill()
    times = [float(line.split()[0]) for line in process.stdout.read().splitlines()]
    assert len(times) == 21
    # Five at once, then one every 0.2 s; the network may be slow, but never faster.
    assert times[-1] - times[0] > 3


def test_others_change_the_zone_at_the_same_moment(
    ministack: Cloud, controller: Controller, front: Callable[..., Any], zone: str
) -> None:
    zone_id = ministack.new_zone(zone, rrset(f"{zone}.", "TXT", '"a"'), rrset(f"{zone}.", "MX", "10 old.example.net."))
    theirs = change_request("UPSERT", f"{zone}.", "TXT", '"a"', '"in between"')
    wanted = [record(zone, "TXT", "v=spf1 mx -all", zone=zone), mx("10 mail.example.net", zone=zone)]
    # What is to be created is created by somebody else just before, and it is what we want.
    new = [record(f"new.{zone}", "A", "203.0.113.17", zone=zone, ttl=300)]
    same = change_request("UPSERT", f"new.{zone}.", "A", "203.0.113.17")
    names = ("theirs", "others")
    twice = "\n".join(change_request("UPSERT", f"{zone}.", "MX", f"10 {name}.example.net.") for name in names)
    urls = [front(ministack, "race", 1, theirs)[0], front(ministack, "race", 1, same)[0]]
    urls.append(front(ministack, "race", 2, twice)[0])
    lists = (wanted, new, [mx("10 ours.example.net", zone=zone)])
    found, output = results(
        controller, *({"url": url, "records": records} for url, records in zip(urls, lists, strict=True))
    )
    assert [result["changed"] for result in found] == [True, False, False], output
    assert found[0]["stats"]["messages"] == 2
    warnings = [line for line in output.splitlines() if line.startswith("[WARNING]") and urls[0] in line]
    assert any("It was read again, and is now as declared here." in line for line in warnings), output
    assert not any("Run it again" in line for line in warnings), "it needs no second run"
    assert ministack.values(zone_id, f"{zone}.", "TXT") == ['"a"', '"in between"', '"v=spf1 mx -all"']
    before = [change["before"]["values"] for change in found[2]["changes"]]
    assert before == [["10 theirs.example.net."]], "it was read twice"
    assert "msg" not in found[1]
    assert f"another client changed records at Route 53 at {urls[2]} between reading and writing" in found[2]["msg"]
    assert "the values provided do not match the current values" in found[2]["msg"]
    assert [change["status"] for change in found[2]["changes"]] == ["not_applied"]
    assert ministack.values(zone_id, f"{zone}.", "MX") == ["10 others.example.net."]


def test_an_answer_that_says_nothing(
    ministack: Cloud, controller: Controller, front: Callable[..., Any], zone: str
) -> None:
    """The change is made all the same; it is not made twice."""
    zone_id = ministack.new_zone(zone, rrset(f"{zone}.", "MX", "10 old.example.net."))
    found, output = results(
        controller,
        *(
            {"url": front(ministack, kind)[0], "records": [mx(f"10 {kind}.example.net", zone=zone)], "wait_timeout": 5}
            for kind in ("lose", "broken")
        ),
    )
    for result in found:
        assert [change["status"] for change in result["changes"]] == ["applied"], output
        assert result["stats"]["messages"] == 1
        assert "written, but the answer of Route 53 at" in result["msg"], "nobody can say whether all servers have it"
    assert ministack.values(zone_id, f"{zone}.", "MX") == ["10 broken.example.net."]


def test_a_busy_service_is_asked_again(
    ministack: Cloud, controller: Controller, front: Callable[..., Any], zone: str
) -> None:
    zone_id = ministack.new_zone(zone)
    url, process = front(ministack, "busy", 2)
    outcome = route53(controller, ministack, [mx("10 mail.example.net", zone=zone)], url=url)
    assert not outcome.failed, outcome.output
    assert ministack.values(zone_id, f"{zone}.", "MX") == ["10 mail.example.net."]
    process.kill()
    asked = [line.split()[1] for line in process.stdout.read().splitlines()]
    assert asked == ["GET", "GET", "GET", "GET", "POST", "POST", "GET"]


def test_waits_until_all_name_servers_have_it(
    ministack: Cloud, controller: Controller, front: Callable[..., Any], zone: str
) -> None:
    """MiniStack says PENDING when it is asked for the first time."""
    ministack.new_zone(zone)
    url, process = front(ministack, "pass")
    slow, _process = front(ministack, "pending")
    (waited, late), output = results(
        controller,
        {"url": url, "records": [mx("10 mail.example.net", zone=zone)], "wait_timeout": 60},
        {"url": slow, "records": [mx("20 mail.example.net", zone=zone)], "wait_timeout": 1},
    )
    assert waited["changed"], output
    assert "msg" not in waited
    process.kill()
    assert sum("/change/" in line for line in process.stdout.read().splitlines()) == 2
    assert late["changed"]
    assert f"written, but after 1 s not yet answered by all name servers of Route 53 at {slow}" in late["msg"]
    assert "It usually takes a minute: wait longer" in late["msg"]


def test_rights_and_credentials(
    ministack: Cloud, controller: Controller, front: Callable[..., Any], zone: str, tmp_path: Path
) -> None:
    """The policy of docs/providers/route53.md is enough, and each missing right and wrong key is told apart."""
    zone_id = ministack.new_zone(zone)
    other = f"other-{zone}"
    ministack.new_zone(other)
    page = (Path(__file__).parents[3] / "docs/providers/route53.md").read_text()
    policy = json.loads(page.split("```json")[1].split("```")[0].replace("Z0123456789EXAMPLE", zone_id))
    listing, reading, writing, status = policy["Statement"]
    status["Resource"] = "*"  # MiniStack does not know which change is asked for.

    def user(name: str, *statements: dict[str, Any]) -> dict[str, str]:
        return ministack.new_user(name, json.dumps({**policy, "Statement": statements}))

    documented = user("documented", *policy["Statement"])
    reader = user("reader", listing, reading)
    unable = user("unable", reading, writing)
    by_id = user("by-id", {**reading, "Action": "route53:GetHostedZone"}, reading, writing)
    task = {"url": ministack.url, "records": [mx("10 mail.example.net", zone=zone)]}
    wrong = "wrong" * 8
    session_token = "FwoGZXIvYXdzEXAMPLE" * 4
    profile = "".join(f"aws_{name} = {value}\n" for name, value in reader.items())
    # What is not among the options is not censored: it must not be said in the first place.
    session = f"[session]\n{profile}aws_session_token = {session_token}\n"
    (tmp_path / "credentials").write_text(f"[reader]\n{profile}{session}")
    quoting, _process = front(ministack, "quote")
    checked, output = results(
        controller,
        {**task, "options": reader},
        {**task, "options": {"profile": "reader"}},
        {**task, "options": {"access_key_id": reader["access_key_id"], "secret_access_key": wrong}},
        {**task, "options": {**reader, "access_key_id": "AKIANOBODYKNOWSTHIS1"}},
        {**task, "url": quoting, "options": {"profile": "session"}},
        {**task, "options": unable},
        {**task, "options": reader, "records": [mx("10 mail.example.net", zone=other)]},
        words=("--check", "-vvv"),
    )
    written, more = results(
        controller,
        {**task, "options": reader},
        {**task, "options": documented, "wait_timeout": 30},
        {**task, "records": [mx(zone=zone, state="absent")], "options": {**by_id, "zone_ids": {zone: zone_id}}},
        words=("-vvv", "--diff"),
    )
    assert [result["changed"] for result in checked] == [True, True, *[False] * 5], output
    for index, text in (
        (2, "does not accept the signature (SignatureDoesNotMatch). Check the secret access key"),
        (3, "does not know the access key (InvalidClientTokenId)"),
        (4, "does not accept the signature (SignatureDoesNotMatch)"),
        (5, "does not let these credentials do route53:ListHostedZonesByName"),
        (5, "Or name the zone in options.zone_ids"),
        (6, "does not let these credentials do route53:ListResourceRecordSets"),
    ):
        assert text in checked[index]["msg"]
    assert "does not let these credentials do route53:ChangeResourceRecordSets" in written[0]["msg"]
    assert "user/reader is not authorized" in written[0]["msg"]
    assert [change["status"] for change in written[0]["changes"]] == ["not_applied"]
    assert [result["changed"] for result in written] == [False, True, True], more
    assert ministack.values(zone_id, f"{zone}.", "MX") == []
    secrets = [user["secret_access_key"] for user in (documented, reader, unable, by_id)]
    for secret in (*secrets, wrong, session_token, SECRET_KEY):
        assert secret not in output + more


def test_it_cannot_be_asked(
    moto: Cloud,
    controller: Controller,
    front: Callable[..., Any],
    zone: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    moto.new_zone(zone)
    task = {"url": moto.url, "records": [mx("10 mail.example.net", zone=zone)]}
    silent, _process = front(moto, "silent")
    page, _process = front(moto, "page")
    text, _process = front(moto, "text")
    found, output = results(
        controller,
        {**task, "url": f"{moto.url}/elsewhere"},
        {**task, "url": page},
        {**task, "url": text},
        {**task, "url": f"http://{moto.address}:9"},
        {**task, "url": f"https://{moto.address}:5000"},
        {**task, "url": "route53.example.org"},
        {**task, "options": {"profile": "nobody"}},
        {
            **task,
            "options": {
                "zone_ids": {"a b": "Z1"},
                "private": False,
                "vpc_id": "vpc-0a",
                "access_key_id": "AKIAIOSFODNN7EXAMPLE",
                "zones": 1,
            },
        },
        {**task, "records": [*task["records"], record(f"odd.{zone}", "TYPE65280", r"\# 1 ab", zone=zone)]},
        {**task, "url": silent, "timeout": 1, "records": [mx("10 a.example", zone=f"s{n}.example") for n in range(40)]},
    )
    for index, text in (
        *((number, "answers something that is not the API of Route 53. Check url.") for number in range(3)),
        (3, "cannot be reached: Could not connect to the endpoint URL"),
        (4, "cannot be reached by TLS"),
        (5, "url: https:// or http:// and the name of a host, not route53.example.org"),
        (6, "The config profile (nobody) could not be found"),
        (7, "options: zones. Supported parameters include: access_key_id, private, "),
        (7, "options: parameters are required together: access_key_id, secret_access_key"),
        (7, "options.vpc_id: only a private zone is in a VPC"),
        (7, "options.zone_ids: 'a b' has a space in it"),
        (8, f"Route 53: it has no TYPE65280 records (odd.{zone}). Nothing was written in this zone."),
        (9, f"zone s0.example: Route 53 at {silent} did not answer"),
    ):
        assert text in found[index]["msg"], output
    assert len(found[9]["errors"]) == 40, "and they did not lose their patience one after the other"
    (tmp_path / "boto3.py").write_text("raise ModuleNotFoundError(name='boto3')")
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
        outcome = route53(controller, moto, task["records"])
    assert "The Python library boto3 is missing on the controller" in outcome.msg
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    outcome = route53(controller, moto, task["records"])
    assert "cannot be asked without credentials (Unable to locate credentials)" in outcome.msg
