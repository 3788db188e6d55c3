# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian root folder with real mail programs, in namespaces of its own: modules run there without a booted host."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible

MODULE = """
import json, runpy, sys
from ansible.module_utils.testing import patch_module_args
with patch_module_args(json.loads(sys.argv[2])):
    runpy.run_module(f"ansible_collections.inbound.mail.plugins.modules.{sys.argv[1]}", run_name="__main__")
"""
CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Result:
    """What a module said. rc: its exit status; answer: the JSON that it printed; text: all of its output."""

    rc: int
    answer: dict[str, Any]
    text: str

    @property
    def message(self) -> str:
        return str(self.answer.get("msg", ""))


class MailRoot:
    """path: the root folder; pid: of a process in its namespaces."""

    def __init__(self, path: Path, pid: int) -> None:
        self.path = path
        self._pid = pid

    @property
    def inside(self) -> Path:
        """The root folder with all that is mounted in it, as its own processes see it."""
        return Path(f"/proc/{self._pid}/root")

    def run(self, *command: str, check: bool = True, data: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program in there."""
        done = subprocess.run(
            self._entering(*command),
            input=data, capture_output=True, encoding="utf-8", errors="replace", timeout=120, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def command(self, kind: str, **options: Any) -> list[str]:
        """With which a module of the collection is run there."""
        return self._entering("python3", "-c", MODULE, kind, json.dumps(options))

    def _entering(self, *command: str) -> list[str]:
        enter = ["nsenter", f"--target={self._pid}", "--net", "--pid", "--mount", "--root", "--wd"]
        variables = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "PYTHONPATH=/opt/python"]
        return [*enter, "env", "--ignore-environment", *variables, *command]

    def module(self, kind: str, *, check_mode: bool = False, **options: Any) -> Result:
        """Run a module of the collection there, with --diff."""
        command = self.command(kind, _ansible_check_mode=check_mode, _ansible_diff=True, **options)
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=120, check=False
        )
        text = done.stdout + done.stderr
        try:
            answer = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            answer = {}
        assert answer, f"no JSON: {text}"
        assert "Traceback" not in text, text
        assert bool(answer.get("failed")) is (done.returncode != 0), text
        return Result(done.returncode, answer, text)


@contextmanager
def entered(root: Path) -> Iterator[MailRoot]:
    """Namespaces of its own for a root folder that may be written to; they end with it, and all that runs in them."""
    script = """
        set -e
        mount --make-rprivate /
        mount -t proc proc "$1/proc"
        mount -t tmpfs -o mode=755 tmpfs "$1/dev"
        for node in null:3 zero:5 full:7 random:8 urandom:9; do
            mknod -m 666 "$1/dev/${node%:*}" c 1 "${node#*:}"
        done
        ln -s /proc/self/fd "$1/dev/fd"
        mkdir -m 1777 "$1/dev/shm"
        mount -t tmpfs tmpfs "$1/run"
        mount -t tmpfs tmpfs "$1/tmp"
        mkdir -p "$1/opt/python/ansible" "$1/opt/python/ansible_collections/inbound/mail"
        mount --bind "$2" "$1/opt/python/ansible"
        mount --bind "$3" "$1/opt/python/ansible_collections/inbound/mail"
        ip link set lo up
        exec chroot "$1" sh -c 'echo ready; exec sleep infinity'
    """
    package = Path(ansible.__file__).parent
    process = subprocess.Popen(
        ["unshare", "--net", "--pid", "--fork", "--mount", "--kill-child", "sh", "-c", script, "sh",
         str(root), str(package), str(CHECKOUT)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        child = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
        yield MailRoot(root, int(child))
    finally:
        process.kill()
        process.wait()
