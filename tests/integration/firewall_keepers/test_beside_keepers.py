# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keepers and their administrators do by themselves: reload, restart, reboot."""

from __future__ import annotations

from debian_lab import Lab

from .gateways import (
    GATEWAYS,
    PLAYBOOK,
    await_mail,
    both_releases,
    changed,
    mail_passes,
    one_release,
    others_work,
    state,
)

# What is done at the same time, each on another gateway.
_DONE_TO_KEEPERS = [
    {
        "ufw": "ufw reload",
        "firewalld": "firewall-cmd --reload",
        # It takes Docker's chains along.
        "iptables": "systemctl restart netfilter-persistent && systemctl restart docker",
    },
    {"ufw": "systemctl restart ufw", "firewalld": "systemctl restart firewalld"},
    {"ufw": "ufw disable && ufw --force enable", "firewalld": "systemctl restart docker"},
    {"ufw": "systemctl restart docker"},
]


@both_releases
def test_what_the_keeper_does_does_not_shut_mail_out(lab: Lab) -> None:
    lab.playbook(PLAYBOOK)
    for commands in _DONE_TO_KEEPERS:
        for gateway, command in commands.items():
            lab.run(gateway, command)
        for gateway, command in commands.items():
            await_mail(lab, gateway)
            assert mail_passes(lab, GATEWAYS[gateway]), command
            assert others_work(lab, GATEWAYS[gateway]), command
        assert changed(lab.playbook(PLAYBOOK).stdout) == dict.fromkeys(GATEWAYS, 0), commands


@one_release
def test_a_zone_of_firewalld_that_has_more_than_the_flows_mean_is_refused(lab: Lab) -> None:
    lab.run("firewalld", "firewall-cmd --zone=external --change-interface=dmz2")
    try:
        before = state(lab, "firewalld")
        refused = lab.playbook(PLAYBOOK, "--limit", "firewalld", check=False)
        assert refused.returncode != 0
        said = " ".join(refused.stdout.split())
        assert "interface internet: it is in firewalld's zone external together with dmz2" in said
        assert state(lab, "firewalld") == before
    finally:
        lab.run("firewalld", "firewall-cmd --zone=dmz --change-interface=dmz2")


@both_releases
def test_firewalld_is_not_reloaded_over_changes_that_are_for_now_only(lab: Lab) -> None:
    lab.playbook(PLAYBOOK, "--limit", "firewalld", "-e", "state=absent")
    ipset = "firewall-cmd --permanent --new-ipset=bans --type=hash:ip", "firewall-cmd --permanent --delete-ipset=bans"
    lab.run("firewalld", f"{ipset[0]}; firewall-cmd --reload")
    for_now_only = {
        "--info-zone=external": "--zone=external --add-rich-rule='rule family=ipv4 source address=203.0.113.99 drop'",
        "--info-policy=web-out": "--policy=web-out --add-port=8080/tcp",
        "--info-ipset=bans": "--ipset=bans --add-entry=203.0.113.99",
    }
    lab.run("firewalld", "; ".join(f"firewall-cmd {change}" for change in for_now_only.values()))
    before = state(lab, "firewalld")
    refused = lab.playbook(PLAYBOOK, "--limit", "firewalld", check=False)
    assert refused.returncode != 0
    said = " ".join(refused.stdout.split())
    assert f"in force but not permanent (firewall-cmd {', firewall-cmd '.join(for_now_only)}, with and" in said
    assert state(lab, "firewalld") == before
    lab.run("firewalld", f"{ipset[1]}; rm /etc/firewalld/ipsets/bans.xml.old; firewall-cmd --reload")


@one_release
def test_firewalld_that_cannot_be_asked_is_left_alone(lab: Lab) -> None:
    before = state(lab, "firewalld")
    lab.run("firewalld", "mv /usr/bin/busctl /usr/bin/busctl.away")
    try:
        refused = lab.playbook(PLAYBOOK, "--limit", "firewalld", check=False)
    finally:
        lab.run("firewalld", "mv /usr/bin/busctl.away /usr/bin/busctl")
    assert refused.returncode != 0
    assert "busctl is not installed" in refused.stdout
    assert state(lab, "firewalld") == before


