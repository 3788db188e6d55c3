# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers that change one firewall at the same time, and are stopped, killed and cut off, with real nftables.

Run inside of a network namespace of its own: it prints what does not hold, as JSON. Each run of the module is a process
that waits before every program that it runs and every file that it replaces, and goes on when it is its turn. What
belongs to systemd (timers) is a list here, so that time comes when the test says so.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from ansible_collections.inbound.mail.plugins.module_utils._firewall import reconcile
from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm import boot_files, pending
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError

TIMEOUT = 60
FORWARDING = "net.ipv4.ip_forward"


class Clock:
    """The host's CLOCK_BOOTTIME, shared with the processes."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    def now(self) -> float:
        return float(struct.unpack("d", self._memory[:8])[0])

    def advance(self, seconds: float) -> None:
        self._memory[:8] = struct.pack("d", self.now() + seconds)


class StandInModule:
    """What the code asks of AnsibleModule; ``gate`` is called before anything outside of the process changes."""

    check_mode = False
    tmpdir = "/tmp"

    def __init__(self, timers: Path, gate: Any, **params: Any) -> None:
        defaults = {"name": "test", "backend": "nftables", "interfaces": {}, "flows": [], "state": "present"}
        self.params = {**defaults, "confirm_timeout": 0, "change_id": None, **params}
        self._timers, self._gate = timers, gate

    def warn(self, text: str) -> None:
        del text

    def get_bin_path(self, program: str, required: bool = False, opt_dirs: Sequence[str] = ()) -> str | None:
        del required
        return program if "/" in program else shutil.which(program, path=":".join(("/usr/bin", *opt_dirs)))

    def selinux_enabled(self) -> bool:
        """Asked when the new text of a file lies beside it, before it takes its place."""
        self._gate()
        return False

    def run_command(
        self,
        arguments: list[str],
        data: str | None = None,
        environ_update: dict[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        handle_exceptions: bool = True,
    ) -> tuple[int, str, str]:
        del handle_exceptions
        program = Path(arguments[0]).name
        if program == "ip":
            return 0, "[]", ""
        self._gate()
        if program == "systemd-run":
            unit = next(word.removeprefix("--unit=") for word in arguments if word.startswith("--unit="))
            (self._timers / unit).write_text(json.dumps(arguments[arguments.index("/bin/sh") :]))
            return 0, "", ""
        if program == "systemctl" and "--root=/" not in arguments:
            if arguments[1] == "stop":
                (self._timers / arguments[2].removesuffix(".timer")).unlink(missing_ok=True)
            return 0, "", ""
        if program == "systemctl":
            return self._enable(arguments), "", ""
        done = subprocess.run(
            arguments,
            input=data,
            env={**os.environ, **(environ_update or {})},
            pass_fds=pass_fds,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def _enable(self, arguments: list[str]) -> int:
        """The links that systemctl makes, without its start-up of 20 ms."""
        unit = systemd_units.table_unit("nft")
        links = unit.links(self.params["name"])
        if "is-enabled" in arguments:
            return 0 if all(link.is_symlink() for link in links) else 1
        for link in links:
            link.unlink(missing_ok=True)
            if "reenable" in arguments:
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(unit.file)
        return 0


class Run:
    """A process that runs the module, from gate to gate."""

    def __init__(self, host: Host, version: int, **params: Any) -> None:
        self.version, self.params = version, params
        self.is_stopped = False
        self.result: dict[str, Any] | None = None
        ours, theirs = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(ours[0])
            os.close(theirs[1])
            self._be_the_module(host, theirs[0], ours[1], params)
        os.close(ours[1])
        os.close(theirs[0])
        self._heard, self._told = os.fdopen(ours[0], "rb"), theirs[1]
        self.is_over = False
        self._listen()

    @staticmethod
    def _be_the_module(host: Host, told: int, heard: int, params: dict[str, Any]) -> NoReturn:
        pending.now = reconcile.now = host.clock.now  # type: ignore[assignment]
        pending._PATIENCE = boot_files._PATIENCE = 0.0

        def gate() -> None:
            os.write(heard, b"\n")
            if not os.read(told, 1):
                os._exit(1)

        module: Any = StandInModule(host.timers, gate, **params)
        try:
            said: dict[str, Any] = {**reconcile.run(module)}
        except (HostError, InvalidError, OSError) as error:
            said = {"failed": True, "msg": str(error)}
        except BaseException:
            said = {"traceback": traceback.format_exc()}
        os.write(heard, json.dumps(said).encode() + b"\n")
        os._exit(0)

    def _listen(self) -> None:
        line = self._heard.readline()
        if line == b"\n":
            return
        if line:
            self.result = json.loads(line)
        self._end()

    def _end(self) -> None:
        if not self.is_over:
            self.is_over = True
            os.waitpid(self.pid, 0)
            self._heard.close()
            os.close(self._told)

    def step(self) -> None:
        """Up to its next gate, or its end."""
        if self.is_over:
            return
        if self.is_stopped:
            self.is_stopped = False
            os.kill(self.pid, signal.SIGCONT)
        with suppress(BrokenPipeError):
            os.write(self._told, b".")
        self._listen()

    def stop(self) -> None:
        if not self.is_over:
            os.kill(self.pid, signal.SIGSTOP)
            self.is_stopped = True

    def kill(self) -> None:
        if not self.is_over:
            os.kill(self.pid, signal.SIGKILL)
            self._end()

    def finish(self) -> None:
        while not self.is_over:
            self.step()


class Host:
    """The firewall, its time, and what was proven: the changes over which a new connection came to confirm them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.timers = Path(tempfile.mkdtemp())
        self.version = 0
        self.proven = {0}
        self.runs: list[Run] = []
        self.ends: Counter[str] = Counter()
        self.scripts: list[subprocess.Popen[bytes]] = []
        first = self.change(timeout=0)
        first.finish()
        assert first.result and first.result["confirmed"], first.result
        self.proven = {self.version}

    def change(self, timeout: int = TIMEOUT) -> Run:
        """A run that makes a change of its own; every second one needs routing."""
        self.version = self.version % 250 + 1
        mark = {"name": "mark", "action": "drop", "destination": [f"192.0.2.{self.version}"]}
        routes = {"name": "routes", "action": "accept", "destination": ["198.51.100.7"]}
        flows = [routes, mark] if self.version % 2 else [mark]
        run = Run(self, self.version, flows=flows, confirm_timeout=timeout)
        self.runs.append(run)
        return run

    def confirmation(self, changed: Run) -> Run | None:
        """The run over a new connection, if the change waits for it; what it reaches the host by is proven with it."""
        if not changed.result or "change_id" not in changed.result:
            return None
        run = Run(self, changed.version, state="confirmed", change_id=changed.result["change_id"])
        self.runs.append(run)
        return run

    def fire(self) -> None:
        """The time of every timer comes; systemd runs what failed again."""
        self.clock.advance(TIMEOUT + 1)
        for timer in sorted(self.timers.iterdir()):
            command = json.loads(timer.read_text())
            self.scripts.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def settle(self) -> None:
        """Everything that is under way ends."""
        for script in self.scripts:
            if script.poll() is None and not any(run.is_stopped for run in self.runs):
                script.wait()
        for run in self.runs:
            run.finish()
        for script in self.scripts:
            script.wait()
        self.scripts.clear()
        self.fire()
        for script in self.scripts:
            script.wait()
        self.scripts.clear()
        for timer in self.timers.iterdir():
            timer.unlink()

    def wrong(self) -> list[str]:
        """What does not hold after everything has ended; begins anew."""
        found = [run.result["traceback"] for run in self.runs if run.result and "traceback" in run.result]
        listing = subprocess.run(
            ["nft", "list", "table", "inet", "inbound_mail_test"], capture_output=True, text=True, check=False
        ).stdout
        file = systemd_units.table_file("test")
        live, boot = _version(listing), _version(file.read_text() if file.exists() else "")
        if live != boot:
            found.append(f"in force is {live}, the next boot loads {boot}")
        began = {run.version for run in self.runs if run.params.get("state") == "confirmed"}
        succeeded = {
            run.version
            for run in self.runs
            if run.params.get("state") == "confirmed" and run.result and run.result.get("confirmed")
        }
        if live not in self.proven | began:
            found.append(f"in force is {live}, of {sorted(self.proven | began)} that were proven")
        if succeeded and live not in began:
            found.append(f"{sorted(succeeded)} was confirmed and is not in force: {live} is")
        routes = Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()
        settings = Path("/etc/sysctl.d/60-inbound-mail.conf")
        if (f"{FORWARDING} = 1" in (settings.read_text() if settings.exists() else "")) != (routes == "1"):
            found.append(f"{FORWARDING} is {routes}, the next boot has another value")
        if (routes == "1") != bool(live % 2):
            found.append(f"{FORWARDING} is {routes}, in force is {live}")
        left = sorted(one.name for one in pending.FOLDER.glob("*") if one.suffix not in (".prepared", ".confirmed"))
        if left:
            found.append(f"left in {pending.FOLDER}: {left}")
        for run in self.runs:
            said = run.result or {"msg": "killed"}
            self.ends[re.sub(r"\b[0-9a-f]{16}\b|\d+", "N", said.get("msg", str(said.get("confirmed"))))] += 1
        self.proven = {live}
        self.runs.clear()
        return found


