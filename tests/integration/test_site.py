"""The playbooks on real hosts when something is wrong in the middle of a run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_lab import Lab

RELAY = Path(__file__).resolve().parents[2] / "examples" / "relay"
MX = "dig +short MX example.org @203.0.113.53"
# A refusal that the host itself cannot know of: of this client alone, from which site looks.
REFUSES_SENDER = "check_client_access inline:{203.0.113.25=REJECT}"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.up(RELAY) as lab:
        yield lab


def output(result: subprocess.CompletedProcess[str]) -> str:
    return result.stdout + result.stderr


def test_key_and_server_that_do_not_hold_are_met_before_any_host_is_changed(lab: Lab) -> None:
    """All of them at once. It comes first: the hosts are fresh."""
    wrong = "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmch"
    services = {
        "mail_domains": [
            {"name": "example.org", "dns": ["default", "readable"]},
            {"name": "example.net", "dns": "other"},
        ],
        "mail_dns": {
            "default": {"server": "203.0.113.53", "key_name": "inbound-mail", "key_secret": wrong},
            # Everybody may read there.
            "readable": {"server": "203.0.113.53"},
            "other": {"server": "203.0.113.25", "timeout": 1},
        },
    }
    for arguments in ([], ["--limit", "firewall"], ["--check"]):
        refused = lab.playbook("inbound.mail.site", "-vvv", *arguments, "-e", json.dumps(services), check=False)
        assert refused.returncode != 0
        assert "signature made with the key inbound-mail (BADSIG)" in output(refused)  # the key, by its name
        assert "zone example.net: 203.0.113.25" in output(refused)
        is_checked = "--check" in arguments
        assert ("an update without a key may not change" in output(refused)) is not is_checked
        assert ("Nothing was changed yet, on no host and in no zone" in output(refused)) is not is_checked
        assert wrong not in output(refused)
    assert lab.run("sender", MX).stdout == ""
    assert lab.run("relay", "command -v postconf", check=False).stdout == ""
    assert lab.run("mail", "command -v postconf", check=False).stdout == ""
    assert "inbound_mail" not in lab.run("firewall", "command -v nft && nft list tables", check=False).stdout


def test_unreachable_relay_stops_before_firewall_and_records_and_a_repeat_finishes(lab: Lab) -> None:
    lab.disconnect("relay", "mgmt")
    try:
        stopped = lab.playbook("inbound.mail.site", check=False)
    finally:
        lab.connect("relay", "mgmt")
    assert stopped.returncode != 0
    assert "UNREACHABLE" in output(stopped)
    assert "relay could not be set up" in " ".join(output(stopped).split())
    # Neither the way nor the records were changed while the exchanger was not ready.
    assert "inbound_mail" not in lab.run("firewall", "command -v nft && nft list tables", check=False).stdout
    assert lab.run("sender", MX).stdout == ""

    lab.playbook("inbound.mail.site")
    lab.hold()


def test_dead_exchanger_keeps_the_records_from_being_written(lab: Lab) -> None:
    """Make before break: DNS is led to an exchanger only if that answers now."""
    lab.playbook("inbound.mail.site")
    before = lab.run("sender", MX).stdout
    lab.run("relay", "ip route add blackhole 203.0.113.25")
    try:
        refused = lab.playbook("inbound.mail.site", "-e", '{"mail_preference": 20}', check=False)
        assert refused.returncode != 0
        assert "198.51.100.17" in output(refused)
        assert lab.run("sender", MX).stdout == before == "10 mail.example.org.\n"
    finally:
        lab.run("relay", "ip route del blackhole 203.0.113.25")
    # One that answers and takes nothing is no better, nor is one that always says "later".
    for restriction in (REFUSES_SENDER, REFUSES_SENDER.replace("REJECT", "DEFER")):
        lab.run("relay", f"postconf -e 'smtpd_client_restrictions = {restriction}' && postfix reload")
        other = '{"mail_preference": 20, "mail_verify_greylist_timeout": 1}'
        refused = lab.playbook("inbound.mail.site", "-e", other, check=False)
        lab.run("relay", "postconf -X smtpd_client_restrictions && postfix reload")
        assert refused.returncode != 0, restriction
        assert "Client host rejected" in output(refused)
        assert lab.run("sender", MX).stdout == before
    lab.playbook("inbound.mail.site", "-e", '{"mail_preference": 20}')
    assert lab.run("sender", MX).stdout == "20 mail.example.org.\n"
    lab.playbook("inbound.mail.site")
    assert lab.run("sender", MX).stdout == before


def test_a_limited_run_changes_that_host_alone_and_still_knows_the_whole(lab: Lab) -> None:
    lab.playbook("inbound.mail.site")
    lab.run("firewall", "nft delete table inet inbound_mail_dmz")
    lab.run("relay", "postconf -e relay_domains=")
    lab.playbook("inbound.mail.site", "--limit", "firewall")
    lab.run("firewall", "nft list table inet inbound_mail_dmz")
    assert lab.run("relay", "postconf -h relay_domains").stdout.strip() == ""
    lab.playbook("inbound.mail.site")
    assert lab.run("relay", "postconf -h relay_domains").stdout.strip() != ""


def test_no_secret_in_any_output(lab: Lab) -> None:
    for playbook in ("inbound.mail.plan", "inbound.mail.site", "inbound.mail.verify"):
        seen = output(lab.playbook(playbook, "-vvv", "--diff"))
        assert "PLAY RECAP" in seen
        assert lab.secrets["MAIL_DNS_KEY_SECRET"] not in seen
