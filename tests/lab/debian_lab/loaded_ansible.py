# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-playbook and ansible as forks of a process that has loaded Ansible: half the work of a short run.

Each run has its own arguments, standard output and standard error. Two things are older than the run: the modules that
Ansible's commands import, and the cache of packed modules in Ansible's local temporary folder. Ansible reads its
configuration while it is imported, so that all runs of a process have one environment.

As a program it is that process: the Python of Ansible's virtual environment runs it, with a socket as standard input.
"""

from __future__ import annotations

import array
import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

_LARGEST = 2**17  # octets of a request


class LoadedAnsible:
    """The process. It ends with `close`, or when its parent ends."""

    def __init__(self, before: Sequence[str], folder: Path, environment: Mapping[str, str], directory: Path) -> None:
        """before: what its command line begins with, as `ip netns exec NAME`; folder: that of Ansible's commands and
        their Python; environment: of all runs; directory: the working directory of runs that name no other.
        """
        self.environment = dict(environment)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # Without -P the folder of this file would come before the standard library.
            command = [*before, str(folder / "python"), "-P", __file__]
            self._process = subprocess.Popen(
                command, stdin=theirs, stdout=subprocess.DEVNULL, cwd=directory, env=self.environment
            )

    def run(
        self, words: Sequence[str], separate: bool = False, timeout: float | None = None, directory: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command line without standard input. Its standard error is in `stdout` if they are not `separate`.

        timeout: seconds after which it is killed. Raises subprocess.TimeoutExpired then.
        """
        with ExitStack() as stack:
            out, err = (stack.enter_context(tempfile.TemporaryFile()) for _stream in range(2))
            nothing = stack.enter_context(open(os.devnull, "rb"))
            reply, theirs = socket.socketpair()
            stack.enter_context(reply)
            answers = stack.enter_context(reply.makefile(encoding="ascii"))
            streams = [one.fileno() for one in (nothing, out, err if separate else out, theirs)]
            with theirs:
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))
                request = {"words": list(words), "directory": str(directory or ".")}
                self._socket.sendmsg([json.dumps(request).encode()], [rights])
            pid = int(answers.readline())
            reply.settimeout(timeout)
            try:
                status = int(answers.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(words), timeout or 0) from None
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(list(words), status, out.read().decode(), err.read().decode())

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


def _serve() -> None:
    from ansible.cli import adhoc, playbook
    from ansible.plugins import loader

    # Every run uses some of these, and each of its tasks the filters.
    for kind in ("become", "callback", "connection", "inventory", "shell", "vars"):
        list(getattr(loader, f"{kind}_loader").all(class_only=True))
    for kind in ("filter", "test"):
        list(getattr(loader, f"{kind}_loader").all())

    mains = {"ansible": adhoc.main, "ansible-playbook": playbook.main}
    requests = socket.socket(fileno=sys.stdin.fileno())
    # Ctrl-C is for the runs, and for the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running: dict[int, tuple[int, int]] = {}  # descriptor of a process -> its pid, and where its status is sent
    while True:
        ready = select.select([requests.fileno(), *running], [], [])[0]
        for process in running.keys() & ready:
            pid, reply = running.pop(process)
            os.write(reply, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            os.close(process)
            os.close(reply)
        if requests.fileno() not in ready:
            continue
        request, streams, _flags, _address = socket.recv_fds(requests, _LARGEST, 4)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            requests.detach()
            _become(**json.loads(request), streams=streams)
            mains[os.path.basename(sys.argv[0])]()
            return
        *standard, reply = streams
        for stream in standard:
            os.close(stream)
        os.write(reply, b"%d\n" % pid)
        running[os.pidfd_open(pid)] = (pid, reply)


def _become(words: list[str], directory: str, streams: list[int]) -> None:
    """A process with these arguments, working directory and standard streams, as if it had been started with them."""
    from ansible.utils.path import cleanup_tmp_file

    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The local temporary folder is that of all runs.
    atexit.unregister(cleanup_tmp_file)
    for number, stream in enumerate(streams[:3]):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    sys.argv[:] = words
    os.chdir(directory)


if __name__ == "__main__":
    _serve()
