# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Postfix that others have set up, then the module: what outranks the declaration is taken over or named."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from typing import Any

import pytest
from ansible_collections.inbound.mail.tests.integration.postfix.debian_host import RELAY, RELAY6, STRANGER, DebianHost
from debian_lab import RELEASES

HOPS = [{"address": "192.0.2.2"}]
RELAY_OPTION: dict[str, Any] = {
    "fqdn": "mail.example.org",
    "domains": [{"name": "example.org", "next_hops": HOPS}],
    "relay_from": ["192.0.2.2"],
}
SERVER_OPTION: dict[str, Any] = {
    "fqdn": "mbox.example.org",
    "domains": ["example.org"],
    "accept_from": ["192.0.2.99"],
    "smarthosts": [{"address": "192.0.2.99"}],
}
# What follows from Postfix and not from how a release packs it.
on_one_release = pytest.mark.parametrize("host", RELEASES[:1], indirect=True)
FILES = ("/etc/postfix/main.cf", "/etc/postfix/master.cf")


def refusal(host: DebianHost, **params: Any) -> str:
    """What the module says, after a look that nothing has changed, in check mode and without."""
    before = [host.text(path) for path in FILES]
    for check_mode in (True, False):
        result = host.module(check_mode, **params)
        assert result.get("failed"), result
    assert [host.text(path) for path in FILES] == before
    assert not (host.root / "etc/postfix/inbound_mail").exists()
    message: str = result["msg"]
    return message


def applied(host: DebianHost, **params: Any) -> dict[str, Any]:
    """The result, after a look that a second run changes nothing."""
    result = host.module(**params)
    assert result.get("changed"), result
    assert "warnings" not in result, result["warnings"]
    again = host.module(**params)
    assert again.get("changed") is False, again
    return result


def resolved(host: DebianHost, sender: str, recipient: str) -> tuple[str, str]:
    """Transport and next hop, as the running Postfix itself says."""
    ask = (
        "import socket, sys\n"
        "connection = socket.socket(socket.AF_UNIX)\n"
        "connection.connect('/var/spool/postfix/private/rewrite')\n"
        "words = ['request', 'resolve', 'sender', sys.argv[1], 'address', sys.argv[2]]\n"
        "connection.sendall(b''.join(word.encode() + bytes(1) for word in words) + bytes(1))\n"
        "received = b''\n"
        "while b'recipient' not in received:\n"
        "    received += connection.recv(4096)\n"
        "print(received.decode().replace(chr(0), '|'))\n"
    )
    said = host.run("python3", "-c", ask, sender, recipient)
    found = re.search(r"transport\|([^|]*)\|nexthop\|([^|]*)\|", said)
    assert found
    return found[1], found[2]


def masters(host: DebianHost) -> list[str]:
    """Process IDs of Postfix's first process, of all that run on this host."""
    return [
        process.name
        for process in (host.machine.inside / "proc").glob("[0-9]*")
        if (process / "comm").read_text() == "master\n"
    ]


def test_installed_as_local_only(host: DebianHost) -> None:
    host.configure(inet_interfaces="loopback-only", default_transport="error", relay_transport="error")
    before = host.text("/etc/postfix/main.cf")
    applied(host, name="server", server=SERVER_OPTION)
    host.start()
    assert resolved(host, "root@example.org", "x@elsewhere.example.net") == ("smtp", "[192.0.2.99]:25")
    assert host.rcpt("192.0.2.99", "root@example.org") == [250]
    host.module(name="server", state="absent")
    assert host.text("/etc/postfix/main.cf") == before


@on_one_release
def test_next_hop_of_the_host_gives_way_to_declared_smarthosts(host: DebianHost) -> None:
    host.configure(default_transport="smtp:[192.0.2.8]")
    applied(host, name="relay", relay={**RELAY_OPTION, "smarthosts": [{"address": "192.0.2.9"}]})
    host.start()
    assert resolved(host, "", "x@elsewhere.example.net") == ("smtp", "[192.0.2.9]:25")


@on_one_release
def test_next_hop_of_the_host_stays_where_none_is_declared(host: DebianHost) -> None:
    host.configure(default_transport="smtp:[192.0.2.8]")
    applied(host, name="relay", relay=RELAY_OPTION)
    host.start()
    assert resolved(host, "", "x@elsewhere.example.net") == ("smtp", "[192.0.2.8]")


@on_one_release
@pytest.mark.parametrize("interfaces", ["127.0.0.1 ::1", "[::1],127.0.0.5", "ip6-localhost, localhost"])
def test_loopback_in_other_words(host: DebianHost, interfaces: str) -> None:
    host.configure(inet_interfaces=interfaces)
    applied(host, name="relay", relay=RELAY_OPTION)
    host.start()
    assert host.rcpt(STRANGER, "a@example.org") == [250]


