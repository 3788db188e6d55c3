# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab.yml may say, and what is said about one that does not work."""

from __future__ import annotations

from pathlib import Path

import pytest
from debian_lab.rehearsal import recap, received
from debian_lab.scenario import Hold, Scenario, ScenarioError, fill, load

ROOT = Path(__file__).resolve().parents[3]

GOOD = """
networks:
  lan: {}
hosts:
  alice:
    networks: {lan: [192.0.2.1/24, "2001:db8::1/64"]}
    routes: {default: [192.0.2.254, "2001:db8::fe"]}
    files:
      /etc/key: {content: 'key "@A_KEY@"', mode: "0640", group: bind}
    run: [echo @OTHER_KEY@]
hold:
  - {name: up, on: alice, run: "true"}
"""


def scenario(folder: Path, text: str) -> Scenario:
    (folder / "lab.yml").write_text(text)
    return load(folder)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        scenario(folder, text)
    assert str(folder / "lab.yml") in str(caught.value)
    return caught.value.problems


def test_a_whole_scenario(tmp_path: Path) -> None:
    got = scenario(tmp_path, GOOD)
    alice = got.hosts["alice"]
    assert got.networks == ["lan"]
    assert alice.networks == {"lan": ["192.0.2.1/24", "2001:db8::1/64"]}
    assert alice.routes == {"default": ["192.0.2.254", "2001:db8::fe"]}
    assert alice.files["/etc/key"].mode == 0o640
    assert (alice.files["/etc/key"].owner, alice.files["/etc/key"].group) == ("root", "bind")
    assert got.secrets == {"A_KEY", "OTHER_KEY"}
    assert got.hold == [Hold("up", "alice", "true")]
    assert got.inventory is None


def test_every_scenario_of_this_repo_can_be_read() -> None:
    folders = [path.parent for top in ("examples", "tests/lab/scenarios") for path in (ROOT / top).glob("*/lab.yml")]
    assert len(folders) >= 5
    for folder in folders:
        assert load(folder).hosts
    for folder in (ROOT / "examples").iterdir():
        assert load(folder).hold


def test_on_and_off_are_words_as_in_yaml_1_2(tmp_path: Path) -> None:
    text = GOOD + "  - {name: yes, on: alice, run: off, fails: true}\n"
    assert scenario(tmp_path, text).hold[1] == Hold("yes", "alice", "off", fails=True)


def test_extends_merges_key_by_key_and_the_nearer_file_wins(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text(GOOD)
    got = scenario(
        tmp_path,
        "extends: base.yml\n"
        "networks: {dmz: {}}\n"
        "hosts:\n"
        "  alice: {networks: {dmz: [198.51.100.1/24]}, run: [hostname]}\n"
        "  bob: {networks: {dmz: [198.51.100.2/24]}}\n",
    )
    assert got.networks == ["lan", "dmz"]
    assert list(got.hosts) == ["alice", "bob"]
    assert list(got.hosts["alice"].networks) == ["lan", "dmz"]
    assert got.hosts["alice"].run == ["hostname"]


def test_extends_finds_the_files_of_the_lab(tmp_path: Path) -> None:
    assert "ns1" in scenario(tmp_path, "extends: internet.yml\n").hosts


def test_extends_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "extends: intarnet.yml\n")
    assert "extends: intarnet.yml is neither in" in problem


