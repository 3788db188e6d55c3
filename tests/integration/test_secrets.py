# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of every kind, planted in runs that fail, change or are told wrong options: none of them is shown.

Searched for them are the output of each callback at -vvvv, the log, the reports, the files that are left and, all the
time, the command lines of all processes. The playbook has templates in their place, as Ansible quotes it in errors.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Each of its own kind, and none a part of another.
KEY = "cGxhbnRlZC10c2lnLXNlY3JldC1vZi1zb21lLWxlbmd0aA=="
TOKEN = "planted-api-token-0001"
SMARTHOST = "planted smarthost/pass+word"
IMAP = "planted-imap-password"
BECOME = "planted-become-password"
WRONG = "planted-in-the-wrong-option"
SECRETS = (KEY, TOKEN, SMARTHOST, IMAP, BECOME, WRONG)

INVENTORY = f"""
all:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
    ansible_become_password: {BECOME}
    wrong: {WRONG}
    imap: {IMAP}
    mail_domains: [{{name: example.org}}]
    mail_dns:
      default: {{provider: rfc2136, server: 127.0.0.1, port: 1, key_name: k, key_secret: {KEY}, timeout: 0.2}}
      api: {{provider: powerdns, url: "https://127.0.0.1:1", api_token: {TOKEN}, timeout: 0.2}}
    mail_credentials: {{provider: "example:{SMARTHOST}"}}
mail_servers:
  hosts:
    mail:
      mail_topology: direct
      mail_fqdn: mail.example.org
      mail_addresses: [9.9.1.10]
      mail_smarthosts: [{{address: smtp.example.net, credentials: provider, tls: may}}]
"""
# What a run does although a task before it failed.
PLAYBOOK = """
- hosts: mail
  gather_facts: false
  ignore_errors: true
  vars:
    records: [{zone: example.org, name: www.example.org, type: A, values: [192.0.2.1]}]
    hop: {address: 127.0.0.9, port: 25, tls: encrypt}
    relay:
      fqdn: mx.example.org
      domains: [{name: example.org, next_hops: [{address: 127.0.0.1}]}]
  tasks:
    - name: Compile the plan
      inbound.mail.plan: {dest: plan.json, drawing: plan.svg}
    - name: Ask a server that is down
      inbound.mail.dns_records:
        server: 127.0.0.1
        port: 1
        key_name: k
        key_secret: "{{ mail_dns.default.key_secret }}"
        timeout: 0.2
        records: "{{ records }}"
    - name: Ask a service that is down
      inbound.mail.dns_records:
        provider: powerdns
        url: https://127.0.0.1:1
        api_token: "{{ mail_dns.api.api_token }}"
        timeout: 0.2
        records: "{{ records }}"
    - name: Give a token as the algorithm
      inbound.mail.dns_records: {server: 127.0.0.1, key_algorithm: "{{ wrong }}", records: "{{ records }}"}
    - name: Give a token as other options
      inbound.mail.mx:
        server: 127.0.0.1
        port: "{{ wrong }}"
        protocol: "{{ wrong }}"
        ca_path: "{{ wrong }}"
        timeout: "{{ wrong }}"
        domain: example.org
        exchangers: [{host: mail.example.org}]
    - name: Give a token as the name of a key
      inbound.mail.dns_records:
        server: 127.0.0.1
        key_name: "{{ wrong }} "
        key_secret: "{{ mail_dns.default.key_secret }} x"
        records: "{{ records }}"
    - name: Configure a relay without Postfix
      inbound.mail.postfix:
        relay: "{{ relay | combine({'smarthosts': [hop | combine({'credentials': 'provider'})]}) }}"
        credentials: "{{ mail_credentials }}"
        config_directory: "{{ playbook_dir }}/postfix"
    - name: Search mailboxes of a server that is down
      inbound.mail.delivery_trace:
        tokens: [abcdefgh-0123456789]
        timeout: 1
        imap: [{server: 127.0.0.1, port: 1, user: example, password: "{{ imap }}", encryption: tls}]
"""
SAYS = (
    "127.0.0.1 port 1 cannot be reached",
    "PowerDNS at https://127.0.0.1:1 cannot be reached",
    "key_algorithm: write one of",
    "port: write a whole number",
    "key_secret is no base64",
)
RUNS: dict[str, tuple[list[str], dict[str, str]]] = {
    "default": (["-vvvv"], {}),
    "check": (["-vvvv", "--check", "--diff"], {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"}),
    "minimal": (["-vvvv", "--diff"], {"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal"}),
    "reports": (
        ["-v"],
        {
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit,ansible.builtin.tree",
            "JUNIT_OUTPUT_DIR": "junit",
            "JUNIT_HIDE_TASK_ARGUMENTS": "false",
            "ANSIBLE_CALLBACK_TREE_DIR": "tree",
            "ANSIBLE_KEEP_REMOTE_FILES": "false",
        },
    ),
}


def command_lines() -> str:
    """Of all processes that run now."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(process.read_bytes())
        except OSError:
            continue  # It has just ended.
    return b"\n".join(found).decode(errors="replace")


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder for Ansible's temporary files, in which it has a socket: an address has 107 bytes (unix(7))."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("run", RUNS)
def test_no_secret_is_shown_or_left(run: str, short_path: Path) -> None:
    options, variables = RUNS[run]
    folder, declared = short_path / "run", short_path / "declared"
    for path in (folder, declared, folder / "home"):
        path.mkdir()
    (declared / "inventory.yml").write_text(INVENTORY, encoding="utf-8")
    (declared / "play.yml").write_text(PLAYBOOK, encoding="utf-8")
    output = folder / "output"
    environment = {
        **os.environ, **variables, "HOME": str(folder / "home"), "TMPDIR": str(folder / "home"), "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOG_PATH": str(folder / "log"),
    }  # fmt: skip
    with output.open("wb") as file:
        process = subprocess.Popen(
            ["ansible-playbook", "-i", declared / "inventory.yml", declared / "play.yml", *options],
            cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
        seen = ""
        while True:
            try:
                process.wait(timeout=0.05)
                break
            except subprocess.TimeoutExpired:
                seen += command_lines()
    shown = output.read_text(encoding="utf-8", errors="replace")
    assert process.returncode == 0, shown
    assert "Traceback" not in shown
    left = {
        str(path): path.read_text(encoding="utf-8", errors="replace") for path in folder.rglob("*") if path.is_file()
    }
    texts = {"command lines": seen, **left}
    leaks = {
        (secret, place, text[max(0, text.index(secret) - 200) : text.index(secret)])
        for place, text in texts.items()
        for secret in SECRETS
        if secret in text
    }
    assert not leaks
    # Each task came as far as it is here for.
    if run == "default":
        for says in SAYS:
            assert says in shown, shown
