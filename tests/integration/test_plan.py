# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ansible-playbook inbound.mail.plan` on inventories as people have them."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.inbound.mail.tests.integration.playbooks import run_playbook

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*/inventory.yml"))
SECRET = "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ=="
Plan = Callable[..., subprocess.CompletedProcess[str]]

DIRECT = """
all:
  vars:
    mail_domains: [{name: dpetri.net}]
    mail_dns: {default: {provider: rfc2136, server: 9.9.9.53, key_name: k, key_secret: %s}}
mail_servers:
  hosts:
    mail:
      # Nobody is there: the plan asks nobody.
      ansible_host: 192.0.2.1
      mail_topology: direct
      mail_fqdn: mail.dpetri.net
      mail_addresses: [212.143.143.130]
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Runs the playbook in a folder of its own. The arguments: the inventory's path or text, then options."""

    def run(
        inventory: Path | str,
        *options: str,
        check: bool = True,
        playbook: str = "plan",
        environment: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        if isinstance(inventory, str):
            path = tmp_path / "inventory.yml"
            path.write_text(inventory, encoding="utf-8")
            inventory = path
        variables = {"MAIL_DNS_KEY_SECRET": SECRET, **(environment or {})}
        result = run_playbook(tmp_path, f"inbound.mail.{playbook}", "-i", str(inventory), *options, **variables)
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    return run


def written(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "inbound-mail-plan.json").read_text(encoding="utf-8"))


def recap(result: subprocess.CompletedProcess[str]) -> str:
    return result.stdout.split("PLAY RECAP", 1)[1]


@pytest.mark.parametrize("inventory", EXAMPLES, ids=lambda path: path.parent.name)
def test_example_gives_its_golden_plan(inventory: Path, plan: Plan, tmp_path: Path) -> None:
    result = plan(inventory)
    assert written(tmp_path) == json.loads(inventory.with_name("plan.json").read_text(encoding="utf-8"))
    assert "changed=1 " in recap(result)
    assert result.stderr == ""
    assert SECRET not in result.stdout


def test_tables_are_readable_and_the_second_run_changes_nothing(plan: Plan, tmp_path: Path) -> None:
    first = plan(DIRECT % SECRET)
    table = [
        "Record           Type  Value            Preference  TTL",
        "---------------  ----  ---------------  ----------  ----",
        "dpetri.net       MX    mail.dpetri.net  10          3600",
        "mail.dpetri.net  A     212.143.143.130              3600",
    ]
    assert "\n".join(table) in first.stdout
    file = tmp_path / "inbound-mail-plan.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    second = plan(DIRECT % SECRET)
    assert "changed=0 " in recap(second)
    assert "\n".join(table) in second.stdout
    # Others must not read it, whoever let them.
    file.chmod(0o644)
    assert "changed=1 " in recap(plan(DIRECT % SECRET))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_check_mode_shows_the_difference_and_writes_nothing(plan: Plan, tmp_path: Path) -> None:
    predicted = plan(DIRECT % SECRET, "--check", "--diff")
    assert "changed=1 " in recap(predicted)
    assert '+            "212.143.143.130"' in predicted.stdout
    assert not (tmp_path / "inbound-mail-plan.json").exists()
    plan(DIRECT % SECRET)
    assert "changed=0 " in recap(plan(DIRECT % SECRET, "--check"))


def test_file_is_named_by_the_user(plan: Plan, tmp_path: Path) -> None:
    plan(DIRECT % SECRET, "-e", "mail_plan_dest=here.json")
    assert [path.name for path in sorted(tmp_path.glob("*.json"))] == ["here.json"]
    (tmp_path / "here.json").unlink()
    plan(DIRECT % SECRET, "-e", "mail_plan_dest=")
    assert list(tmp_path.glob("*.json")) == []
    failed = plan(DIRECT % SECRET, "-e", "mail_plan_dest=no/such/folder/plan.json", check=False)
    assert failed.returncode != 0
    assert "cannot be written to no/such/folder/plan.json: No such file or directory" in failed.stderr + failed.stdout
    # Not the name of a file that the user never gave.
    assert "Errno" not in failed.stderr + failed.stdout