def test_no_lab_yml_names_the_readme(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"no lab\.yml in this folder; tests/lab/README\.md"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("on: alice", "on: alcie", "hold[1] (up): on: alcie is no host here; there are alice, controller"),
        ("lan: [192", "lna: [192", "hosts.alice.networks.lna: no such network; networks has lan"),
        (
            "lan: {}",
            "lan: {}\n  a-network-too-long: {}",
            "networks.a-network-too-long: the name is an interface's name",
        ),
        ("lan: {}", "lan: {}\n  mgmt: {}", "networks.mgmt: this interface is in every host already"),
        ("192.0.2.1/24", "192.0.2.1", "'192.0.2.1' must be an address with a prefix length, as 192.0.2.1/24"),
        ("192.0.2.1/24", "192.0.2.256/24", "'192.0.2.256/24' must be an address with a prefix length"),
        (
            "default: [192.0.2.254",
            "defualt: [192.0.2.254",
            "hosts.alice.routes.defualt: must be 'default' or a network",
        ),
        ("192.0.2.254", "gateway", "hosts.alice.routes.default: 'gateway' is no IP address"),
        ('"2001:db8::fe"', "192.0.2.253", "hosts.alice.routes.default: one next hop for each of IPv4 and IPv6"),
        ('mode: "0640"', "mode: 0640", 'hosts.alice.files./etc/key.mode: must be octal in quotes, as "0640"'),
        ("/etc/key", "etc/key", "hosts.alice.files.etc/key: must be an absolute path"),
        ("    run:", "    runs:", "hosts.alice: unknown key 'runs'; known are files, forward"),
        ('run: "true"', "run: true", "hold[1].run: missing, or not text"),
        ('run: "true"', 'run: "true", prints: 1', 'hold[1] (up).prints: must be text; put it in quotes: "1"'),
        ('run: "true"', "run: 'true', matches: '('", "hold[1] (up).matches: not a regular expression: '('"),
        ('run: "true"', "run: 'true', within: soon", "hold[1] (up).within: must be a number of seconds"),
        ("alice:\n", "controller:\n", "hosts.controller: a host name is small letters"),
        ("hold:", "controller: {install: [bind9]}\nhold:", "controller: has networks, routes and resolver only"),
        ("hold:", "hodl: []\nhold:", "lab.yml: unknown key 'hodl'; known are controller, hold, hosts, networks"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, wrong: str, right: str, said: str) -> None:
    assert wrong in GOOD
    assert any(said in problem for problem in problems(tmp_path, GOOD.replace(wrong, right, 1)))


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("on: alice", "on: nobody").replace("192.0.2.254", "x").replace("192.0.2.1/24", "y")
    assert len(problems(tmp_path, text)) == 3


def test_not_yaml_says_where(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "hosts: [\n")
    assert "is not YAML" in problem
    assert "line 2" in problem


def test_fill_replaces_what_has_a_value_and_no_zone_file_syntax() -> None:
    assert (
        fill("@ NS a\nkey @KEY@ @OTHER@ user@KEY.example", {"KEY": "s3"}) == "@ NS a\nkey s3 @OTHER@ user@KEY.example"
    )


@pytest.mark.parametrize(
    ("hold", "status", "stdout", "objection"),
    [
        (Hold("", "", ""), 0, "anything", None),
        (Hold("", "", ""), 1, "", "expected: to succeed; got: exit status 1"),
        (Hold("", "", "", fails=True), 1, "", None),
        (Hold("", "", "", fails=True), 0, "", "expected: to fail; got: exit status 0"),
        (Hold("", "", "", prints="10 mx."), 0, "10 mx.\n", None),
        (Hold("", "", "", prints=""), 0, "x\n", "expected: prints ''; got: 'x'"),
        (Hold("", "", "", prints="@RUN@"), 0, "token\n", None),
        (Hold("", "", "", matches="^b.@RUN@$"), 0, "a\nb-token\nc", None),
        (Hold("", "", "", matches="z"), 0, "a", "expected: a match of 'z'; got: 'a'"),
    ],
)
def test_what_holds_and_what_does_not(hold: Hold, status: int, stdout: str, objection: str | None) -> None:
    assert hold.objection(status, stdout, {"RUN": "token"}) == objection


def test_recap_counts_changes_of_every_host() -> None:
    output = (
        "PLAY RECAP *****\n"
        "gateway           : ok=4    changed=1    unreachable=0    failed=0    skipped=2    rescued=0    ignored=0\n"
        "mail              : ok=4    changed=0    unreachable=0    failed=0    skipped=2    rescued=0    ignored=0\n"
    )
    assert recap(output) == {"gateway": 1, "mail": 0}
    assert recap("skipping: no hosts matched\n\nPLAY RECAP *****\n") == {}


def test_received_is_the_way_of_the_last_message_first_hop_first() -> None:
    mailbox = (
        "From a@example.com Mon\nReceived: from old\n\n>From here on it is text\n\n"
        "From a@example.com Tue\nReceived: from relay\n\tby mail\nReceived: from sender by relay\nSubject: x\n\nhello\n"
    )
    assert received(mailbox) == ["from sender by relay", "from relay by mail"]
