# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dns_records and mx do to real zones, asked with dig."""

from __future__ import annotations

from controller import Controller, access, mx, record
from named import Named

HOSTS = [record("mail.example.org", "A", "203.0.113.17"), record("mail.example.org", "AAAA", "2001:db8:1::17")]


def test_records_are_made_and_a_second_run_changes_nothing(server: Named, controller: Controller) -> None:
    wanted = [mx("10 mail.example.org."), *HOSTS]
    first = controller.records(server, wanted)
    assert first.changed
    assert server.dig("example.org", "MX") == ["10 mail.example.org."]
    assert server.dig("mail.example.org", "A") == ["203.0.113.17"]
    assert server.dig("mail.example.org", "AAAA") == ["2001:db8:1::17"]
    assert [(change["name"], change["type"], change["action"], change["status"]) for change in first.changes] == [
        ("example.org", "MX", "update", "applied"),
        ("mail.example.org", "A", "create", "applied"),
        ("mail.example.org", "AAAA", "create", "applied"),
    ]
    assert first.stats["messages"] == 1, "one update for the zone"
    second = controller.records(server, wanted)
    assert not second.changed
    assert second.changes == []
    assert (second.stats["rrsets"], second.stats["unchanged"], second.stats["messages"]) == (3, 3, 0)


def test_foreign_records_are_not_touched(server: Named, controller: Controller) -> None:
    controller.records(server, [mx("10 mail.example.org"), *HOSTS])
    assert server.dig("www.example.org", "A") == ["203.0.113.80"]
    assert server.dig("old.example.org", "A") == ["203.0.113.9"]
    assert server.dig("example.org", "NS") == ["ns1.example.org."]


def test_order_and_case_do_not_matter_but_the_ttl_does(server: Named, controller: Controller) -> None:
    controller.records(server, [mx("20 b.example.net", "10 a.example.net")])
    again = controller.records(server, [mx("10 A.Example.NET.", "20 B.EXAMPLE.net", zone="Example.Org.")])
    assert not again.changed
    slower = controller.records(server, [mx("10 a.example.net", "20 b.example.net", ttl=300)])
    assert slower.changed
    assert server.ttl("example.org", "MX") == 300


def test_without_a_ttl_an_rrset_keeps_its_own(server: Named, controller: Controller) -> None:
    controller.records(server, [record("www.example.org", "A", "203.0.113.81")])
    assert server.dig("www.example.org", "A") == ["203.0.113.81"]
    assert server.ttl("www.example.org", "A") == 300


def test_an_exchange_without_final_dot_is_a_full_name(server: Named, controller: Controller) -> None:
    """nsupdate would make it mail.example.net.example.org."""
    controller.records(server, [mx("10 mail.example.net")])
    assert server.dig("example.org", "MX") == ["10 mail.example.net."]


def test_absent_with_a_value_takes_only_that_value(server: Named, controller: Controller) -> None:
    """nsupdate deletes the whole RRset."""
    controller.records(server, [mx("10 a.example.net", "20 b.example.net", "30 c.example.net")])
    controller.records(server, [mx("20 b.example.net", state="absent")])
    assert server.dig("example.org", "MX") == ["10 a.example.net.", "30 c.example.net."]


def test_absent_without_values_takes_the_rrset(server: Named, controller: Controller) -> None:
    gone = controller.records(server, [mx(state="absent"), record("nothing.example.org", "A", state="absent")])
    assert gone.changed
    assert [change["action"] for change in gone.changes] == ["delete"]
    assert server.dig("example.org", "MX") == []


def test_an_spf_policy_leaves_other_texts_and_replaces_only_the_old_policy(
    server: Named, controller: Controller
) -> None:
    """nsupdate's TXT at the apex wipes the others."""
    controller.records(server, [record("example.org", "TXT", "v=spf1 a -all")])
    controller.records(server, [record("example.org", "TXT", "v=spf1 mx -all")])
    assert server.dig("example.org", "TXT") == ['"google-site-verification=abc"', '"v=spf1 mx -all"']
    controller.records(server, [record("example.org", "TXT", "v=spf1 mx -all", exclusive=True)])
    assert server.dig("example.org", "TXT") == ['"v=spf1 mx -all"']


def test_a_long_text_is_split(server: Named, controller: Controller) -> None:
    """nsupdate: invalid value."""
    text = "v=DKIM1; p=" + "".join(chr(ord("a") + n % 26) for n in range(400))
    wanted = [record("k._domainkey.example.org", "TXT", text)]
    assert controller.records(server, wanted).changed
    assert server.dig("k._domainkey.example.org", "TXT") == [f'"{text[:255]}" "{text[255:]}"']
    assert not controller.records(server, wanted).changed


