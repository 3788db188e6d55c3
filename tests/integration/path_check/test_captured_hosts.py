# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed hosts whose Python returns something else than the module said, as a broken or captured host does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from controller import Controller
from world import World

TOKEN = "path-check-" + "a" * 24

# Stands in for the host's Python: what the module returns passes `change`.
INTERPRETER = """\
#!{python}
import json, subprocess, sys
done = subprocess.run([{python!r}, *sys.argv[1:]], stdin=sys.stdin, capture_output=True, text=True)
out = done.stdout
if '"observation"' in out:
    result = json.loads(out[out.index("{{"):])
    seen = result["observation"]
    {change}
    out = json.dumps(result)
sys.stdout.write(out)
sys.stderr.write(done.stderr)
sys.exit(done.returncode)
"""


def captured(folder: Path, change: str) -> dict[str, Any]:
    """A task that makes the host `captured` known."""
    path = folder / "python"
    path.write_text(INTERPRETER.format(python=sys.executable, change=change))
    path.chmod(0o755)
    host = {"name": "captured", "ansible_connection": "local", "ansible_python_interpreter": str(path)}
    return {"ansible.builtin.add_host": host}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("seen['dialogues'] = 5", "observation.dialogues is no list"),
        ("seen['dialogues'][0]['address'] = 'x'", "observation.dialogues.address is 'x'"),
        ("result['observation'] = 'nothing'", "observation is no dictionary"),
        ("seen['vantage'] = 'other'", "it is from 'other'"),
        ("seen['mail_hosts'] = [{'host': 'mail', 'names': [], 'unread': []}]", "it has 'mail_hosts'"),
    ],
)
def test_damaged_observation_of_the_vantage_is_named(world: World, tmp_path: Path, change: str, why: str) -> None:
    world.listen()
    exchanger = {"host": "mail", "fqdn": "mail.example.org", "addresses": [world.mx], "domains": ["example.org"]}
    told = {"mail_verify_expectations": {"smtp": [exchanger]}, "mail_verify_vantage": "captured"}
    role = {"ansible.builtin.include_role": {"name": "inbound.mail.mail_verify"}, "vars": told}
    done = Controller(world.network, tmp_path).play([captured(tmp_path, change), role], "--connection", "local")
    assert done.returncode != 0
    assert "observation-damaged  captured" in done.stdout
    assert why in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_report_of_a_captured_host_reaches_no_terminal_as_it_is(world: World, tmp_path: Path) -> None:
    world.listen()
    change = r"result['report'] = '\x1b[2J\x1b]0;owned\x07 all is well'"
    exchangers = {"smtp": [{"host": "mail", "fqdn": "mail.example.org", "addresses": [world.mx], "domains": []}]}
    task = {
        "inbound.mail.path_check": {"expectations": exchangers, "show": True, "fail_on": "never"},
        "delegate_to": "captured",
    }
    done = Controller(world.network, tmp_path).play([captured(tmp_path, change), task])
    assert "all is well" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("change", "damaged"),
    [
        ("pass", False),
        ("seen['traces'] = [dict(host='other', token=result['missing'][0], kind='log', file='/x', hops=[])]", True),
        ("seen['traces'] = [dict(host='mail', token='b' * 30, kind='log', file='/x', hops=[])]", True),
        ("seen['connections'] = [1]", True),
        ("result['traces'] = [dict(host='mail', token=result['missing'][0])]; result['missing'] = []", False),
    ],
)
def test_mail_host_finds_only_what_it_looked_for(world: World, tmp_path: Path, change: str, damaged: bool) -> None:
    task = {
        "inbound.mail.delivery_trace": {"tokens": [TOKEN], "host": "mail", "timeout": 0, "mailboxes": [str(tmp_path)]},
        "delegate_to": "captured",
    }
    (result,) = Controller(world.network, tmp_path).results([captured(tmp_path, change), task])[1:]
    assert result["traces"] == result["observation"]["traces"] == []
    assert result["missing"] == [TOKEN]
    assert [one["host"] for one in result["observation"]["damaged"]] == (["mail"] if damaged else [])