def test_ipv6_is_switched_off(host: DebianHost) -> None:
    host.configure(inet_interfaces="localhost")
    host.run("sh", "-c", "for one in all lo; do echo 1 >/proc/sys/net/ipv6/conf/$one/disable_ipv6; done")
    applied(host, name="relay", relay=RELAY_OPTION)
    host.start()
    assert host.rcpt(STRANGER, "a@example.org") == [250]


@on_one_release
def test_tls_from_the_first_byte_is_for_the_host_s_own_smarthost(host: DebianHost) -> None:
    """As for port 465: the smarthost by hand keeps it, and the servers behind the relay do not get it."""
    host.configure(relayhost="[192.0.2.8]:465", smtp_tls_wrappermode="yes", smtp_tls_security_level="encrypt")
    applied(host, name="relay", relay=RELAY_OPTION)
    assert host.run("postconf", "-h", "smtp_tls_wrappermode").strip() == "yes"
    assert host.run("postconf", "-P", "relay/unix/smtp_tls_wrappermode").strip().endswith("= no")


# (name of a parameter, or of a service of master.cf and the column or option) -> value, option, who is named for what
REFUSED = [
    pytest.param(
        {"sender_dependent_default_transport_maps": "inline:{ {@example.org=smtp:[192.0.2.8]} }"},
        {"server": SERVER_OPTION},
        r"main\.cf: sender_dependent_default_transport_maps: .* would go to smtp:\[192\.0\.2\.8\]",
        id="sender_dependent_default_transport_maps",
    ),
    pytest.param(
        {"transport_maps": "inline:{ {*=error:no} }"},
        {"server": SERVER_OPTION},
        r"main\.cf: transport_maps: .* would go to error:no, not to \[192\.0\.2\.99\]:25",
        id="transport_maps",
    ),
    pytest.param(
        {"smtpd_recipient_restrictions": "check_recipient_access texthash:/etc/postfix/gone, permit"},
        {"relay": RELAY_OPTION},
        r"main\.cf: smtpd_recipient_restrictions: .*would not be taken: open database /etc/postfix/gone",
        id="a table that is gone",
    ),
    pytest.param(
        {"inet_protocols": "ipv4"},
        {"relay": {**RELAY_OPTION, "addresses": [RELAY, RELAY6]}},
        rf"main\.cf: inet_protocols: .*would not answer on port 25 of {RELAY6}",
        id="inet_protocols",
    ),
    pytest.param(
        {"inet_interfaces": "192.0.2.1"},
        {"relay": {**RELAY_OPTION, "addresses": [RELAY]}},
        rf"main\.cf: inet_interfaces: .*would not answer on port 25 of {RELAY}",
        id="inet_interfaces",
    ),
    pytest.param(
        {"smtpd_client_restrictions": "permit_mynetworks, reject"},
        {"relay": RELAY_OPTION},
        rf"main\.cf: smtpd_client_restrictions: .*example\.org from a client at {STRANGER} would be refused",
        id="smtpd_client_restrictions",
    ),
    pytest.param(
        {
            "smtpd_recipient_restrictions": "permit_mynetworks, reject_unlisted_recipient, permit",
            "local_recipient_maps": "",
        },
        {"server": {**SERVER_OPTION, "local_delivery": False}},
        r"mail for postmaster@example\.org from a client at 192\.0\.2\.99 would be refused: 554 5\.7\.1",
        id="nothing takes the domain",
    ),
]


@on_one_release
@pytest.mark.parametrize(("settings", "params", "message"), REFUSED)
def test_what_outranks_the_declaration_is_named(
    host: DebianHost, settings: dict[str, str], params: dict[str, Any], message: str
) -> None:
    host.configure(**settings)
    assert re.search(message, refusal(host, name="mail", **params))


@on_one_release
def test_address_in_master_cf_is_named(host: DebianHost) -> None:
    path = "/etc/postfix/master.cf"
    host.write(path, host.text(path).replace("\nsmtp      inet", "\n127.0.0.1:smtp inet"))
    said = refusal(host, name="relay", relay=RELAY_OPTION)
    assert "master.cf: 127.0.0.1:smtp/inet" in said
    assert f"would not answer on port 25 of {RELAY}" in said