def test_a_text_is_the_same_however_it_is_cut_and_a_selector_has_one_key(server: Named, controller: Controller) -> None:
    selector = "k._domainkey.example.org"
    controller.records(server, [record(selector, "TXT", '"v=DKIM1; " "p=old"')])
    assert not controller.records(server, [record(selector, "TXT", "v=DKIM1; p=old")]).changed
    assert controller.records(server, [record(selector, "TXT", "v=DKIM1; p=new")]).changed
    assert server.dig(selector, "TXT") == ['"v=DKIM1; p=new"']


def test_any_type_wildcards_and_international_names(server: Named, controller: Controller) -> None:
    wanted = [
        record("*.example.org", "A", "203.0.113.1"),
        record("_25._tcp.mail.example.org", "TLSA", "3 1 1 " + "ab" * 32),
        record("_submission._tcp.example.org", "SRV", "0 1 587 mail.example.org"),
        record("example.org", "CAA", '0 issue "ca.example.net"'),
        record("bücher.example.org", "A", "203.0.113.2"),
        record("odd.example.org", "TYPE65280", r"\# 3 abcdef"),
        record("www.sub.example.org", "CNAME", "www.example.org"),
        record("example.org", "NS", "ns1.example.org", "ns.example.net"),
    ]
    first = controller.records(server, wanted)
    assert not first.failed, first.output
    assert server.dig("anything.example.org", "A") == ["203.0.113.1"]
    assert server.dig("_25._tcp.mail.example.org", "TLSA") == ["3 1 1 " + ("AB" * 28) + " " + "AB" * 4]
    assert server.dig("_submission._tcp.example.org", "SRV") == ["0 1 587 mail.example.org."]
    assert server.dig("example.org", "CAA") == ['0 issue "ca.example.net"']
    assert server.dig("xn--bcher-kva.example.org", "A") == ["203.0.113.2"]
    assert server.dig("odd.example.org", "TYPE65280") == [r"\# 3 ABCDEF"]
    assert server.dig("www.sub.example.org", "CNAME") == ["www.example.org."]
    assert server.dig("example.org", "NS") == ["ns.example.net.", "ns1.example.org."]
    assert not controller.records(server, wanted).changed
    # The old server of a zone goes in the same update in which the new one comes.
    controller.records(server, [record("example.org", "NS", "ns.example.net")])
    assert server.dig("example.org", "NS") == ["ns.example.net."]


def test_what_a_wildcard_answers_is_not_taken_for_a_record(server: Named, controller: Controller) -> None:
    """Another record at the name ends what the wildcard does for it (RFC 4592)."""
    server.nsupdate("example.org", "update add *.example.org 3600 A 203.0.113.17")
    assert server.dig("mail.example.org", "A") == ["203.0.113.17"]
    wanted = [{**host, "ttl": 3600} for host in HOSTS]
    first = controller.records(server, wanted)
    assert [(change["type"], change["action"]) for change in first.changes] == [("A", "create"), ("AAAA", "create")]
    assert server.dig("mail.example.org", "A") == ["203.0.113.17"]
    assert server.dig("mail.example.org", "AAAA") == ["2001:db8:1::17"]
    assert not controller.records(server, wanted).changed
    # Where the records go, the wildcard answers again.
    gone = controller.records(server, [record("mail.example.org", rdtype, state="absent") for rdtype in ("A", "AAAA")])
    assert not gone.failed, gone.output
    assert server.dig("mail.example.org", "A") == ["203.0.113.17"]
    # The wildcard's answer is nothing that could be removed at the name.
    nothing = controller.records(server, [record("other.example.org", "A", state="absent")])
    assert not nothing.changed
    assert not nothing.failed, nothing.output


def test_an_alias_gives_way_in_one_update(server: Named, controller: Controller) -> None:
    server.nsupdate("example.org", "update add mail.example.org 300 CNAME www.example.org.")
    swapped = controller.records(server, [record("mail.example.org", "CNAME", state="absent"), HOSTS[0]])
    assert not swapped.failed, swapped.output
    assert server.dig("mail.example.org", "A") == ["203.0.113.17"]
    back = controller.records(
        server,
        [record("mail.example.org", "A", state="absent"), record("mail.example.org", "CNAME", "www.example.org")],
    )
    assert not back.failed, back.output
    assert server.dig("mail.example.org", "CNAME") == ["www.example.org."]


def test_check_mode_predicts_and_sends_no_update(server: Named, controller: Controller) -> None:
    """nsupdate sends updates in check mode. A key that may not write is enough here."""
    wanted = [mx("10 mail.example.org"), *HOSTS]
    predicted = controller.records(server, wanted, "--check", "--diff")
    assert predicted.changed
    assert {change["status"] for change in predicted.changes} == {"predicted"}
    assert server.dig("example.org", "MX") == ["10 old.example.org."]
    assert "updat" not in server.log.split(" running\n")[1]
    done = controller.records(server, wanted, "--diff")
    assert [{**change, "status": "predicted"} for change in done.changes] == predicted.changes
    assert not controller.records(server, wanted, "--check").changed