def test_drawing_is_written_when_asked_for(plan: Plan, tmp_path: Path) -> None:
    predicted = plan(DIRECT % SECRET, "--check", "--diff", "-e", "mail_plan_dest= mail_plan_drawing=mail.svg")
    assert "+<svg " in predicted.stdout
    assert not (tmp_path / "mail.svg").exists()
    plan(DIRECT % SECRET, "-e", "mail_plan_dest= mail_plan_drawing=mail.svg")
    picture = ElementTree.parse(tmp_path / "mail.svg").getroot()
    assert "212.143.143.130" in ["".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert stat.S_IMODE((tmp_path / "mail.svg").stat().st_mode) == 0o600
    assert "changed=0 " in recap(plan(DIRECT % SECRET, "-e", "mail_plan_dest= mail_plan_drawing=mail.svg"))

    failed = plan(DIRECT % SECRET, "-e", "mail_plan_drawing=mail.png", check=False)
    assert failed.returncode != 0
    assert "Name a file that ends with .svg (a picture) or .mmd (Mermaid)." in failed.stderr + failed.stdout
    assert not (tmp_path / "inbound-mail-plan.json").exists()


@pytest.mark.parametrize("limit", ["mail", "relay", "firewall"])
def test_limit_does_not_narrow_the_plan(limit: str, plan: Plan, tmp_path: Path) -> None:
    (inventory,) = [path for path in EXAMPLES if path.parent.name == "relay"]
    result = plan(inventory, "--limit", limit)
    assert limit in recap(result)
    assert written(tmp_path) == json.loads(inventory.with_name("plan.json").read_text(encoding="utf-8"))


BROKEN = """
all:
  vars:
    mail_domains: [{name: example.org, serverz: [mail]}]
    mail_dns: {default: {provider: rfc2136, server: 9.9.9.53, key_name: k, key_secret: %s}}
mail_servers:
  hosts:
    mail:
      mail_topolgy: direct
      mail_fqdn: mail
      mail_addresses: [192.168.0.10/24]
    other:
      mail_topology: nat
      mail_addresses: "{{ nobody_set_this }}"
      mail_gateway: nobody
"""


def test_all_errors_are_shown_in_lines_whoever_is_limited_to(plan: Plan, tmp_path: Path) -> None:
    result = plan(BROKEN % SECRET, "--limit", "other", check=False)
    assert result.returncode != 0
    shown = result.stdout + result.stderr
    for line in (
        "8 errors in the declared topology; nothing was changed.",
        "- all hosts, mail_domains: [0] (example.org): there is no key 'serverz'",
        "    Did you mean 'servers'?",
        "- mail, mail_fqdn: 'mail' is not a fully qualified name",
        "- mail, mail_addresses: '192.168.0.10/24' has a prefix length",
        "    Write 192.168.0.10 alone",
        "- mail, mail_topology: is not set",
        "- other, mail_addresses: cannot be read: 'nobody_set_this' is undefined",
        "- other, mail_fqdn: is not set, and no MX can point to the host",
        "- other, mail_public_addresses: is not set, and hosts outside cannot reach a host behind NAT without",
        "- other, mail_gateway: 'nobody' is not in the inventory, or in none of our groups",
    ):
        assert f"{line}\n" in shown, line
    assert "Did you mean mail_topology?" in shown  # a warning
    assert list(tmp_path.glob("*.json")) == []


@pytest.mark.parametrize("playbook", ["plan", "site", "verify", "cutover"])
def test_inventory_with_none_of_the_groups_is_no_silent_success(playbook: str, plan: Plan) -> None:
    inventory = (DIRECT % SECRET).replace("mail_servers:", "mail-servers:")
    result = plan(inventory, "-e", "mail_cutover_from=former.json", check=False, playbook=playbook)
    assert result.returncode != 0
    shown = result.stdout + result.stderr
    assert "- all hosts, mail_servers: the group has no host\n" in shown
    assert "mail-servers: nothing reads this group" in shown


def test_credential_that_will_be_missed_stops_site_before_anything_is_changed(plan: Plan) -> None:
    """All of them at once. The plan alone does without."""
    inventory = (DIRECT % '"{{ nobody_set_this }}"').replace(
        "mail_dns: {", "mail_dns: {other: {provider: cloudflare, api_token: \"{{ 'hunter2' | int / 0 }}\"}, "
    ) + (
        "      mail_smarthosts: [{address: smtp.example.net, credentials: provider}]\n"
        "      mail_credentials: {provider: \"{{ lookup('ansible.builtin.env', 'NO_SUCH_VARIABLE') }}\"}\n"
    )
    plan(inventory)
    # What may be empty is no error.
    inventory = inventory.replace(
        "mail_dns: {",
        "mail_dns: {open: {server: 9.9.9.54, key_name: '', key_secret: '', options: {}}, "
        "token: {provider: cloudflare}, hidden: {provider: powerdns, url: 'http://9.9.9.55', api_token: ''}, ",
    )
    result = plan(inventory, "-vvv", check=False, playbook="site", environment={"PDNS_API_KEY": "of some length"})
    assert result.returncode != 0
    shown = result.stdout + result.stderr
    for line in (
        "4 errors in the declared topology; nothing was changed.",
        "- all hosts, mail_dns: token.api_token (CLOUDFLARE_API_TOKEN in the environment): is empty",
        "- all hosts, mail_dns: other.api_token: cannot be read",
        "- all hosts, mail_dns: default.key_secret: cannot be read: 'nobody_set_this' is undefined",
        "- mail, mail_credentials: provider: is empty",
    ):
        assert f"{line}\n" in shown, line
    assert "hunter2" not in shown
    assert "TASK [Configure the mail server]" not in shown


def test_variables_made_of_others_are_read_as_the_host_has_them(plan: Plan, tmp_path: Path) -> None:
    inventory = """
all:
  vars:
    mail_domains: "{{ our_domains }}"
    our_domains: [{name: example.org}]
    mail_dns: "{{ our_dns }}"
    our_dns: {default: {provider: rfc2136, server: "{{ resolver }}", key_name: k, key_secret: %s}}
    resolver: 9.9.9.53
    mail_topology: direct
    mail_fqdn: "{{ inventory_hostname }}.example.org"
    mail_addresses: ["{{ own_address }}"]
mail_servers:
  hosts:
    a: {own_address: 9.9.0.1}
    b: {own_address: "{{ hostvars['a'].own_address | replace('0.1', '0.2') }}"}
"""
    plan(inventory % SECRET)
    rrsets = written(tmp_path)["dns"]["default"]["example.org"]
    assert [(rrset["name"], rrset["values"]) for rrset in rrsets] == [
        ("example.org", ["10 a.example.org.", "10 b.example.org."]),
        ("a.example.org", ["9.9.0.1"]),
        ("b.example.org", ["9.9.0.2"]),
    ]


def test_difference_that_only_templating_shows_is_found(plan: Plan) -> None:
    inventory = (DIRECT % SECRET).replace("9.9.9.53", '"{{ site_dns }}"') + (
        "      site_dns: 9.9.9.53\n"
        "    other: {mail_topology: direct, mail_fqdn: b.dpetri.net, mail_addresses: [9.9.0.2], site_dns: 9.9.9.54}\n"
    )
    result = plan(inventory, check=False)
    assert result.returncode != 0
    assert "- other, mail_dns: differs from that of mail in default.server" in result.stdout + result.stderr


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(SECRET, id="plain"),
        pytest.param("\"{{ lookup('ansible.builtin.env', 'MAIL_DNS_KEY_SECRET') }}\"", id="from the environment"),
        pytest.param(f'"{{{{ {SECRET!r} | no_such_filter }}}}"', id="in a template that fails"),
        pytest.param(f"[{SECRET}]", id="of a wrong type"),
    ],
)
def test_no_secret_in_any_output(secret: str, plan: Plan, tmp_path: Path) -> None:
    result = plan(DIRECT % secret, "-vvv", "--diff")
    assert "PLAY RECAP" in result.stdout
    assert SECRET not in result.stdout + result.stderr
    assert SECRET not in (tmp_path / "inbound-mail-plan.json").read_text(encoding="utf-8")