def test_what_others_take_and_relay_stays(host: DebianHost) -> None:
    host.write("/etc/postfix/transport", "other.example.net smtp:[192.0.2.50]\n")
    host.write("/etc/postfix/relay_recipients", "known@other.example.net OK\n")
    host.configure(
        mydestination="$myhostname, lists.example.net, example.org, localhost",
        relay_domains="other.example.net",
        transport_maps="texthash:/etc/postfix/transport",
        relay_recipient_maps="texthash:/etc/postfix/relay_recipients",
        mynetworks="127.0.0.0/8 192.0.2.40/32",
    )
    before = host.text("/etc/postfix/main.cf")
    applied(host, name="relay", relay=RELAY_OPTION)
    host.start()
    theirs = ("known@other.example.net", "no@other.example.net", "root@lists.example.net")
    assert host.rcpt(STRANGER, "a@example.org", *theirs) == [250, 250, 550, 250]
    assert host.rcpt("192.0.2.40", "x@elsewhere.example.net") == [250]
    assert host.rcpt(STRANGER, "x@elsewhere.example.net") == [554]
    assert resolved(host, "", "a@example.org") == ("relay", "[192.0.2.2]:25")
    assert resolved(host, "", "known@other.example.net") == ("smtp", "[192.0.2.50]")
    host.module(name="relay", state="absent")
    assert host.text("/etc/postfix/main.cf") == before


@on_one_release
def test_list_of_recipients_refuses_no_mail_that_others_relay(host: DebianHost) -> None:
    host.configure(relay_domains="other.example.net")
    static = {"validation": "static", "addresses": ["info"]}
    applied(
        host, name="relay", relay={**RELAY_OPTION, "domains": [{**RELAY_OPTION["domains"][0], "recipients": static}]}
    )
    host.start()
    ours = ("info@example.org", "no@example.org", "any@sub.example.org")
    assert host.rcpt(STRANGER, *ours) == [250, 550, 554]
    assert host.rcpt(STRANGER, "any@other.example.net", "any@sub.other.example.net") == [250, 250]


@on_one_release
@pytest.mark.parametrize("delimiter", ["", "-", "+"])
def test_tag_after_a_known_name(host: DebianHost, delimiter: str) -> None:
    host.configure(recipient_delimiter=delimiter)
    static = {"validation": "static", "addresses": ["info"]}
    applied(
        host, name="relay", relay={**RELAY_OPTION, "domains": [{**RELAY_OPTION["domains"][0], "recipients": static}]}
    )
    host.start()
    assert host.rcpt(STRANGER, "info@example.org", "info+shop@example.org", "no@example.org") == [250, 250, 550]


@on_one_release
def test_pattern_is_no_recipient(host: DebianHost) -> None:
    static = {"validation": "static", "addresses": ["*"]}
    domains = [{**RELAY_OPTION["domains"][0], "recipients": static}]
    assert "'*' is a pattern" in refusal(host, name="relay", relay={**RELAY_OPTION, "domains": domains})


@on_one_release
@pytest.mark.parametrize("by_hand", [True, False])
def test_host_that_demands_tls_is_asked_in_cleartext(host: DebianHost, by_hand: bool) -> None:
    params: dict[str, Any] = {"name": "server", "server": SERVER_OPTION}
    if by_hand:
        host.configure(smtpd_tls_security_level="encrypt")
    else:
        params["edge"] = {"tls_required": True}
    host.configure(smtpd_client_restrictions="reject")
    assert "main.cf: smtpd_client_restrictions" in refusal(host, **params)
    host.configure(smtpd_client_restrictions="")
    applied(host, **params)
    host.start()
    assert host.run("postconf", "-h", "smtpd_tls_security_level").strip() == "encrypt"


@on_one_release
def test_trial_leaves_nothing_behind(host: DebianHost) -> None:
    """No process, no file in a queue of the first Postfix, no mount; it goes on running meanwhile."""
    host.start()
    pid = host.text("/var/spool/postfix/pid/master.pid")
    host.configure(transport_maps="inline:{ {elsewhere.example.net=error:no} }")
    refusal(host, name="server", server=SERVER_OPTION)
    assert host.text("/var/spool/postfix/pid/master.pid") == pid
    assert masters(host) == [pid.strip()]
    assert not [*(host.root / "root/.ansible/tmp").glob("**/postfix-*")]
    assert host.rcpt("127.0.0.1", "root@localhost", server="127.0.0.1") == [250]


@on_one_release
def test_log_of_the_host_has_no_line_of_the_trial(host: DebianHost) -> None:
    """And the trial finds its reasons there too, where the host has syslog."""
    host.configure(smtpd_recipient_restrictions="check_recipient_access texthash:/etc/postfix/gone, permit")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        folder = os.open(host.machine.inside / "dev", os.O_PATH)
        log.bind(f"/proc/self/fd/{folder}/log")  # The path itself is longer than an address can be.
        os.close(folder)
        log.setblocking(False)
        assert "open database /etc/postfix/gone" in host.module(name="relay", relay=RELAY_OPTION)["msg"]
        lines = []
        with contextlib.suppress(BlockingIOError):
            while True:
                lines.append(log.recv(1 << 16).decode())
    assert lines
    # A process of the former trial has a tag of its own, and is no daemon.
    assert [line for line in lines if re.search(r" postfix/\w+\[", line)] == []


