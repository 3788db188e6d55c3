# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab host: a Debian that systemd-nspawn boots on an overlay, in a network namespace made for it."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from pathlib import Path

from debian_lab.machine import LabError, await_end, await_true, command, end
from debian_lab.scenario import Host, fill

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = 60.0  # seconds for a boot or a shutdown, on a machine that has much else to do


def nspawn_processes(prefix: str) -> dict[str, int]:
    """The running containers whose machine name begins so: machine name -> pid of its systemd-nspawn."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            machines = [word.removeprefix("--machine=") for word in words if word.startswith(f"--machine={prefix}")]
            if machines and words[0].rpartition("/")[2] == "systemd-nspawn":
                found[machines[0]] = int(folder.name)
    return found


def init_of(nspawn: int) -> int | None:
    """The container's own init: the child of this systemd-nspawn that is process 1 in a namespace of its own."""
    try:
        children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text(encoding="ascii").split()
        for child in children:
            status = Path(f"/proc/{child}/status").read_text(encoding="utf-8", errors="replace")
            inside = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
            if len(inside) > 1 and inside[-1] == "1":
                return int(child)
    except (OSError, StopIteration):
        pass
    return None


def control_group(machine: str) -> Path:
    """The container's own control group, in the unified hierarchy wherever this machine has that."""
    hybrid = Path("/sys/fs/cgroup/unified")
    return (hybrid if hybrid.is_dir() else Path("/sys/fs/cgroup")) / machine


def remove_control_groups(machines: str) -> None:
    """Remove the control groups of containers that have ended. A hybrid machine has them in a second hierarchy too.

    machines: their names, as a pattern of file names.
    """
    for hierarchy in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"):
        for group in Path(hierarchy).glob(machines):
            for folder, _folders, _files in os.walk(group, topdown=False):
                os.rmdir(folder)


def stop(machine: str, nspawn: int, power: bool) -> None:
    """Shut a container down, or with `power=False` stop it at once as if the plug was pulled.

    It is the container's init that is ended: a systemd-nspawn that is killed leaves the whole container running.
    """
    init = init_of(nspawn)
    if init is not None:
        if power:
            end(init, signal.SIGRTMIN + 4, within=PATIENCE)  # type: ignore[arg-type]  # systemd(1): starts poweroff.target
        else:
            end(init, signal.SIGKILL, within=10)
    if not await_end(nspawn, within=10):
        end(nspawn, signal.SIGTERM, within=5)
    remove_control_groups(machine)


class Container:
    """A lab host. `root` is its mounted overlay, `namespace` its network."""

    def __init__(self, host: Host, machine: str, root: Path, console: Path) -> None:
        self.host = host
        self.machine = machine  # also the name of its network namespace
        self.root = root
        self.console = console
        self._init: int | None = None

    def furnish(self, public_key: str, secret_values: dict[str, str]) -> str:
        """Write what makes this Debian this host, before its first boot. Returns its SSH host key."""
        name = self.host.name
        # Without a machine-id systemd takes the boot for the first one and enables every service that is there.
        self._write("etc/machine-id", secrets.token_hex(16) + "\n")
        self._write("etc/hostname", f"{name}\n")
        self._write("etc/hosts", f"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 {name}\n")
        self._write("etc/resolv.conf", "".join(f"nameserver {address}\n" for address in self.host.resolver))
        self._write("root/.ssh/authorized_keys", public_key, mode=0o600)
        key = self.root / "etc/ssh/ssh_host_ed25519_key"
        command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key)
        # The lists were fetched when the image was built and cannot be fetched again: to apt's users they are fresh.
        for stamp in ("var/lib/apt/periodic/update-success-stamp", "var/lib/apt/lists"):
            (self.root / stamp).parent.mkdir(parents=True, exist_ok=True)
            (self.root / stamp).touch()
            os.utime(self.root / stamp)
        for path, file in self.host.files.items():
            owner = self._number("etc/passwd", file.owner, path)
            group = self._number("etc/group", file.group, path)
            self._write(path.lstrip("/"), fill(file.content, secret_values), file.mode, owner, group)
        return " ".join(key.with_suffix(".pub").read_text().split()[:2])

    def start(self) -> None:
        """Power on."""
        environment = {
            "PATH": PATH,
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
            # Without it a role could not set net.ipv4.ip_forward.
            "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
        }
        with self.console.open("a") as console:
            subprocess.Popen(
                [
                    # A control group of its own, joined before anything starts: containers of one group would take
                    # each other's units for their own, as 'ssh.service' is at the same place in all of them.
                    *("sh", "-c", 'mkdir "$1"; echo $$ >"$1/cgroup.procs"; shift; exec "$@"', "sh"),
                    str(control_group(self.machine)),
                    *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--console=pipe"),
                    *("--resolv-conf=off", "--timezone=off", "--link-journal=no"),
                    # For nftables and the like.
                    *("--capability=CAP_NET_ADMIN", f"--network-namespace-path=/run/netns/{self.machine}"),
                    *(f"--machine={self.machine}", f"--directory={self.root}"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=environment,
                start_new_session=True,  # Ctrl-C is for us, who then shut it down
            )

    def await_booted(self) -> None:
        """Wait until its systemd has started everything. A unit that failed is an error that names it."""

        def up() -> bool:
            return self.nspawn() is not None and self._is_system_running() in ("running", "degraded")

        if not await_true(up, within=PATIENCE, every=0.1):
            said = self.console.read_text(errors="replace")[-2000:]
            raise LabError(f"{self.host.name} did not boot within {PATIENCE:.0f} s; the end of {self.console}:\n{said}")
        if self._is_system_running() == "degraded":
            failed = self.run("systemctl status --no-pager --full --state=failed", check=False).stdout.strip()
            raise LabError(f"{self.host.name} booted, but these units failed:\n{failed}")

    def stop(self, power: bool = True) -> None:
        nspawn = self.nspawn()
        if nspawn is not None:
            stop(self.machine, nspawn, power)
        self._init = None

    def nspawn(self) -> int | None:
        return nspawn_processes(self.machine).get(self.machine)

    def inside(self) -> list[str]:
        """The words that run what follows them as root in this host."""
        if self._init is None or not Path(f"/proc/{self._init}").exists():
            nspawn = self.nspawn()
            self._init = init_of(nspawn) if nspawn is not None else None
        if self._init is None:
            raise LabError(f"{self.host.name} is not running")
        spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"]
        terminal = os.environ.get("TERM", "dumb")
        environment = [f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", f"TERM={terminal}"]
        return ["nsenter", f"--target={self._init}", *spaces, "--", "env", "-i", *environment]

    def run(self, script: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*self.inside(), "sh", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if check and done.returncode != 0:
            raise LabError(f"on {self.host.name}: {script}: exit status {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def _is_system_running(self) -> str:
        try:
            return self.run("systemctl is-system-running 2>/dev/null", check=False).stdout.strip()
        except LabError:
            return "not started"

    def _write(self, path: str, content: str, mode: int = 0o644, owner: int = 0, group: int = 0) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(content)
        os.chown(target, owner, group)
        target.chmod(mode)

    def _number(self, database: str, name: str, path: str) -> int:
        for line in (self.root / database).read_text(encoding="utf-8").splitlines():
            fields = line.split(":")
            if fields[0] == name:
                return int(fields[2])
        raise LabError(f"{self.host.name}: {path}: '{name}' is not in its /{database}; is the package in `install`?")
