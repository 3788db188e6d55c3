# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail is moved from one state to another while it comes in all the time, also when something goes wrong on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import smtplib
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from debian_lab import Lab, LabError
from moves import Moves, Stream, arrived, direct, nat, relay, session

# Messages a second.
RATE = 10
# The DNS hosts of the zone.
OLD, NEW = "203.0.113.60", "203.0.113.70"
SENDER = "203.0.113.25"
# A refusal that the host itself cannot know of: of this client alone, from which site looks.
REFUSES_SENDER = f"check_client_access inline:{{{SENDER}=REJECT}}"


@pytest.fixture(scope="module")
def moves(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moves]:
    with Moves.up(tmp_path_factory.mktemp("cutover")) as moves:
        yield moves


def exchanges(lab: Lab, server: str) -> str:
    return lab.run("sender", f"dig +noall +answer +ttlid MX example.org @{server}").stdout


def assert_both_answer(lab: Lab, exchange: str) -> None:
    assert exchange in exchanges(lab, OLD)
    assert exchange in exchanges(lab, NEW)


def exchanges_inside(lab: Lab) -> str:
    return lab.run("inside", "dig +short MX example.org").stdout


def assert_waits_for_session_from(sender: str, result: subprocess.CompletedProcess[str]) -> None:
    found = re.search(r"still have SMTP sessions open on first that came the former way \(([^)]*)\)", said(result))
    assert result.returncode != 0 and found, said(result)
    assert f"{sender}:" in found[1]


def send(held: smtplib.SMTP, subject: str) -> None:
    """As one more message of the session."""
    held.sendmail("alice@example.com", ["postmaster@example.org"], f"Subject: {subject}\r\n\r\nhello\r\n")


def hold_message(lab: Lab, subject: str) -> None:
    """The sender's Postfix is in the middle of a message for the host that leaves, as if it had looked for an exchanger
    before the switch: that host takes its time before it says that it has it."""
    slow = "smtpd_end_of_data_restrictions=check_sender_access inline:{{slow@example.com=sleep 300}}"
    lab.run("first", ["postconf", "-e", slow])
    lab.run("first", "postfix reload")
    lab.run("sender", "postconf -e 'transport_maps=inline:{example.org=smtp:[198.51.100.10]}' && postfix reload")
    lab.run("sender", f"printf 'Subject: {subject}\n\nhello\n' | sendmail -f slow@example.com postmaster@example.org")
    sessions = f"ss -Htn state established '( sport = :25 and dst = {SENDER} )'"
    lab.await_run("first", f"test $({sessions} | wc -l) = 2", within=30)


def stands(lab: Lab, plan: str) -> dict[str, Any]:
    """When each step was done; nothing before the first."""
    path = lab.folder / "work" / f"{plan}.cutover"
    if not path.exists():
        return {}
    assert path.stat().st_mode & 0o777 == 0o600
    times: dict[str, Any] = json.loads(path.read_text())["times"]
    return times


def said(result: subprocess.CompletedProcess[str]) -> str:
    return " ".join(result.stdout.split())


def assert_mail_arrives(lab: Lab, stream: Stream, server: str) -> None:
    """What is sent from now on comes into the mailbox of that server."""
    since = stream.sent()
    newer = f"sed -n 's/^Subject: token-//p' /var/mail/root | awk '$1 > {since} {{ found = 1 }} END {{ exit !found }}'"
    try:
        lab.await_run(server, newer, within=120)
    except LabError as error:
        pytest.fail(f"{error}\nNo message after token {since} came to {server}.\n{stream.whereabouts()}")


def subjects(lab: Lab, server: str, beginning: str) -> list[str]:
    """Of the messages in its mailbox."""
    return lab.run(server, f"sed -n 's/^Subject: \\({beginning}-.*\\)$/\\1/p' /var/mail/root").stdout.split()