def _version(text: str) -> int:
    found = re.search(r"192\.0\.2\.(\d+)", text)
    return int(found[1]) if found else 0


def interleaved(host: Host, seed: int) -> list[str]:
    """Two controllers, in an order by chance, with what befalls them."""
    chance = random.Random(seed)
    log: list[str] = []
    active = [host.change()]
    for _turn in range(chance.randrange(4, 40)):
        if len(host.runs) < 5 and chance.random() < 0.08:
            active.append(host.change())
            log.append("second controller")
        run = chance.choice(active)
        what = chance.random()
        if what < 0.03:
            run.kill()
            log.append("kill")
        elif what < 0.05:
            run.stop()
            log.append("stop")
        elif what < 0.07:
            host.fire()
            log.append("timer")
        elif what < 0.09:
            host.clock.advance(TIMEOUT + 1)
            log.append("suspend")
        elif what < 0.10 and host.scripts:
            host.scripts[-1].kill()
            host.fire()
            log.append("kill the timer's script")
        elif not run.is_stopped:
            run.step()
            log.append(f"step {active.index(run)}")
        if run.is_over:
            active.remove(run)
            if chance.random() < 0.9 and (confirmation := host.confirmation(run)):
                active.append(confirmation)
                log.append("confirm")
        if not active:
            break
    for run in [*active]:
        run.finish()
        if chance.random() < 0.7 and (confirmation := host.confirmation(run)):
            confirmation.finish()
            log.append("confirm")
    host.settle()
    return [f"seed {seed}: {what} ({', '.join(log)})" for what in host.wrong()]


