# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup exchanger of one's own: what it keeps while the server is away, for how long, and whom it refuses."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_lab import RELEASES, Lab

SITE = "inbound.mail.site"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "backup"
BACKUP = "203.0.113.101"


@pytest.fixture(scope="module", params=RELEASES)
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    # Besides example.org and its list, a domain for whose recipients the backup asks the server.
    scenario = tmp_path_factory.mktemp("backup")
    for name in ("inventory.yml", "lab.yml"):
        shutil.copy(EXAMPLE / name, scenario)
    inventory = scenario / "inventory.yml"
    text = inventory.read_text(encoding="utf-8")
    asked = """      - name: example.net
        backup_mx: [{name: backup.example.net, preference: 20}]
        recipients: {validation: callout}
    # The backup's"""
    assert "    # The backup's" in text
    inventory.write_text(text.replace("    # The backup's", asked, 1), encoding="utf-8")
    with Lab.up(scenario, release=request.param) as lab:
        lab.playbook(SITE)
        yield lab


on_one_release = pytest.mark.parametrize("lab", RELEASES[:1], indirect=True, scope="module")


def reply_to(lab: Lab, recipient: str) -> str:
    """The backup's answer to RCPT, of a stranger."""
    swaks = f"swaks --quit-after RCPT --server {BACKUP} --from alice@example.com --to {recipient}"
    # It ends with an error when the recipient is refused.
    dialogue = lab.run("sender", f"{swaks} || true").stdout
    replies = dialogue[dialogue.index("RCPT TO") :].splitlines()
    return replies[1].split()[1]


def subjects(lab: Lab, user: str) -> list[str]:
    return lab.run("mail", f"touch /var/mail/{user}; sed -n 's/^Subject: //p' /var/mail/{user}").stdout.split()


@on_one_release
def test_what_it_keeps_arrives_once_and_what_it_refuses_it_refuses_at_once(lab: Lab) -> None:
    # While the server is there, the backup learns who exists of the domain for which it has no list.
    assert reply_to(lab, "sales@example.net") == "250"
    assert reply_to(lab, "stranger@example.net") == "550"

    lab.run("mail", "systemctl stop postfix postfix@-")
    # A real Postfix with its queue, by MX lookup.
    for number in range(20):
        recipient = ("info@example.org", "sales@example.net")[number % 2]
        lab.run("sender", f"printf 'Subject: kept-{number}\\n\\nhello\\n' | sendmail -f root@example.com {recipient}")
    lab.await_run("backup", "test $(postqueue -j | wc -l) = 20", within=60)
    lab.await_run("sender", 'test -z "$(postqueue -j)"', within=60)
    # Nothing that would have to be returned is taken, nobody relays through it, and postmaster is heard.
    assert reply_to(lab, "info@example.org") == "250"
    assert reply_to(lab, "stranger@example.org") == "550"
    assert reply_to(lab, "postmaster@example.org") == "250"
    assert reply_to(lab, "stranger@example.net") == "550"
    assert reply_to(lab, "sales@example.net") == "250"
    # One for whom it never asked waits at the sender's.
    assert reply_to(lab, "info@example.net") == "450"
    assert reply_to(lab, "bob@example.invalid") == "554"

    lab.run("mail", "systemctl start postfix")
    lab.await_run("backup", 'postqueue -f && sleep 1 && test -z "$(postqueue -j)"', within=120)
    lab.await_run("mail", 'test -z "$(postqueue -j)"', within=60)
    arrived = [*subjects(lab, "info"), *subjects(lab, "sales")]
    assert sorted(arrived) == sorted(f"kept-{number}" for number in range(20))
    # No bounce went to anybody: the one who wrote has no mail, and mail of this kind would reach him.
    assert lab.run("sender", "grep '^Subject:' /var/mail/root", check=False).stdout == ""
    lab.run("mail", "printf 'Subject: returned\\n\\nhello\\n' | sendmail -f '<>' root@example.com")
    lab.await_run("sender", "grep -q '^Subject: returned' /var/mail/root", within=30)
    lab.playbook("inbound.mail.verify")


# How the timer and its service are called on the backup.
EXPIRY = "inbound-mail-expiry-relay@etc-postfix"
MAIN_CF = "/etc/postfix/main.cf"


def declare(lab: Lab, before: str, after: str) -> None:
    """Change the inventory."""
    inventory = Path(lab.scenario.folder) / "inventory.yml"
    text = inventory.read_text(encoding="utf-8")
    assert text.count(before) == 1
    inventory.write_text(text.replace(before, after), encoding="utf-8")


def of_lifetimes(lab: Lab) -> str:
    """Every file on the backup that is there for lifetimes of domains alone."""
    found = "find /etc/postfix /etc/systemd -name '*expir*' -o -name queue_lifetimes"
    return lab.run("backup", f"{found}; systemctl list-units --all --no-legend 'inbound-mail-*'").stdout


def _refused_without_systemd(lab: Lab) -> None:
    # What tells that it runs, sd_booted(3).
    lab.run("backup", "mv /run/systemd/system /run/systemd/away")
    try:
        refused = lab.playbook(SITE, check=False)
    finally:
        lab.run("backup", "mv /run/systemd/away /run/systemd/system")
    assert "no systemd runs here to send back what has outlived it. Leave it out" in refused.stdout


