# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ansible-playbook inbound.mail.cutover` with what it cannot work with: it says why, and asks no host."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.stages import NEW, Transition, state_id
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.state_file import (
    read_progress,
    write_progress,
)
from ansible_collections.inbound.mail.tests.integration.playbooks import run_playbook

# Nobody is there: whoever is asked makes the run fail otherwise than it should.
STATE = """
all:
  vars:
    mail_domains: [{name: dpetri.net}]
    mail_dns: {default: {provider: rfc2136, server: 192.0.2.53}}
mail_servers:
  hosts:
    %s:
      ansible_host: 192.0.2.1
      mail_topology: nat
      mail_fqdn: %s.dpetri.net
      mail_addresses: [192.168.0.%d]
      mail_public_addresses: [%s]
      mail_gateway: gw
mail_gateways:
  hosts:
    gw: {ansible_host: 192.0.2.2, mail_interfaces: {wan: [eth0], lan: [eth1]}}
"""
FORMER = STATE % ("old", "old", 10, "9.9.0.1")
Play = Callable[..., str]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Runs a playbook on the text of an inventory, which fails unless told otherwise. Returns what it said."""

    def run(playbook: str, inventory: str, *options: str, fails: bool = True) -> str:
        (tmp_path / "inventory.yml").write_text(inventory, encoding="utf-8")
        result = run_playbook(tmp_path, f"inbound.mail.{playbook}", "-i", "inventory.yml", *options)
        said = " ".join((result.stdout + result.stderr).replace("\\n", " ").split())
        assert (result.returncode != 0) is fails, said
        assert "UNREACHABLE" not in said
        return said

    return run


def test_the_former_state_is_asked_for(play: Play) -> None:
    assert "Say from which state mail is moved away: -e mail_cutover_from=FILE" in play("cutover", FORMER)
    missing = play("cutover", FORMER, "-e", "mail_cutover_from=nowhere.json")
    assert "The former plan cannot be read from" in missing
    assert "inbound.mail.plan wrote while the inventory was the former one" in missing


def test_a_file_that_is_no_plan(play: Play, tmp_path: Path) -> None:
    for content in ("[]", "no JSON", json.dumps({"format_version": 99}), '{"format_version": 1}'):
        (tmp_path / "former.json").write_text(content)
        said = play("cutover", FORMER, "-e", "mail_cutover_from=former.json")
        assert "former.json is" in said
        assert "(-e mail_plan_dest=FILE)" in said


def test_a_plan_that_was_changed_says_what_is_strange_in_it(play: Play, tmp_path: Path) -> None:
    play("plan", FORMER, "-e", "mail_plan_dest=former.json", fails=False)
    former = json.loads((tmp_path / "former.json").read_text())
    del former["flows"]
    (tmp_path / "former.json").write_text(json.dumps(former))
    said = play("cutover", FORMER, "-e", "mail_cutover_from=former.json")
    assert "former.json is not as inbound.mail.plan wrote it (KeyError: 'flows')" in said


def test_states_that_cannot_stand_beside_each_other(play: Play) -> None:
    play("plan", FORMER, "-e", "mail_plan_dest=former.json", fails=False)
    said = play("cutover", STATE % ("new", "new", 11, "9.9.0.1"), "-e", "mail_cutover_from=former.json")
    assert "new, mail_public_addresses: 9.9.0.1 leads to old (192.168.0.10) in the former state and to new" in said
    assert "old, mail_cutover_from: the former state needs it, and the inventory no longer has it" in said
    assert "put it into the group mail_retired, until the cutover has ended" in said


def test_no_host_is_left_out(play: Play) -> None:
    play("plan", FORMER, "-e", "mail_plan_dest=former.json", fails=False)
    said = play("cutover", FORMER, "-e", "mail_cutover_from=former.json", "--limit", "gw")
    assert "Run it without --limit" in said


def test_a_zone_that_moves_has_to_be_read_and_written_at_both_dns_hosts(play: Play) -> None:
    play("plan", FORMER, "-e", "mail_plan_dest=former.json", fails=False)
    moved = FORMER.replace("name: dpetri.net}", "name: dpetri.net, dns: new}")
    without = moved.replace("mail_dns: {default:", "mail_dns: {new:")
    assert "mail_dns has no default any more" in play("cutover", without, "-e", "mail_cutover_from=former.json")
    by_hand = moved.replace("mail_dns: {", "mail_dns: {new: {provider: manual}, ")
    said = play("cutover", by_hand, "-e", "mail_cutover_from=former.json")
    assert "new is filled in by hand (provider: manual)" in said
    assert "Let it be at both (dns: [old, new])" in said


def test_site_does_not_cut_a_cutover_short(play: Play, tmp_path: Path) -> None:
    play("plan", FORMER, "-e", "mail_plan_dest=former.json", fails=False)
    new = FORMER.replace("9.9.0.1", "9.9.0.2")
    play("plan", new, "-e", "mail_plan_dest=new.json", fails=False)
    states = {state: state_id(json.loads((tmp_path / f"{state}.json").read_text())) for state in ("former", "new")}
    about = {"id": "", "former_ttl": 3600, "short_ttl": 60, "zones": [], "states": states}
    path = tmp_path / "former.json.cutover"
    write_progress(str(path), replace(read_progress(str(path), about), times={"beside": 0.0}))
    said = play("site", new)
    assert "A cutover to the declared state has not ended" in said
    assert f"({path})" in said
    # What cannot be read of it is no sign that it has ended.
    path.write_text(path.read_text()[:-20])
    said = play("site", new)
    assert f"{path} does not say where the cutover stands: it is damaged" in said
    assert "If no cutover is under way, move it to another directory" in said
    path.unlink()
    (tmp_path / "state").mkdir()
    assert "state is a directory" in play("site", new, "-e", "mail_cutover_state=state")


def test_a_run_that_waits_passes_every_play_whatever_order_the_inventory_has(play: Play, tmp_path: Path) -> None:
    """Hosts inside, which the last plays are about too, stand first here: they were in none of the plays before."""
    inside = "mail_insiders: {hosts: {desk: {ansible_host: 192.0.2.9, mail_addresses: [192.168.0.99]}}}\n"
    new = inside + FORMER.replace("9.9.0.1", "9.9.0.2")
    for state, inventory in (("former", FORMER), ("new", new)):
        play("plan", inventory, "-e", f"mail_plan_dest={state}.json", fails=False)
    former, wanted = (json.loads((tmp_path / f"{state}.json").read_text()) for state in ("former", "new"))
    about = Transition(former, wanted).plan(NEW)["cutover"]
    path = tmp_path / "former.json.cutover"
    write_progress(str(path), replace(read_progress(str(path), about), times={"beside": time.time()}))
    said = play("cutover", new, "-e", "mail_cutover_from=former.json mail_cutover_wait=false", fails=False)
    assert "waits until" in said