INTERFERENCES = ("kill", "stop past the timer", "wait past the timer", "suspend", "second controller", "other's ID")


def interfere(host: Host, run: Run, what: str) -> None:
    if what == "kill":
        run.kill()
    elif what == "stop past the timer":
        run.stop()
        host.fire()
        for script in host.scripts:
            script.wait()
    elif what == "wait past the timer":
        host.fire()
        for script in host.scripts:
            script.wait()
    elif what == "suspend":
        host.clock.advance(TIMEOUT + 1)
    elif what == "second controller":
        other = host.change()
        other.finish()
        if confirmation := host.confirmation(other):
            confirmation.finish()
    elif what == "other's ID":
        wrong = Run(host, 0, state="confirmed", change_id="0123456789abcdef")
        wrong.finish()
        assert wrong.result and wrong.result.get("failed"), wrong.result


def between_every_two_steps(host: Host) -> Iterator[str]:
    """Each interference at each gate of a change and of its confirmation."""
    for what in INTERFERENCES:
        gate = 0
        while True:
            passed = 0
            done = False
            run: Run | None = host.change()
            while run:
                while not run.is_over:
                    if passed == gate and not done:
                        interfere(host, run, what)
                        done = True
                        if run.is_over:
                            break
                    passed += 1
                    run.step()
                run = host.confirmation(run)
            host.settle()
            yield from (f"{what} at gate {gate}: {wrong}" for wrong in host.wrong())
            if not done:
                break
            gate += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the first interleaving")
    parser.add_argument(
        "--count", type=int, default=0, help="how many interleavings; 0: every step with every interference"
    )
    arguments = parser.parse_args()
    host = Host()
    found: list[str] = []
    if arguments.count:
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            found += interleaved(host, seed)
    else:
        found += between_every_two_steps(host)
    print(json.dumps({"wrong": found, "ends": host.ends}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