@pytest.fixture(scope="module")
def as_it_was(lab: Lab) -> str:
    """Mail for example.org is kept for five seconds, for example.net for an hour; main.cf before there was a relay."""
    lab.ansible("backup", "-m", "inbound.mail.postfix", "-a", "name=relay state=absent")
    main_cf = lab.run("backup", f"cat {MAIN_CF}").stdout
    assert of_lifetimes(lab) == ""
    _refused_without_systemd(lab)
    assert lab.run("backup", f"cat {MAIN_CF}").stdout == main_cf
    declare(lab, "queue_lifetime: 14d", "queue_lifetime: 5s")
    declare(lab, "recipients: {validation: callout}", "recipients: {validation: callout}\n        queue_lifetime: 1h")
    checked = lab.playbook(SITE, "--check", "--diff").stdout
    assert "+example.org 5s" in checked and "+OnCalendar=" in checked
    assert of_lifetimes(lab) == ""
    assert lab.run("backup", f"cat {MAIN_CF}").stdout == main_cf
    lab.playbook(SITE)
    assert dict(re.findall(r"(\w+) +: ok=\d+ +changed=(\d+)", lab.playbook(SITE).stdout)) == {
        "backup": "0",
        "mail": "0",
    }
    return main_cf


def queue(lab: Lab) -> dict[str, dict[str, object]]:
    """Queue ID -> what the backup's Postfix says of the message."""
    messages = map(json.loads, lab.run("backup", "postqueue -j").stdout.splitlines())
    return {message["queue_id"]: message for message in messages}


def hand_in(lab: Lab, subject: str, *recipients: str) -> str:
    """Give the backup a message; returns its queue ID there."""
    swaks = f"swaks --server {BACKUP} --from root@example.com --to {','.join(recipients)} --h-Subject {subject}"
    return re.findall(r"queued as (\w+)", lab.run("sender", swaks).stdout)[0]


@pytest.mark.usefixtures("as_it_was")
def test_mail_goes_back_when_the_lifetime_of_its_domain_has_ended(lab: Lab) -> None:
    next_run = lab.run(
        "backup", f"systemctl is-enabled {EXPIRY}.timer; systemctl list-timers --no-legend {EXPIRY}.timer"
    )
    assert re.match(r"enabled\n\w{3} \d{4}-\d\d-\d\d ", next_run.stdout)
    assert lab.run("backup", "postconf -h maximal_queue_lifetime").stdout == "5d\n"
    # The backup knows him from now on.
    assert reply_to(lab, "sales@example.net") == "250"

    lab.run("mail", "systemctl stop postfix postfix@-")
    short = hand_in(lab, "lifetime-short", "info@example.org")
    held = hand_in(lab, "lifetime-held", "info@example.org")
    waiting = hand_in(lab, "lifetime-long", "sales@example.net")
    mixed = hand_in(lab, "lifetime-mixed", "info@example.org", "sales@example.net")
    lab.run("backup", f"postsuper -h {held}")
    # Each is tried in vain when it is older than five seconds.
    for message in (short, mixed, waiting):
        file = f"find /var/spool/postfix/deferred -name {message} -printf '%C@\n' | cut -d. -f1"
        then = f"{queue(lab)[message]['arrival_time']} + 5"
        lab.await_run("backup", f"postqueue -f; test $({file}) -ge $(({then}))", within=60)
    lab.run("backup", f"systemctl start {EXPIRY}.service")
    lab.await_run("backup", f"postqueue -f; ! postqueue -j | grep -q {short}", within=60)

    # To who wrote it, as Postfix returns what has waited too long.
    lab.await_run("sender", "grep -q '^Subject: lifetime-short' /var/mail/root", within=60)
    returned = lab.run("sender", "cat /var/mail/root").stdout
    assert len(re.findall("^Subject: Undelivered Mail Returned to Sender", returned, re.MULTILINE)) == 1
    assert re.search(r"^Final-Recipient: rfc822; ?info@example.org\n.*\nAction: failed\n", returned, re.MULTILINE)
    assert {one: message["forced_expire"] for one, message in queue(lab).items()} == dict.fromkeys(
        (held, waiting, mixed), False
    )

    lab.run("mail", "systemctl start postfix")
    lab.run("backup", f"postsuper -H {held}")
    lab.await_run("backup", 'postqueue -f && sleep 1 && test -z "$(postqueue -j)"', within=120)
    lab.await_run("mail", 'test -z "$(postqueue -j)"', within=60)
    arrived = {user: {one for one in subjects(lab, user) if "lifetime" in one} for user in ("info", "sales")}
    assert arrived == {"info": {"lifetime-held", "lifetime-mixed"}, "sales": {"lifetime-long", "lifetime-mixed"}}


def test_what_is_no_longer_declared_is_gone(lab: Lab, as_it_was: str) -> None:
    """The last one: there is no relay in the end."""
    ours = lab.run("backup", f"cat {MAIN_CF}").stdout
    assert len(of_lifetimes(lab).splitlines()) >= 5
    declare(lab, "        queue_lifetime: 5s\n", "")
    declare(lab, "        queue_lifetime: 1h\n", "")
    lab.playbook(SITE)
    assert of_lifetimes(lab) == ""
    assert lab.run("backup", f"cat {MAIN_CF}").stdout == ours.replace("maximal_queue_lifetime = 5d\n", "")

    # And the other way.
    declare(
        lab,
        "        recipients: {validation: callout}\n",
        "        recipients: {validation: callout}\n        queue_lifetime: 30d\n",
    )
    lab.playbook(SITE)
    assert lab.run("backup", "postconf -h maximal_queue_lifetime").stdout == "30d\n"
    lab.ansible("backup", "-m", "inbound.mail.postfix", "-a", "name=relay state=absent")
    assert of_lifetimes(lab) == ""
    assert lab.run("backup", "ls /etc/postfix/inbound_mail", check=False).stdout == ""
    assert lab.run("backup", f"cat {MAIN_CF}").stdout == as_it_was
