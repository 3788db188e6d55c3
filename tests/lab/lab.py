# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command. README.md beside it says what it does."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

VENV = "core-2.21"


def become_root_in_venv(arguments: list[str]) -> None:
    """Continue as root, with the Python of the virtual environment, which has PyYAML."""
    base = os.environ.get("INBOUND_MAIL_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "inbound-mail"
    )
    python = os.path.join(base, "venv", VENV, "bin", "python")
    if os.geteuid() == 0 and os.path.realpath(sys.prefix) == os.path.realpath(os.path.join(base, "venv", VENV)):
        return
    if not os.path.exists(python):
        sys.exit(f"lab: there is no {python}; make it with: tests/toolchain.sh {VENV}")
    words = [python, os.path.abspath(__file__), *arguments]
    if os.geteuid() != 0:
        # Root's home is another: the cache stays that of the caller.
        words = ["sudo", "env", f"INBOUND_MAIL_CACHE={base}", *words]
    os.execvp(words[0], words)


def main(arguments: list[str]) -> int:
    from debian_lab import RELEASES, Lab, LabError, ScenarioError, image_root
    from debian_lab.rehearsal import demonstrate, rehearse

    parser = argparse.ArgumentParser(prog="lab.py", description="Real Debian hosts on one machine")
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        if name != "image":
            sub.add_argument("scenario", type=Path, metavar="SCENARIO", help="a folder with a lab.yml")
        return sub

    for name, text in (
        ("run", "boot it, prove that everything holds, take it down"),
        ("up", "boot it and leave it running"),
        ("demo", "boot it, show plan, site, verify and the path of a message, take it down"),
    ):
        sub = add(name, text)
        sub.add_argument(
            "--release", choices=RELEASES, default="trixie", help="the Debian of its hosts (default: %(default)s)"
        )
        sub.add_argument(
            "--venv", default=VENV, help="the virtual environment whose Ansible runs (default: %(default)s)"
        )
        if name == "run":
            sub.add_argument(
                "-v", "--verbose", action="store_true", help="show what Ansible prints, also where all is well"
            )
    add("down", "take it down")
    add("hold", "ask everything that must hold")
    sub = add("reboot", "reboot hosts")
    sub.add_argument("hosts", nargs="+", metavar="HOST")
    sub = add("playbook", "run ansible-playbook in it")
    sub.add_argument("words", nargs="+", metavar="ARGUMENT")
    sub = add("exec", "run a command on a host; without one, a shell")
    sub.add_argument("host", metavar="HOST", help="a host of the scenario, or controller")
    sub.add_argument("words", nargs="*", metavar="WORD")
    sub = add("image", "print the root folder of a release's image")
    sub.add_argument("release", choices=RELEASES)
    options = parser.parse_args(arguments)

    def ended(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ended)
    try:
        if options.command == "image":
            print(image_root(options.release))
        elif options.command == "run":
            rehearse(options.scenario, options.release, options.venv, options.verbose)
        elif options.command == "demo":
            demonstrate(options.scenario, options.release, options.venv)
        elif options.command == "up":
            lab = Lab.up_and_leave(options.scenario, options.release, options.venv)
            print(f"running: {', '.join(lab.scenario.hosts)}")
        elif options.command == "exec":
            words = options.words or ["bash"]
            return subprocess.run([*Lab.of(options.scenario).inside(options.host), *words], check=False).returncode
        elif options.command == "playbook":
            lab = Lab.of(options.scenario)
            return lab.playbook(*options.words, check=False, stdout=None, cwd=Path.cwd()).returncode
        elif options.command == "hold":
            Lab.of(options.scenario).hold(report=lambda item: print(f"holds: {item.name}", flush=True))
        elif options.command == "reboot":
            Lab.of(options.scenario).reboot(*options.hosts)
        elif options.command == "down":
            Lab.of(options.scenario).down()
    except (LabError, ScenarioError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    become_root_in_venv(sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