def test_check_mode_needs_no_right_to_write(new_server, controller: Controller) -> None:
    server = new_server()
    server.zone("example.org", policy="allow-update { none; };")
    server.start()
    predicted = controller.records(server, [mx("10 mail.example.org")], "--check")
    assert predicted.changed
    assert not predicted.failed


def test_diff_shows_the_changed_records(server: Named, controller: Controller) -> None:
    done = controller.records(
        server, [mx("10 mail.example.org"), HOSTS[0], record("www.example.org", "A", "203.0.113.80")], "--diff"
    )
    lines = [
        line for line in done.output.splitlines() if line.startswith(("+", "-")) and line[:3] not in ("+++", "---")
    ]
    assert lines == [
        "-example.org. 300 IN MX 10 old.example.org.",
        "+example.org. 3600 IN MX 10 mail.example.org.",
        "+mail.example.org. 3600 IN A 203.0.113.17",
    ]


def test_mx_sets_exchangers_and_addresses(server: Named, controller: Controller) -> None:
    exchangers = [
        {"host": "mail.example.org", "addresses": ["203.0.113.17", "2001:db8:1::17"]},
        {"host": "backup.example.net", "preference": 20},
    ]
    task = {**access(server), "domain": "example.org", "exchangers": exchangers}
    first = controller.run("mx", task)
    assert first.changed
    assert server.dig("example.org", "MX") == ["10 mail.example.org.", "20 backup.example.net."]
    assert server.dig("mail.example.org", "A") == ["203.0.113.17"]
    assert server.dig("mail.example.org", "AAAA") == ["2001:db8:1::17"]
    assert not controller.run("mx", task).changed
    gone = controller.run("mx", {**task, "state": "absent", "exchangers": exchangers[:1]})
    assert gone.changed
    assert server.dig("example.org", "MX") == ["20 backup.example.net."]
    assert server.dig("mail.example.org", "A") == []


def test_a_domain_that_takes_no_mail(server: Named, controller: Controller) -> None:
    controller.run("mx", {**access(server), "domain": "example.org", "exchangers": [{"host": ".", "preference": 0}]})
    assert server.dig("example.org", "MX") == ["0 ."]


def test_an_exchange_that_leaves_is_reported_and_pruned(server: Named, controller: Controller) -> None:
    wanted = [mx("10 mail.example.org"), HOSTS[0]]
    reported = controller.records(server, wanted, "--check")
    assert [(left["name"], left["type"], left["reason"]) for left in reported.leftover] == [
        ("old.example.org", "A", "prune is off")
    ]
    # Nobody can say that nothing else names the host: the server hands out no zones.
    careful = controller.records(server, wanted, "--check", prune=True)
    assert "allow-transfer" in careful.leftover[0]["reason"]
    assert "old.example.org" not in {change["name"] for change in careful.changes}


def test_prune_removes_an_address_that_nothing_else_names(new_server, controller: Controller) -> None:
    server = new_server()
    records = "@ MX 10 old\n@ MX 20 web\nold A 203.0.113.9\nold AAAA 2001:db8::9\nweb A 203.0.113.80\nwww CNAME web"
    server.zone(
        "example.org",
        f"{records}",
        policy='update-policy { grant "inbound-mail" zonesub ANY; }; allow-transfer { any; };',
    )
    server.start()
    done = controller.records(server, [mx("10 mail.example.org"), HOSTS[0]], prune=True)
    assert not done.failed, done.output
    assert server.dig("old.example.org", "A") + server.dig("old.example.org", "AAAA") == []
    assert server.dig("www.example.org", "A") == ["203.0.113.80", "web.example.org."]
    assert [left["name"] for left in done.leftover] == ["web.example.org"]
    assert done.stats["messages"] == 1


def test_prune_removes_what_an_earlier_run_left(new_server, controller: Controller) -> None:
    """A name that something in the zone names stays, and so does one that is declared."""
    server = new_server()
    server.zone(
        "example.org",
        "@ MX 10 mail\nmail A 203.0.113.10\nold A 203.0.113.9\nweb A 203.0.113.80\nwww CNAME web",
        policy='update-policy { grant "inbound-mail" zonesub ANY; }; allow-transfer { any; };',
    )
    server.start()
    # Without a TTL: they are as they are.
    wanted = [record("example.org", "MX", "10 mail.example.org"), record("mail.example.org", "A", "203.0.113.10")]
    former = [f"{name}.example.org" for name in ("old", "web", "mail", "never-there")] + ["old.example.net"]
    done = controller.records(server, wanted, prune=True, former_exchanges=former)
    assert not done.failed, done.output
    assert [(change["name"], change["action"]) for change in done.changes] == [("old.example.org", "delete")]
    assert server.dig("old.example.org", "A") == []
    assert server.dig("web.example.org", "A") == ["203.0.113.80"]
    assert server.dig("mail.example.org", "A") == ["203.0.113.10"]
    assert not controller.records(server, wanted, prune=True, former_exchanges=former).changed
