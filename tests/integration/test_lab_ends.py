# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a lab ends: in every way without leaving anything behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from debian_lab import Lab, LabError

LAB = Path(__file__).resolve().parents[1] / "lab" / "lab.py"

ONE_HOST = """
networks: {lan: {}}
hosts:
  alice:
    networks: {lan: [192.0.2.1/24]}
hold:
  - {name: nothing of the kind, on: alice, run: cat /etc/hostname, prints: bob, within: %d}
"""


def scenario(folder: Path, within: int) -> Path:
    """A scenario in a folder outside this repo, of which one thing never holds."""
    (folder / "lab.yml").write_text(ONE_HOST % within)
    return folder


def left_of(name: str) -> list[str]:
    """What `ip`, `mount` and `ps` show of a lab."""
    shown = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for command in (["ip", "netns", "list"], ["mount"], ["ps", "-eo", "args"])
    ]
    return [line for text in shown for line in text.splitlines() if name in line]


def start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """`lab.py run`, up to where its hosts have booted and it asks what must hold; and the name of that lab."""
    # As a terminal starts it, also where these tests run in the background and so pass on that ctrl-c is ignored.
    command = ["env", "--default-signal=INT", sys.executable, str(LAB), "run", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.rstrip().endswith("boot"):
            break
    else:
        assert process.stderr is not None
        pytest.fail(f"the lab did not boot: {process.stderr.read()}")
    return process, Lab.of(folder).network.namespace("alice").removesuffix("alice")


def test_run_says_what_does_not_hold_and_leaves_nothing(tmp_path: Path) -> None:
    process, name = start(scenario(tmp_path, within=0))
    _output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "does not hold: nothing of the kind\n  on alice: cat /etc/hostname\n" in errors
    assert "expected: prints 'bob'; got: 'alice'" in errors
    assert left_of(name) == []


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    process, name = start(scenario(tmp_path, within=600))
    assert left_of(name)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert left_of(name) == []


def test_what_a_killed_one_left_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    process, name = start(scenario(tmp_path, within=600))
    process.kill()
    process.communicate(timeout=60)
    assert left_of(name)
    with Lab.up(tmp_path) as lab:
        assert left_of(name) == []
        assert lab.run("alice", "hostname").stdout == "alice\n"
        second = lab.network.namespace("alice").removesuffix("alice")
        # One at a time: another one would be waited for without end.
        with pytest.raises(LabError, match=f"has a lab already .{tmp_path}"), Lab.up(tmp_path):
            pass
    assert left_of(second) == []