@one_release
def test_policies_that_a_run_left_without_zones_get_them_or_go(lab: Lab) -> None:
    """As where a run ends between making the policies and saying between which zones they are."""
    lab.playbook(PLAYBOOK, "--limit", "firewalld")
    ours = _ours(lab)
    assert len(ours) >= 2
    left = "; ".join(f"firewall-cmd --permanent --new-policy={one}" for one in ours)
    for made in ("", f"{left}; firewall-cmd --reload"):
        lab.run("firewalld", made)
        lab.playbook(PLAYBOOK, "--limit", "firewalld", "-e", "state=absent")
        assert (
            "inbound"
            not in lab.run("firewalld", "firewall-cmd --get-policies; firewall-cmd --permanent --get-policies").stdout
        )
    lab.run("firewalld", f"{left}; firewall-cmd --reload")
    lab.playbook(PLAYBOOK, "--limit", "firewalld")
    assert mail_passes(lab, GATEWAYS["firewalld"])
    assert changed(lab.playbook(PLAYBOOK, "--limit", "firewalld").stdout) == {"firewalld": 0}


@one_release
def test_a_policy_that_is_left_for_now_only_is_there_after_the_reload_for_another(lab: Lab) -> None:
    """As where a change was taken back: its policies let nothing through, and are there until the next reload."""
    lab.playbook(PLAYBOOK, "--limit", "firewalld")
    one, *_others = _ours(lab)
    lab.playbook(PLAYBOOK, "--limit", "firewalld", "-e", "state=absent")
    permanent = f"firewall-cmd --permanent --new-policy={one}", f"firewall-cmd --permanent --delete-policy={one}"
    lab.run("firewalld", "; firewall-cmd --reload; ".join(permanent))
    assert _ours(lab) == [one]
    lab.playbook(PLAYBOOK, "--limit", "firewalld")
    assert mail_passes(lab, GATEWAYS["firewalld"])
    assert changed(lab.playbook(PLAYBOOK, "--limit", "firewalld").stdout) == {"firewalld": 0}


def _ours(lab: Lab) -> list[str]:
    return [one for one in lab.run("firewalld", "firewall-cmd --get-policies").stdout.split() if "inbound-nat" in one]


@both_releases
def test_the_unit_that_follows_firewalld_misses_nothing_and_undoes_nothing(lab: Lab) -> None:
    lab.playbook(PLAYBOOK, "--limit", "firewalld")
    unit = "inbound-mail-openings-firewalld@nat.service"
    # After it has made the openings, and before it listens: firewalld before 2.0 flushes them by that.
    drop_in = lab.root("firewalld") / f"etc/systemd/system/{unit}.d/reload.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nExecStartPre=firewall-cmd --reload\n")
    lab.run("firewalld", f"systemctl daemon-reload; systemctl restart {unit}")
    await_mail(lab, "firewalld")
    assert mail_passes(lab, 2)
    drop_in.unlink()
    drop_in.parent.rmdir()
    # What a run has made that is not confirmed yet is in no file.
    lab.run("firewalld", "iptables -A inbound_mail_nat -s 203.0.113.99 -j ACCEPT")
    lab.run("firewalld", f"systemctl daemon-reload; systemctl restart {unit}")
    assert "203.0.113.99" in lab.run("firewalld", "iptables -S inbound_mail_nat").stdout
    assert changed(lab.playbook(PLAYBOOK, "--limit", "firewalld").stdout) == {"firewalld": 1}


@one_release
def test_the_unit_that_0_3_0_enabled_beside_firewalld_goes(lab: Lab) -> None:
    lab.playbook(PLAYBOOK, "--limit", "firewalld")
    service = "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh /etc/inbound.mail/firewall/%i.openings"
    file = lab.root("firewalld") / "etc/systemd/system/inbound-mail-openings@.service"
    file.write_text(f"[Service]\n{service}\n[Install]\nWantedBy=multi-user.target\n")
    lab.run("firewalld", "systemctl enable --now inbound-mail-openings@nat")
    assert changed(lab.playbook(PLAYBOOK, "--limit", "firewalld").stdout) == {"firewalld": 1}
    asked = "systemctl is-enabled inbound-mail-openings@nat; systemctl is-active inbound-mail-openings@nat"
    assert lab.run("firewalld", asked, check=False).stdout == "disabled\ninactive\n"
    assert changed(lab.playbook(PLAYBOOK, "--limit", "firewalld").stdout) == {"firewalld": 0}


@both_releases
def test_a_reboot_changes_nothing(lab: Lab) -> None:
    lab.playbook(PLAYBOOK, "-e", "timeout=120")
    before = {gateway: state(lab, gateway) for gateway in GATEWAYS}
    lab.reboot(*GATEWAYS)
    for gateway, number in GATEWAYS.items():
        await_mail(lab, gateway)
        assert mail_passes(lab, number), gateway
        assert state(lab, gateway) == before[gateway], gateway
    assert changed(lab.playbook(PLAYBOOK).stdout) == dict.fromkeys(GATEWAYS, 0)