def test_no_secret_in_the_output_of_a_failure(plan: Plan) -> None:
    other = f"{SECRET[:-2]}=="
    inventory = (BROKEN % SECRET).replace(
        "mail_topology: nat",
        f"mail_topology: nat\n      mail_dns: {{default: {{key_secret: x{other}, nosuch: {other}}}}}",
    )
    result = plan(inventory, "-vvv", check=False)
    assert result.returncode != 0
    assert "- other, mail_dns: differs from that of mail in default" in result.stdout + result.stderr
    assert SECRET not in result.stdout + result.stderr


def test_secret_in_a_vault_that_is_not_open_is_not_needed(plan: Plan, tmp_path: Path) -> None:
    """Who may see the plan need not have the key to the zones, nor the passwords of hosts that nobody contacts."""
    password = tmp_path / "password"
    password.write_text("open sesame\n", encoding="utf-8")
    vaulted = subprocess.run(
        ["ansible-vault", "encrypt_string", "--vault-password-file", str(password), SECRET],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.rstrip()
    inventory = (DIRECT % "VAULTED").replace(
        "{default: {provider: rfc2136, server: 9.9.9.53, key_name: k, key_secret: VAULTED}}",
        "\n      default:\n        server: 9.9.9.53\n        key_name: k\n        key_secret: "
        + vaulted.replace("\n", "\n  "),
    )
    for name in ("ansible_password", "ansible_become_password"):
        inventory = inventory.replace("  vars:\n", f"  vars:\n    {name}: {vaulted}\n")
    result = plan(inventory, "-vvv")
    assert SECRET not in result.stdout + result.stderr
    assert "dpetri.net" in written(tmp_path)["dns"]["default"]


def test_warnings_come_with_the_plan(plan: Plan, tmp_path: Path) -> None:
    result = plan((DIRECT % SECRET) + "      mail_preferense: 5\n")
    assert "- mail, mail_preferense: nothing reads this variable. Did you mean mail_preference?" in result.stdout
    assert [warning["variable"] for warning in written(tmp_path)["warnings"]] == ["mail_preferense"]
