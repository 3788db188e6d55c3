# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults, each put into the sound domain by itself: for tests, and as the examples in docs/checks.md."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from inspect import signature
from typing import Any

from .sound import BACKUP, EXPECT, OBSERVATION, RELAY, SERVER, VANTAGE, answer, resolved, step

Seen = dict[str, Any]
Expect = dict[str, list[dict[str, Any]]]
FAULTS: dict[str, Callable[..., Any]] = {}
ALONE: set[str] = set()
"""Those that touch too much to stand beside others."""


def fault(found: str, alone: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """found: what is found then, and nothing else; with a question mark where it is unknown."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        assert found not in FAULTS, found
        FAULTS[found] = function
        if alone:
            ALONE.add(found)
        return function

    return register


def with_fault(found: str) -> tuple[Seen, Expect]:
    """The sound domain with one fault."""
    seen, expect = copy.deepcopy(OBSERVATION), copy.deepcopy(EXPECT)
    put(found, seen, expect)
    return seen, expect


def put(found: str, seen: Seen, expect: Expect) -> None:
    function = FAULTS[found]
    function(*(seen, expect)[: len(signature(function).parameters)])


def servers(seen: Seen) -> list[dict[str, Any]]:
    return seen["zones"][0]["servers"]


def steps(seen: Seen) -> list[dict[str, Any]]:
    return seen["dialogues"][0]["steps"]


@fault("zone-not-delegated")
def not_delegated(seen: Seen) -> None:
    seen["zones"][0].update(delegated=False, servers=[])


@fault("zone-not-delegated?")
def nobody_knows(seen: Seen) -> None:
    seen["zones"][0].update(delegated=None, servers=[])


@fault("ns-lame")
def lame(seen: Seen) -> None:
    servers(seen)[1].update(authoritative=False, serial=None, answers=[])


@fault("vantage-family?")
def no_ipv6(seen: Seen) -> None:
    servers(seen).append(
        {**copy.deepcopy(servers(seen)[0]), "address": "2001:db8::53", "status": "no-route", "answers": []}
    )


@fault("serial-mismatch")
def behind(seen: Seen) -> None:
    servers(seen)[1]["serial"] = 6


@fault("serial-below-deployed")
def all_behind(seen: Seen) -> None:
    for one in servers(seen):
        one["serial"] = 4


@fault("mx-no-answer")
def no_answer(seen: Seen) -> None:
    servers(seen)[1]["answers"][0].update(status="timeout", rcode="", values=[])


@fault("mx-rcode")
def rcode(seen: Seen) -> None:
    servers(seen)[1]["answers"][0].update(rcode="SERVFAIL", values=[])


@fault("mx-non-authoritative")
def without_authority(seen: Seen) -> None:
    servers(seen)[1]["answers"][0]["authoritative"] = False


@fault("ns-count")
def only_one(seen: Seen) -> None:
    del servers(seen)[1:]


@fault("ns-no-tcp")
def no_tcp(seen: Seen) -> None:
    servers(seen)[0]["tcp"] = "timeout"


@fault("ns-target-cname")
def nameserver_alias(seen: Seen) -> None:
    servers(seen)[0]["alias"] = "host.example.net"


@fault("ttl-mismatch")
def other_ttl(seen: Seen) -> None:
    servers(seen)[1]["answers"][0]["ttl"] = 600


@fault("ns-parent-child")
def parent_behind(seen: Seen) -> None:
    seen["zones"][0]["parent"]["names"] = ["former.example.net", "ns1.example.net"]


@fault("dnssec-bogus")
def bogus(seen: Seen) -> None:
    seen["zones"][0]["bogus"] = "203.0.113.53"


def serve(seen: Seen, ttl: int, *values: str) -> None:
    for one in servers(seen):
        one["answers"][0].update(values=list(values), ttl=ttl)
    seen["resolved"][1]["values"] = list(values)


@fault("mx-differs ttl-blocks-change")
def to_be_moved(seen: Seen) -> None:
    serve(seen, 86400, "10 mail.example.org.")


@fault("mx-missing negative-ttl-blocks-change")
def to_be_written(seen: Seen) -> None:
    serve(seen, 86400)


@fault("mx-differs backup-before-primary")
def backup_first(seen: Seen) -> None:
    serve(seen, 300, "10 mail.example.org.", f"5 {BACKUP}.")


@fault("resolver-stale")
def remembered(seen: Seen) -> None:
    seen["resolved"][1]["values"] = ["10 old.example.org."]


@fault("ptr-missing")
def nameless(seen: Seen) -> None:
    seen["resolved"][0]["values"] = []


@fault("ptr-missing?")
def nobody_knows_its_name(seen: Seen) -> None:
    seen["resolved"][0].update(rcode="SERVFAIL", values=[])


@fault("fcrdns")
def leads_elsewhere(seen: Seen) -> None:
    seen["resolved"][0]["values"] = ["mailbox.example.org"]
    seen["resolved"].append(resolved("mailbox.example.org", "AAAA"))


@fault("ptr-not-ehlo")
def other_name(seen: Seen) -> None:
    seen["resolved"][0]["values"] = ["host.example.net"]
    seen["resolved"].append(resolved("host.example.net", "A", RELAY))


@fault("backup-refuses-domain")
def backup_knows_nothing(seen: Seen) -> None:
    seen["dialogues"][1]["steps"][1].update(code=554, text="5.7.1 Relay access denied")


@fault("backup-open-relay")
def backup_takes_all(seen: Seen) -> None:
    seen["dialogues"][1]["steps"][3].update(code=250, text="Ok")


@fault("backup-accepts-unknown")
def backup_takes_anybody(seen: Seen) -> None:
    seen["dialogues"][1]["steps"][2].update(code=250, text="Ok")


@fault("former-exchanger-takes-mail")
def former_knows_the_domain_still(seen: Seen) -> None:
    seen["dialogues"][2]["steps"][1].update(code=250, text="2.1.5 Ok")


@fault("view-private-leak")
def visible_outside(seen: Seen) -> None:
    seen["resolved"].append(resolved("mailbox.example.org", "A", SERVER))
    # The one that says nothing.
    del seen["resolved"][5]


@fault("view-record-missing")
def missing_inside(seen: Seen) -> None:
    seen["inside"][2]["values"] = []


@fault("view-record-missing?")
def no_answer_inside(seen: Seen) -> None:
    seen["inside"][2].update(status="timeout", rcode="")


@fault("view-hairpin")
def out_and_back(seen: Seen) -> None:
    seen["inside"][1]["values"] = [RELAY]


@fault("view-mx-unexpected")
def forgotten_inside(seen: Seen) -> None:
    seen["inside"][0]["values"] = ["10 old.example.org."]


@fault("starttls-missing")
def not_offered(seen: Seen) -> None:
    steps(seen)[1]["text"] = steps(seen)[1]["text"].replace(" / STARTTLS", "")
    seen["dialogues"][0]["tls"] = None


@fault("starttls-broken")
def no_handshake(seen: Seen) -> None:
    seen["dialogues"][0]["tls"] = {"version": "", "error": "no shared cipher", "certificate": None}


@fault("certificate-name")
def for_another(seen: Seen) -> None:
    seen["dialogues"][0]["tls"]["certificate"]["names"] = ["example.org", "*.mail.example.org", "*.org"]


@fault("certificate-expired")
def too_old(seen: Seen) -> None:
    seen["at"] += 2000000


@fault("banner-delay")
def slow(seen: Seen) -> None:
    seen["dialogues"][0]["greeted_after"] = 15.0


@fault("unknown-recipient-accepted")
def takes_anybody(seen: Seen) -> None:
    steps(seen)[4]["code"] = 250


@fault("size-differs")
def takes_small_ones(seen: Seen) -> None:
    steps(seen)[1]["text"] = steps(seen)[1]["text"].replace("52428800", "10240000")


@fault("auth-without-tls")
def password_in_clear(seen: Seen) -> None:
    steps(seen)[1]["text"] += " / AUTH PLAIN LOGIN"


@fault("port25-timeout")
def filtered(seen: Seen) -> None:
    seen["dialogues"][0].update(status="timeout", steps=[])


@fault("port25-refused")
def refused(seen: Seen) -> None:
    seen["dialogues"][0].update(status="refused", steps=[])


@fault("port25-forbidden-open")
def server_answers(seen: Seen) -> None:
    seen["connections"][1]["status"] = "open"


@fault("egress25-relay-blocked")
def relay_cannot_send(seen: Seen) -> None:
    seen["connections"][2]["status"] = "timeout"


@fault("egress25-open")
def insider_sends(seen: Seen) -> None:
    seen["connections"][3]["status"] = "open"


@fault("egress25-open?")
def insider_was_down(seen: Seen) -> None:
    del seen["connections"][3]


@fault("outbound-address egress25-open")
def relay_leaves_elsewhere(seen: Seen) -> None:
    seen["connections"][2]["seen_as"] = "203.0.113.1"
    seen["connections"][3]["status"] = "open"


@fault("delivery-missing")
def lost(seen: Seen) -> None:
    seen["traces"].clear()


@fault("delivery-missing?")
def nobody_looked(seen: Seen) -> None:
    seen["traces"].clear()
    del seen["mail_hosts"][0]


@fault("delivery-twice")
def twice(seen: Seen) -> None:
    seen["traces"].append({**seen["traces"][0], "file": "/var/mail/games"})


@fault("delivery-path")
def past_the_relay(seen: Seen) -> None:
    del seen["traces"][0]["hops"][0]
    seen["traces"][0]["hops"][0]["address"] = VANTAGE


@fault("source-translated")
def translated(seen: Seen) -> None:
    seen["traces"][0]["hops"][0]["address"] = "192.168.0.1"


@fault("observation-incomplete?")
def late(seen: Seen) -> None:
    seen["complete"] = False


@fault("observation-limit?")
def crowded(seen: Seen) -> None:
    seen["left_out"] = [{"kind": "mail exchangers", "subject": "example.org", "number": 38, "limit": 12}]


@fault("observation-damaged")
def forged(seen: Seen) -> None:
    seen["damaged"] = [{"host": "server", "why": "in 'traces' it speaks for 'relay'"}]


def host(seen: Seen, name: str, rdtype: str = "A") -> Iterator[dict[str, Any]]:
    """The answers of every server about the name."""
    for one in servers(seen):
        found = [one for one in one["answers"] if (one["name"], one["type"]) == (name, rdtype)]
        if not found:
            found = [answer(name, rdtype)]
            one["answers"] += found
        yield from found


@fault("mx-on-some-ns")
def without_on_one(seen: Seen) -> None:
    servers(seen)[1]["answers"][0]["values"] = []


@fault("mx-rrset-inconsistent")
def other_on_one(seen: Seen) -> None:
    servers(seen)[1]["answers"][0]["values"] = ["30 mail.example.org."]


def declare_mx(seen: Seen, expect: Expect, value: str) -> None:
    """Another exchange, which everybody sees."""
    expect["records"][0]["values"].append(value)
    serve(seen, 300, *expect["records"][0]["values"])
    seen["inside"][0]["values"].append(value)


@fault("mx-target-no-address", alone=True)
def no_address(seen: Seen, expect: Expect) -> None:
    declare_mx(seen, expect, "15 old.example.org.")
    list(host(seen, "old.example.org"))
    list(host(seen, "old.example.org", "AAAA"))


@fault("mx-target-cname", alone=True)
def exchange_alias(seen: Seen) -> None:
    for one in [*host(seen, "mail.example.org"), *host(seen, "mail.example.org", "AAAA")]:
        one["alias"] = "host.example.org"


@fault("address-differs", alone=True)
def other_address(seen: Seen) -> None:
    for one in host(seen, "mail.example.org"):
        one["values"] = ["203.0.113.200"]
    seen["resolved"][2]["values"] = ["203.0.113.200"]


@fault("target-address-inconsistent")
def other_address_on_one(seen: Seen) -> None:
    servers(seen)[1]["answers"][2]["values"] = ["203.0.113.200"]


@fault("address-not-public", alone=True)
def private_address(seen: Seen, expect: Expect) -> None:
    for one in host(seen, "mail.example.org"):
        one["values"] = ["192.168.0.17"]
    expect["records"][1]["values"] = ["192.168.0.17"]
    seen["resolved"][2]["values"] = ["192.168.0.17"]
    del seen["resolved"][0]  # the name of the public address


def domain_alone(seen: Seen, expect: Expect, *values: str) -> None:
    """The domain without a plan, and of it the MX records alone, all to the same address."""
    for kind in expect:
        expect[kind] = []
    seen.update(dialogues=[], connections=[], sent=[], traces=[], inside=[])
    serve(seen, 300, *values)
    names = [value.split()[1].rstrip(".") for value in values]
    seen["resolved"] += [resolved(name, "A", RELAY) for name in names if name and name != "mail.example.org"]


@fault("mx-target-address-literal", alone=True)
def literal(seen: Seen, expect: Expect) -> None:
    domain_alone(seen, expect, "10 192.0.2.1.")


@fault("mx-target-relative", alone=True)
def final_dot(seen: Seen, expect: Expect) -> None:
    domain_alone(seen, expect, "10 mail.example.org.example.org.")


@fault("mx-target-localhost", alone=True)
def localhost(seen: Seen, expect: Expect) -> None:
    domain_alone(seen, expect, "10 localhost.")


@fault("mx-target-syntax", alone=True)
def underscore(seen: Seen, expect: Expect) -> None:
    domain_alone(seen, expect, "10 ma_il.example.org.")


@fault("mx-null-with-other", alone=True)
def null_beside(seen: Seen, expect: Expect) -> None:
    domain_alone(seen, expect, "0 .", "10 mail.example.org.")


@fault("mx-null-preference", alone=True)
def null_with_preference(seen: Seen, expect: Expect) -> None:
    domain_alone(seen, expect, "7 .")


@fault("mx-null-unexpected")
def takes_no_mail(seen: Seen) -> None:
    serve(seen, 300, "0 .")


@fault("mx-duplicate-target", alone=True)
def named_twice(seen: Seen, expect: Expect) -> None:
    domain_alone(seen, expect, "10 mail.example.org.", "20 mail.example.org.")


@fault("mx-duplicate-address", alone=True)
def one_address(seen: Seen, expect: Expect) -> None:
    domain_alone(seen, expect, "10 mail.example.org.", "20 mail2.example.org.")


@fault("mx-implicit-address", alone=True)
def only_an_address(seen: Seen, expect: Expect) -> None:
    domain_alone(seen, expect)
    for one in host(seen, "example.org"):
        one["values"] = [RELAY]


@fault("equal-preference-dead port25-refused", alone=True)
def one_of_two_is_dead(seen: Seen, expect: Expect) -> None:
    declare_mx(seen, expect, "10 mail2.example.org.")
    for one in host(seen, "mail2.example.org"):
        one["values"] = ["203.0.113.18"]
    seen["dialogues"].append(
        {
            **seen["dialogues"][0],
            "host": "mail2.example.org",
            "address": "203.0.113.18",
            "status": "refused",
            "steps": [],
        }
    )


@fault("port25-family", alone=True)
def deaf_over_ipv6(seen: Seen) -> None:
    """An address that nobody declared."""
    seen["dialogues"].append({**seen["dialogues"][0], "address": "2001:db8::17", "status": "timeout", "steps": []})


@fault("port25-timeout port25-vantage?", alone=True)
def nobody_answers(seen: Seen) -> None:
    """Then what is shut proves nothing."""
    for one in seen["dialogues"]:
        one.update(status="timeout", steps=[])


@fault("manual-open mx-differs", alone=True)
def provider_waits(seen: Seen, expect: Expect) -> None:
    expect["records"][0]["asked_of"] = "dns: provider"
    serve(seen, 300, f"20 {BACKUP}.")


@fault("banner-missing")
def silent(seen: Seen) -> None:
    seen["dialogues"][0].update(steps=[], ended="no reply within 30 s", greeted_after=None)


@fault("banner-refused")
def refuses_to_talk(seen: Seen) -> None:
    steps(seen)[:] = [step("banner", "", "", 554, "No SMTP service here")]


@fault("ehlo-refused")
def knows_helo_alone(seen: Seen) -> None:
    steps(seen)[1].update(code=502, text="5.5.2 Error: command not recognized")
    steps(seen).insert(2, step("helo", "", "HELO sender.example.com", 250, "mail.example.org"))
    seen["dialogues"][0]["tls"] = None


def refuse_senders(seen: Seen, code: int, text: str) -> None:
    steps(seen)[2:] = [step("null-sender", "", "MAIL FROM:<>", code, text)]
    steps(seen).append(step("sender", "", "MAIL FROM:<postmaster@sender.example.com>", code, text))


@fault("sender-refused?", alone=True)
def takes_no_sender(seen: Seen) -> None:
    refuse_senders(seen, 550, "5.7.1 Service unavailable; client [203.0.113.25] blocked")


@fault("server-fault", alone=True)
def is_full(seen: Seen) -> None:
    refuse_senders(seen, 452, "4.3.1 Insufficient system storage")


@fault("server-takes-no-mail", alone=True)
def is_no_mail_host(seen: Seen) -> None:
    refuse_senders(seen, 521, "This host accepts no mail")


@fault("server-demands-login", alone=True)
def demands_login(seen: Seen) -> None:
    refuse_senders(seen, 530, "5.7.0 Authentication required")


@fault("starttls-required")
def demands_tls(seen: Seen) -> None:
    said = "5.7.0 Must issue a STARTTLS command first"
    steps(seen).insert(2, step("sender-in-cleartext", "", "MAIL FROM:<>", 530, said))


@fault("smtp-ended?")
def hangs_up(seen: Seen) -> None:
    del steps(seen)[2:]
    seen["dialogues"][0]["ended"] = "the server closed the connection"


@fault("ehlo-name")
def short_name(seen: Seen) -> None:
    steps(seen)[1]["text"] = steps(seen)[1]["text"].replace("mail.example.org", "mail")


@fault("postmaster-refused")
def no_postmaster(seen: Seen) -> None:
    steps(seen)[3].update(what="postmaster", code=550, text="5.1.1 User unknown")


@fault("domain-refused")
def knows_no_domain(seen: Seen) -> None:
    steps(seen)[3].update(code=554, text="5.7.1 Relay access denied")


@fault("null-sender-refused")
def no_bounces(seen: Seen) -> None:
    steps(seen)[2].update(code=550, text="no null sender here")
    steps(seen)[3].update(what="postmaster")


@fault("greylisted?")
def later(seen: Seen) -> None:
    steps(seen)[3].update(code=450, text="4.2.0 Greylisted, come back later")


@fault("open-relay")
def takes_everything(seen: Seen) -> None:
    steps(seen)[5].update(code=250, text="Ok")


@fault("starttls-weak")
def old_encryption(seen: Seen) -> None:
    seen["dialogues"][0]["tls"].update(version="TLSv1", weak="unsupported protocol")