def test_a_move_goes_on_after_whatever_stops_it_and_loses_doubles_and_returns_nothing(moves: Moves) -> None:
    """From one topology, server and DNS host of the zone to others, all at once."""
    lab = moves.lab
    former = moves.declare(direct("first"))
    lab.playbook("inbound.mail.site")
    flows = lab.run("gateway", "nft --stateless list table inet inbound_mail_dmz").stdout
    stream = Stream(lab, RATE)
    moves.declare(relay("second"), dns="new")

    # The new DNS host is down, and then it lacks a record that is not ours: nothing is begun.
    lab.run("new", "systemctl stop pdns")
    unready = moves.cutover(former, check=False)
    lab.run("new", "systemctl start pdns")
    assert unready.returncode != 0
    assert "Until that is mended, leave the delegation as it is" in said(unready)
    incomplete = moves.cutover(former, check=False)
    assert incomplete.returncode != 0
    assert "example.org: at the new DNS host A www.example.org (203.0.113.80) is missing" in said(incomplete)
    assert stands(lab, former) == {}
    lab.run("new", "pdnsutil add-record example.org www A 8 203.0.113.80")

    # --check shows the steps and changes nothing.
    shown = moves.cutover(former, "--check", "--diff")
    assert (
        "Have the delegation of example.org changed by the operator of org, mostly through the registrar: "
        "NS new1.example.com, new2.example.com in place of old1.example.com, old2.example.com."
    ) in said(shown)
    assert "5 parking.example.com." in exchanges(lab, NEW)
    assert "example.org MX: 10 first.example.org. becomes 10 mx.example.org." in said(shown)
    assert "1 make the new way beside the former one, lower the TTL next" in said(shown)
    assert "\t6\t" in exchanges(lab, OLD) or " 6 " in exchanges(lab, OLD)
    assert stands(lab, former) == {}
    assert lab.run("second", "test -e /etc/postfix/main.cf", check=False).returncode != 0

    # After its change no new connection to the gateway can be made, so it takes the change back by itself. Ansible came
    # in by one that was open.
    lab.ansible("gateway", "-m", "ping")
    lab.run("gateway", "nft add table inet lockout")
    lab.run("gateway", "nft add chain inet lockout in '{ type filter hook input priority 0; }'")
    lab.run("gateway", "nft add rule inet lockout in iifname mgmt tcp dport 22 'tcp flags & (syn | ack) == syn' drop")
    locked_out = moves.cutover(former, "-e", "mail_dmz_firewall_confirm_timeout=15", check=False)
    lab.run("gateway", "nft delete table inet lockout")
    assert locked_out.returncode != 0
    assert "takes it back by itself" in said(locked_out)
    assert "Mail comes in on the former way. If this step stops, it goes on doing so." in said(locked_out)
    lab.await_run("gateway", 'test -z "$(ls -A /run/inbound.mail/firewall)"', within=120)
    assert lab.run("gateway", "nft --stateless list table inet inbound_mail_dmz").stdout == flows
    assert "10 first.example.org." in exchanges(lab, OLD)
    assert stands(lab, former) == {}
    assert_mail_arrives(lab, stream, "first")

    # The new exchanger refuses mail from the vantage: nothing is led there.
    lab.run("relay", f"postconf -e 'smtpd_client_restrictions = {REFUSES_SENDER}' && postfix reload")
    refused = moves.cutover(former, check=False)
    lab.run("relay", "postconf -X smtpd_client_restrictions && postfix reload")
    assert refused.returncode != 0
    assert "The DNS records were not published, as it was not seen that mail is taken" in said(refused)
    assert "Client host rejected" in said(refused)
    assert "10 first.example.org." in exchanges(lab, OLD)
    assert stands(lab, former) == {}
    assert_mail_arrives(lab, stream, "first")

    # The delegation is not changed: both DNS hosts answer the same, and go on doing so.
    undelegated = moves.cutover(former, "-e", "mail_cutover_delegation_timeout=1", check=False)
    assert undelegated.returncode != 0
    assert "0 of 1 name servers of org say so now" in said(undelegated)
    assert "The delegation has not been changed within 1 s." in said(undelegated)
    assert stands(lab, former).keys() == {"beside"}
    assert_both_answer(lab, "10 first.example.org.")
    assert_mail_arrives(lab, stream, "first")

    # Nobody makes the new state so at once by mistake.
    at_once = lab.playbook("inbound.mail.site", check=False)
    assert at_once.returncode != 0
    assert "A cutover to the declared state has not ended" in said(at_once)
    assert "10 first.example.org." in exchanges(lab, OLD)

    # It is, and the controller is killed when it is about to switch the records.
    with lab.playbook_started("inbound.mail.cutover", "-e", f"mail_cutover_from={former}") as running:
        moves.delegate("new")
        lab.await_run("controller", f"grep -q switching {lab.folder}/work/{former}.cutover", within=120)
        os.kill(running.pid, signal.SIGKILL)
        running.wait(timeout=30)
    assert stands(lab, former).keys() == {"beside", "delegated", "switching"}
    assert_both_answer(lab, "10 first.example.org.")
    assert exchanges_inside(lab) == "10 first.example.org.\n"

    # The name server is down when the records are to be switched.
    lab.run("new", "systemctl stop pdns")
    unwritten = moves.cutover(former, check=False)
    lab.run("new", "systemctl start pdns")
    assert unwritten.returncode != 0
    assert "3 probe the new way, then lead the records there" in said(unwritten)
    assert (
        "Mail comes in on the former way, and the new one takes it too. If this step stops, both go on doing so."
        in (said(unwritten))
    )
    assert stands(lab, former).keys() == {"beside", "delegated", "switching"}
    assert "10 first.example.org." in exchanges(lab, NEW)
    assert_mail_arrives(lab, stream, "first")

    # The host that leaves cannot deliver what it took: it stays until it has, and the new way takes mail meanwhile.
    lab.run("first", "postconf -e 'mailbox_command = exit 75' && postfix reload")
    lab.await_run("first", "postqueue -j | grep -q example.org", within=60)
    undelivered = moves.cutover(former, "-e", "mail_cutover_drain_timeout=2", check=False)
    lab.run("first", "postconf -X mailbox_command && postfix reload")
    assert undelivered.returncode != 0
    assert "first still keeps mail for the domains in its queue" in said(undelivered)
    assert stands(lab, former).keys() == {"beside", "delegated", "switching", "switched"}
    assert_mail_arrives(lab, stream, "second")

    # A sender goes on in a session that it has open with the host that leaves. Without the domain it would refuse that.
    held = session(lab, "sender", "198.51.100.10")
    send(held, "held-1")
    hold_message(lab, "held-by-postfix")
    in_use = moves.cutover(former, "-e", "mail_cutover_session_timeout=2", check=False)
    assert_waits_for_session_from(SENDER, in_use)
    assert stands(lab, former).keys() == {"beside", "delegated", "switching", "switched"}
    send(held, "held-2")
    held.quit()

    # Postfix is restarted there, as it was told: the sender tries again, and now asks DNS.
    assert "To end them now, restart Postfix there" in said(in_use)
    lab.run("first", "postconf -X smtpd_end_of_data_restrictions && systemctl restart postfix")
    lab.await_run("sender", "postqueue -j | grep -q 'lost connection with 198.51.100.10'", within=60)
    lab.run("sender", "postconf -X transport_maps && postfix reload")
    lab.await_run("sender", 'postqueue -f && sleep 1 && test -z "$(postqueue -j)"', within=60)

    # A repeat finishes.
    ended = moves.cutover(former)
    assert "There is nothing left to do." in said(ended)
    times = stands(lab, former)
    assert times.keys() == {"beside", "delegated", "switching", "switched", "new", "verified"}
    # The TTL of the former name servers' NS records in the zone, which is the longest.
    assert times["new"] - times["delegated"] >= 8
    # The former DNS host answers those who still ask it.
    assert_both_answer(lab, "10 mx.example.org.")
    assert_mail_arrives(lab, stream, "second")
    tokens = stream.end()
    assert stream.bounced() == ""
    assert arrived(lab) == Counter(tokens)
    assert subjects(lab, "first", "held") == ["held-1", "held-2"]
    assert subjects(lab, "second", "held") == ["held-by-postfix"]

    # Nothing of the former way is left.
    assert exchanges_inside(lab) == "10 mx.example.org.\n"
    assert lab.run("inside", "dig +short A first.example.org").stdout == ""
    assert lab.run("sender", f"dig +short A first.example.org @{NEW}").stdout == ""
    assert sorted(lab.run("sender", "dig +short NS example.org").stdout.split()) == [
        "new1.example.com.",
        "new2.example.com.",
    ]
    assert lab.run("sender", "dig +short A www.example.org").stdout == "203.0.113.80\n"
    left = lab.run("first", "postconf -n; ls -A /etc/postfix/inbound_mail", check=False).stdout
    assert "inbound" not in left and "example.org" not in left
    assert "198.51.100.10" not in lab.run("gateway", "nft list ruleset").stdout

    # Were something left, or put back, it would be found: a name's address, and a host that still takes the mail.
    lab.run("new", "pdnsutil add-record example.org first A 8 198.51.100.10 && pdns_control purge example.org$")
    lab.run("first", "cp -p /etc/postfix/main.cf /root && postconf -e mydestination=example.org && postfix reload")
    left_over = moves.cutover(former, check=False)
    lab.run("first", "cp -p /root/main.cf /etc/postfix && postfix reload")
    lab.run("new", "pdnsutil delete-rrset example.org first A && pdns_control purge example.org$")
    assert left_over.returncode != 0
    assert "ERROR address-differs first.example.org A" in said(left_over)
    assert "ERROR former-exchanger-takes-mail example.org at first" in said(left_over)

    # And a repeat of it all changes nothing.
    again = moves.cutover(former)
    assert "There is nothing left to do." in said(again)
    assert "changed=0" in again.stdout and "changed=1" not in again.stdout