@on_one_release
def test_what_others_change_between_two_runs_is_named(host: DebianHost) -> None:
    applied(host, name="server", server=SERVER_OPTION)
    host.configure(transport_maps="inline:{ {*=error:no} }")
    said = host.module(name="server", server=SERVER_OPTION)
    assert "main.cf: transport_maps" in said["msg"]
    host.configure(transport_maps="")
    result = host.module(name="server", server=SERVER_OPTION)
    assert result["changed"] is False


SOUND = [
    pytest.param(
        {"virtual_alias_domains": "example.org"}, {"server": {**SERVER_OPTION, "local_delivery": False}}, id="aliases"
    ),
    pytest.param(
        {
            "mydestination": "",
            "local_transport": "error:no mailboxes here",
            "virtual_alias_maps": "inline:{ {root=admin@elsewhere.example.com} }",
        },
        {"relay": RELAY_OPTION},
        id="a gateway without mailboxes",
    ),
    pytest.param(
        {"smtpd_client_restrictions": "reject_unknown_client_hostname", "unknown_client_reject_code": "550"},
        {"relay": RELAY_OPTION},
        id="clients without a name",
    ),
    pytest.param(
        {"smtpd_client_restrictions": "check_client_access cidr:{ {198.51.100.0/24 REJECT} {2001:db8::/32 REJECT} }"},
        {"relay": RELAY_OPTION},
        id="networks that no client has",
    ),
    pytest.param(
        {"smtpd_helo_restrictions": "check_helo_access regexp:{ {/^\\[/ REJECT} }", "smtpd_helo_required": "yes"},
        {"relay": RELAY_OPTION},
        id="clients without a host name",
    ),
    pytest.param(
        {"smtpd_recipient_restrictions": "permit_mynetworks, reject_multi_recipient_bounce"},
        {
            "relay": {
                **RELAY_OPTION,
                "domains": [{"name": name, "next_hops": HOPS} for name in ("example.org", "b.example")],
            }
        },
        id="bounces to several",
    ),
    pytest.param(
        {"smtpd_recipient_restrictions": "check_policy_service inet:127.0.0.1:10023"},
        {"relay": {**RELAY_OPTION, "domains": [{"name": f"d{n}.example", "next_hops": HOPS} for n in range(30)]}},
        id="a policy server",
    ),
    pytest.param({"content_filter": "smtp:[192.0.2.2]:10024"}, {"relay": RELAY_OPTION}, id="a filter elsewhere"),
]


@on_one_release
@pytest.mark.parametrize(("settings", "params"), SOUND)
def test_what_does_not_contradict_is_no_error(
    host: DebianHost, settings: dict[str, str], params: dict[str, Any]
) -> None:
    host.configure(**settings)
    applied(host, name="mail", **params)


@on_one_release
def test_options_in_master_cf_do_not_get_in_the_way(host: DebianHost) -> None:
    host.run("postconf", "-P", "smtp/inet/smtpd_hard_error_limit=2", "smtp/inet/smtpd_proxy_filter=127.0.0.1:10025")
    static = {"validation": "static", "addresses": ["info"]}
    domains = [{"name": f"d{n}.example", "next_hops": HOPS, "recipients": static} for n in range(4)]
    applied(host, name="relay", relay={**RELAY_OPTION, "domains": domains})


@on_one_release
@pytest.mark.parametrize("value", ["gone:dummy", "smtp:[127.0.0.1]:10024"])
def test_filter_into_nowhere_is_named(host: DebianHost, value: str) -> None:
    host.configure(content_filter=value)
    said = refusal(host, name="relay", relay=RELAY_OPTION)
    assert f"main.cf: content_filter: all mail would wait for the filter {value}" in said


@on_one_release
def test_network_whose_first_address_is_the_host_s_own(host: DebianHost) -> None:
    applied(host, name="relay", relay={**RELAY_OPTION, "relay_from": ["192.0.2.0/24"]})


@on_one_release
def test_who_may_relay_and_what_is_relayed_by_hand_stays(host: DebianHost) -> None:
    host.write("/etc/postfix/more", "table.example.net OK\n")
    host.configure(
        relay_domains="texthash:/etc/postfix/more",
        smtpd_relay_restrictions="check_client_access inline:{192.0.2.40=OK}, reject_unauth_destination",
    )
    applied(host, name="relay", relay=RELAY_OPTION)
    host.start()
    assert host.rcpt(STRANGER, "a@example.org", "x@sub.table.example.net", "x@elsewhere.example.net") == [250, 250, 554]
    assert host.rcpt("192.0.2.40", "x@elsewhere.example.net") == [250]