def test_a_message_that_takes_its_time_comes_in_the_former_way_while_topologies_change(moves: Moves) -> None:
    """Back from the relay to a server behind NAT, and from there to a relay before the same server."""
    lab = moves.lab
    moves.delegate("new")
    former = moves.declare(relay("second"), dns="new")
    lab.playbook("inbound.mail.site")
    stream = Stream(lab, RATE)
    before = moves.declare(nat("first"), dns="new")
    moves.cutover(former)
    left = lab.run("relay", "postconf -n; ls -A /etc/postfix/inbound_mail", check=False).stdout
    assert "inbound" not in left and "example.org" not in left
    assert exchanges_inside(lab) == "10 first.example.org.\n"
    assert "192.168.0.10" in lab.run("inside", "dig +short A first.example.org").stdout
    assert lab.run("sender", "dig +short A first.example.org").stdout == "203.0.113.1\n"

    # A message is half through when the way that it came is to go.
    held = session(lab, "sender", "203.0.113.1")
    held.helo("sender.example.com")
    held.mail("alice@example.com")
    held.rcpt("postmaster@example.org")
    assert held.docmd("DATA")[0] == 354
    held.send("Subject: held-3\r\n\r\nhel")
    moves.declare(relay("first"), dns="new")
    in_use = moves.cutover(before, "-e", "mail_cutover_session_timeout=2", check=False)
    assert_waits_for_session_from(SENDER, in_use)
    held.send("lo\r\n.\r\n")
    assert held.getreply()[0] == 250
    send(held, "held-4")
    held.quit()

    # The controller is killed when the former way is removed on one host and not yet on the others.
    with lab.playbook_started("inbound.mail.cutover", "-e", f"mail_cutover_from={before}") as running:
        lab.await_run("first", "postconf -n | grep -q ^smtpd_client_restrictions", within=120)
        os.kill(running.pid, signal.SIGKILL)
        running.wait(timeout=30)
    assert stands(lab, before).keys() == {"beside", "switching", "switched"}
    # The relay's own sessions with the server are on the new way, and not waited for.
    assert "There is nothing left to do." in said(moves.cutover(before))
    assert_mail_arrives(lab, stream, "first")

    tokens = stream.end()
    assert stream.bounced() == ""
    assert arrived(lab) == Counter(tokens)
    assert subjects(lab, "first", "held")[-2:] == ["held-3", "held-4"]
    # The forward is gone, and with it the name that only the former way had.
    assert "dnat" not in lab.run("gateway", "nft list ruleset").stdout
    assert lab.run("sender", f"dig +short A first.example.org @{NEW}").stdout == ""
    refused = lab.run("sender", "swaks --quit-after CONNECT --server 203.0.113.1 --timeout 5", check=False)
    assert refused.returncode != 0 and "220" not in refused.stdout
