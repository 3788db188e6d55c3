# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running lab: a scenario's hosts, booted, and what can be asked of them."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from debian_lab.container import PATIENCE, Container, nspawn_processes, remove_control_groups, stop
from debian_lab.image import layers, mount_overlay
from debian_lab.loaded_ansible import LoadedAnsible
from debian_lab.machine import (
    RUN_FOLDER,
    LabError,
    await_true,
    cache_folder,
    command,
    locked,
    mounts_below,
    process_start,
    say,
    uninterrupted,
)
from debian_lab.network import PREFIX, Network, labs_with_namespaces, namespaces, remove
from debian_lab.scenario import CONTROLLER, RUN_TOKEN, Hold, Scenario, fill, load

CHECKOUT = Path(__file__).resolve().parents[3]
PLACES = 2  # labs that work at a time: each waits for much of its time
# Of inotify instances, of which root has a limited number: what a host's systemd takes, and what is left for others.
_WATCHES_OF_HOST = 5
_WATCHES_OF_OTHERS = 28
MANAGED_GROUPS = ("mail_servers", "mail_relays", "mail_gateways", "mail_firewalls")


@dataclass(frozen=True)
class Record:
    """What is written down of a lab, so that another process can use it or clean up after it."""

    lab: str
    folder: str
    release: str
    venv: str
    owner: tuple[int, str] | None  # pid and start of the process that takes it down; None: left running on purpose
    secrets: dict[str, str]
    hosts: int = 0  # how many it has

    @property
    def is_kept(self) -> bool:
        return self.owner is None

    @property
    def is_owned(self) -> bool:
        return self.owner is not None and process_start(self.owner[0]) == self.owner[1]


class Lab:
    """A booted scenario: of `Lab.up`, which takes it down again, or `Lab.of`, which finds one that was left running."""

    def __init__(self, scenario: Scenario, record: Record) -> None:
        self.scenario = scenario
        self.secrets = record.secrets
        self._record = record
        self.folder = RUN_FOLDER / record.lab
        self.disks = cache_folder() / "hosts" / record.lab
        self.network = Network(record.lab, scenario)
        self._loaded_ansible: LoadedAnsible | None = None
        self._containers = {
            name: Container(
                host, self.network.namespace(name), self.disks / name / "root", self.folder / f"{name}.console"
            )
            for name, host in scenario.hosts.items()
        }

    # Coming and going

    @classmethod
    @contextlib.contextmanager
    def up(cls, folder: Path | str, release: str = "trixie", venv: str = "") -> Iterator[Lab]:
        """Boot the scenario; take it down at the end of the `with`, whatever happens. Waits while there is no room.

        `venv` names the virtual environment in the cache whose Ansible runs; the default is the one that we run in.
        """
        scenario = load(Path(folder))
        with contextlib.ExitStack() as stack:
            with _admitted(len(scenario.hosts), stack):
                lab = cls._create(scenario, release, venv, _this_process())
            try:
                lab._boot()
                yield lab
            finally:
                if lab._loaded_ansible is not None:
                    lab._loaded_ansible.close()
                sweep(lab._record.lab)

    @classmethod
    def up_and_leave(cls, folder: Path | str, release: str = "trixie", venv: str = "") -> Lab:
        """Boot the scenario and leave it running until `down`. LabError if it is running already."""
        scenario = load(Path(folder))
        with contextlib.ExitStack() as stack:
            with _admitted(len(scenario.hosts), stack):
                if any(record.folder == str(scenario.folder) for record in _records()):
                    raise LabError(f"{folder} is up already; to begin anew, first: tests/lab/lab.py down {folder}")
                lab = cls._create(scenario, release, venv, None)
            try:
                lab._boot()
            except BaseException:
                sweep(lab._record.lab)
                raise
        return lab

    @classmethod
    def of(cls, folder: Path | str) -> Lab:
        """The lab of this scenario that `up` left running. Raises LabError if there is none."""
        scenario = load(Path(folder))
        for record in _records():
            if record.folder == str(scenario.folder):
                return cls(scenario, record)
        raise LabError(f"no lab of {folder} is running; start it with: tests/lab/lab.py up {folder}")

    def down(self) -> None:
        sweep(self._record.lab)

    @classmethod
    def _create(cls, scenario: Scenario, release: str, venv: str, owner: tuple[int, str] | None) -> Lab:
        values = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in sorted(scenario.secrets)}
        venv = venv or Path(sys.prefix).name
        record = Record(secrets.token_hex(2), str(scenario.folder), release, venv, owner, values, len(scenario.hosts))
        lab = cls(scenario, record)
        lab.folder.mkdir(mode=0o700, parents=True)
        _write_private(lab.folder / "lab.json", json.dumps(asdict(record)))
        return lab

    def _boot(self) -> None:
        bases = {name: layers(self._record.release, host.install) for name, host in self.scenario.hosts.items()}
        public_key = self._write_controller_files()
        self.network.create()
        self.network.write_resolver()

        def power_on(name: str) -> str:
            mount_overlay(bases[name], self.disks / name)
            key = self._containers[name].furnish(public_key, self.secrets)
            self._containers[name].start()
            return f"{self.network.management_address(name)} {key}\n"

        with ThreadPoolExecutor(max_workers=8) as pool:
            known_hosts = list(pool.map(power_on, self._containers))
            (self.folder / "known_hosts").write_text("".join(known_hosts))
            inventory = pool.submit(self._write_connections)
            list(pool.map(self._await_host, self._containers))
            inventory.result()
        for name, host in self.scenario.hosts.items():
            for script in host.run:
                self.run(name, fill(script, self.secrets))

    def _await_host(self, name: str) -> None:
        """Wait until a host has booted and answers over SSH as Ansible asks it."""
        self._containers[name].await_booted()
        address = self.network.management_address(name)
        words = ["ssh", "-F", str(self.folder / "ssh_config"), "-o", "ConnectTimeout=5", address, "true"]

        def answers() -> bool:
            return self.run(CONTROLLER, words, check=False).returncode == 0

        if not await_true(answers, within=PATIENCE, every=0.1):
            raise LabError(f"{name} does not answer over SSH: {self.run(CONTROLLER, words, check=False).stderr}")

    # What the controller has

    def _write_controller_files(self) -> str:
        """Write what SSH and Ansible on the controller need. Returns the public key that hosts let in."""
        key = self.folder / "id_ed25519"
        command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", key)
        (self.folder / "ssh_config").write_text(
            "Host *\n"
            f"  User root\n  IdentityFile {key}\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.folder / 'known_hosts'}\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n"
            # A connection that was open when its host went away would hang for as long as TCP tries again.
            "  ServerAliveInterval 5\n  ServerAliveCountMax 3\n"
        )
        (self.folder / "ansible.cfg").write_text(
            "[defaults]\nforks = 20\nnocows = true\ninject_facts_as_vars = false\n"
            # Ansible wakes 1,000 times a second by default while a task runs, at the cost of the hosts.
            "internal_poll_interval = 0.01\n"
            "[ssh_connection]\npipelining = true\n"
            # Labs have the same management addresses: with a shared folder one would use another's open connection.
            f"control_path_dir = {self.folder / 'cp'}\n"
            f"ssh_args = -F {self.folder / 'ssh_config'} -o ControlMaster=auto -o ControlPersist=60s\n"
        )
        # Ansible finds a collection by where it lies; this checkout may lie anywhere.
        link = self.folder / "collections/ansible_collections/inbound/mail"
        link.parent.mkdir(parents=True)
        link.symlink_to(CHECKOUT)
        (self.folder / "work").mkdir()
        return key.with_suffix(".pub").read_text()

    def _write_connections(self) -> None:
        """The second inventory: how lab hosts are reached. It adds no host that the administrator's does not have."""
        names: Iterable[str] = self.scenario.hosts
        if self.scenario.inventory is not None:
            names = self.inventory_hosts("all") & set(self.scenario.hosts)
        connections = {
            name: {
                "ansible_host": self.network.management_address(name),
                "ansible_user": "root",
                "ansible_python_interpreter": "/usr/bin/python3",
            }
            for name in sorted(names)
        }
        (self.folder / "connections.yml").write_text(yaml.safe_dump({"all": {"hosts": connections}}))

    def inventory_hosts(self, *groups: str) -> set[str]:
        """The hosts that the administrator's inventory has in these groups."""
        words = [self._program("ansible-inventory"), "-i", str(self.scenario.inventory), "--list"]
        done = self._on_controller(words, capture_output=True)
        if done.returncode != 0:
            raise LabError(f"ansible-inventory cannot read {self.scenario.inventory}:\n{done.stderr.strip()}")
        data = json.loads(done.stdout)
        found: set[str] = set()
        waiting = list(groups)
        while waiting:
            group = data.get(waiting.pop(), {})
            found.update(group.get("hosts", []))
            waiting.extend(group.get("children", []))
        return found

    def managed_hosts(self) -> list[str]:
        """The lab hosts that the playbooks change, in the scenario's order."""
        if self.scenario.inventory is None:
            return []
        managed = self.inventory_hosts(*MANAGED_GROUPS)
        return [name for name in self.scenario.hosts if name in managed]

    def _program(self, name: str) -> str:
        program = cache_folder().parent / "venv" / self._record.venv / "bin" / name
        if not program.exists():
            raise LabError(f"there is no {program}; make it with: tests/toolchain.sh {self._record.venv}")
        return str(program)

    def _on_controller(self, words: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        inside, options = self._as_on_controller(words, options)
        return subprocess.run(inside, check=False, **options)

    def _as_on_controller(self, words: list[str], options: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
        """The words and options for subprocess."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= {
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
            "LC_ALL": "C.UTF-8",
            "PATH": f"{Path(words[0]).parent}:{os.environ.get('PATH', '')}",
            **self.secrets,
            **(options.pop("env", None) or {}),
        }
        inside = ["ip", "netns", "exec", self.network.namespace(CONTROLLER), *words]
        return inside, {"cwd": self.folder / "work", "text": True, "env": environment, **options}

    # Asking the hosts

    def inside(self, host: str) -> list[str]:
        """The words that run what follows them on a host, or on the controller."""
        if host == CONTROLLER:
            return ["ip", "netns", "exec", self.network.namespace(CONTROLLER)]
        if host not in self._containers:
            raise LabError(f"no host '{host}' here; there are {', '.join([*self._containers, CONTROLLER])}")
        return self._containers[host].inside()

    def run(self, host: str, script: str | list[str], check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell script (or a list of words, as they are) as root. LabError if it fails and `check` is set."""
        words = ["sh", "-c", script] if isinstance(script, str) else script
        done = subprocess.run(
            [*self.inside(host), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if check and done.returncode != 0:
            raise LabError(f"on {host}: {script}: exit status {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def popen(self, host: str, script: str, **options: Any) -> subprocess.Popen[str]:
        """Start a shell script and let it run. It ends with the host at the latest."""
        return subprocess.Popen(
            [*self.inside(host), "sh", "-c", script], stdin=subprocess.DEVNULL, text=True, **options
        )

    def await_run(self, host: str, script: str, within: float) -> subprocess.CompletedProcess[str]:
        """Run a script again and again until it succeeds. LabError if it has not after that many seconds."""
        deadline = time.monotonic() + within
        while (done := self.run(host, script, check=False)).returncode != 0:
            if time.monotonic() >= deadline:
                raise LabError(f"on {host}, still not after {within:g} s: {script}:\n{done.stdout}{done.stderr}")
            time.sleep(0.1)
        return done

    def root(self, host: str) -> Path:
        """A host's file system, seen from the machine."""
        return self._containers[host].root

    def changes(self, host: str) -> Path:
        """What a host's file system has that its image has not: the upper folder of its overlay."""
        return self._containers[host].root.with_name("upper")

    # Ansible

    def inventories(self) -> list[str]:
        own = [] if self.scenario.inventory is None else ["-i", str(self.scenario.inventory)]
        return [*own, "-i", str(self.folder / "connections.yml")]

    def playbook(self, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """ansible-playbook on the controller with the scenario's inventory. What it writes to stderr is in stdout."""
        return self._ansible("ansible-playbook", arguments, check, options)

    def playbook_started(self, *arguments: str) -> subprocess.Popen[str]:
        """The same, not waited for. Its process is ansible-playbook itself."""
        words = [self._program("ansible-playbook"), *self.inventories(), *arguments]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        inside, options = self._as_on_controller(words, quiet)
        return subprocess.Popen(inside, **options)

    def ansible(self, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """An ad-hoc task, as `lab.ansible("all", "-m", "ping")`."""
        return self._ansible("ansible", arguments, check, options)

    def _ansible(
        self, program: str, arguments: tuple[str, ...], check: bool, options: dict[str, Any]
    ) -> subprocess.CompletedProcess[str]:
        words = [self._program(program), *self.inventories(), *arguments]
        if options.keys() <= {"env"} and not options.get("env"):
            done = self._loaded(words[0]).run(words)
        else:
            if "stdout" not in options:
                options |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
            done = self._on_controller(words, **options)
        if check and done.returncode != 0:
            raise LabError(f"{done.stdout or ''}\n{program} {' '.join(arguments)}: exit status {done.returncode}")
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout or "", done.stderr or "")

    def _loaded(self, program: str) -> LoadedAnsible:
        """What runs the commands of that program's folder in an environment that is always the same."""
        if self._loaded_ansible is None:
            before, options = self._as_on_controller([program], {})
            self._loaded_ansible = LoadedAnsible(before[:-1], Path(program).parent, options["env"], options["cwd"])
        return self._loaded_ansible

    # Trouble

    def reboot(self, *hosts: str, power: bool = True) -> None:
        """Shut hosts down and boot them again, or with `power=False` pull the plug first. Waits until they answer.

        The kernel side of a host is its network namespace, so that is made anew as well: rules and sysctls that nothing
        on the host restores are gone.
        """
        for host in hosts:
            self.inside(host)  # says so if there is none

        def cycle(name: str) -> None:
            # An open SSH session would hold the shutdown up for 90 s.
            for control in (self.folder / "ansible/cp").glob("*"):
                address = self.network.management_address(name)
                self.run(CONTROLLER, ["ssh", "-o", f"ControlPath={control}", "-O", "exit", address], check=False)
            self._containers[name].stop(power)
            self.network.unplug(name)
            self.network.plug_in(name)
            self._containers[name].start()
            self._await_host(name)

        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(cycle, hosts))

    def disconnect(self, host: str, network: str) -> None:
        """Pull a host's cable to a network; `mgmt` is the one that Ansible comes through."""
        self.network.set_carrier(host, network, up=False)

    def connect(self, host: str, network: str) -> None:
        self.network.set_carrier(host, network, up=True)

    # What must hold

    def hold(self, report: Callable[[Hold], None] | None = None) -> None:
        """Ask everything that must hold, in order; LabError at the first that does not. `report` gets what does."""
        values = {**self.secrets, RUN_TOKEN: secrets.token_hex(8)}
        for item in self.scenario.hold:
            self._holds(item, fill(item.run, values), values)
            if report is not None:
                report(item)

    def _holds(self, item: Hold, script: str, values: dict[str, str]) -> None:
        deadline = time.monotonic() + item.within
        while True:
            done = self.run(item.on, script, check=False)
            objection = item.objection(done.returncode, done.stdout, values)
            if objection is None:
                return
            if time.monotonic() >= deadline:
                break
            time.sleep(0.2)
        waited = f" within {item.within:g} s" if item.within else ""
        output = (done.stdout + done.stderr).strip()
        raise LabError(
            f"does not hold{waited}: {item.name}\n  on {item.on}: {item.run}\n  {objection}\n  output: {output}"
        )


def sweep(lab: str) -> None:
    """Take a lab down, whatever state it is in, and make sure that nothing of it is left. Touches no other."""
    with uninterrupted(), _sweeping():
        _sweep(lab)


def _sweeping() -> contextlib.AbstractContextManager[None]:
    """One process at a time takes a lab down: half of one would look as if its process had died."""
    return locked(RUN_FOLDER / "sweep", lambda: "lab: another process takes a lab down: waiting")


def _sweep(lab: str) -> None:
    with uninterrupted():
        prefix = f"{PREFIX}{lab}-"
        for machine, nspawn in nspawn_processes(prefix).items():
            stop(machine, nspawn, power=False)
        remove_control_groups(f"{prefix}*")
        for name in namespaces(lab):
            remove(name)
        disks = cache_folder() / "hosts" / lab
        for point in mounts_below(disks):
            command("umount", point)
        left = [*nspawn_processes(prefix), *namespaces(lab), *map(str, mounts_below(disks))]
        if left:
            raise LabError(f"still there after the lab was taken down: {', '.join(left)}")
        for folder in (disks, RUN_FOLDER / lab, Path("/etc/netns") / f"{prefix}{CONTROLLER}"):
            if folder.exists():
                shutil.rmtree(folder)


def _this_process() -> tuple[int, str]:
    return os.getpid(), process_start(os.getpid()) or ""


@contextlib.contextmanager
def _admitted(hosts: int, stack: contextlib.ExitStack) -> Iterator[None]:
    """Wait until the machine has room for a lab with this number of hosts, and clear away what labs that died left.

    What makes the lab known, its record, is written in the `with`: until then no other is admitted. `stack` holds
    what is to be held as long as the lab works.
    """
    RUN_FOLDER.mkdir(mode=0o700, exist_ok=True)
    ours = [record.folder for record in _records() if record.owner == _this_process()]
    if ours:
        # It could wait for itself, for ever.
        raise LabError(f"this process has a lab already ({', '.join(ours)}): take that down first")

    def busy() -> str:
        names = ", ".join(record.folder for record in _records() if record.is_owned)
        return f"lab: no room beside the labs that run ({names}): waiting for one to end"

    # The lab of an older checkout takes this lock for itself: it would clear away every other lab.
    stack.enter_context(locked(RUN_FOLDER / "lock", busy, shared=True))
    # The first in the queue waits with the gate in its hand, so that small labs do not overtake a large one for ever.
    with locked(RUN_FOLDER / "gate", busy):
        if not _has_room(hosts):
            say(busy())
            while not _has_room(hosts):
                time.sleep(0.2)
        _clear_away()
        yield


def _clear_away() -> None:
    """Take down what labs left behind whose process has ended."""
    disks = cache_folder() / "hosts"
    disks.mkdir(parents=True, exist_ok=True)
    with _sweeping():
        folders = (*disks.iterdir(), *RUN_FOLDER.iterdir())
        there = labs_with_namespaces() | {path.name for path in folders if path.is_dir()}
        alive = {record.lab for record in _records() if record.is_kept or record.is_owned}
        for lab in sorted(there - alive):
            say(f"lab: clearing away lab {lab}, whose process ended without doing so")
            _sweep(lab)


def _has_room(hosts: int) -> bool:
    """Whether a lab with this number of hosts can work beside those that work now. One lab always can.

    Labs that were left running on purpose are idle: they take no place, but their hosts count.
    """
    records = _records()
    working = [record for record in records if record.is_owned]
    if not working:
        return True
    watches = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text(encoding="ascii"))
    most = (watches - _WATCHES_OF_OTHERS) // _WATCHES_OF_HOST
    there = sum(record.hosts for record in records if record.is_owned or record.is_kept)
    return len(working) < PLACES and there + hosts <= most


def _records() -> list[Record]:
    """What is written down of the labs on this machine."""
    records = []
    for path in RUN_FOLDER.glob("*/lab.json"):
        with contextlib.suppress(FileNotFoundError):
            data = json.loads(path.read_text())
            data["owner"] = tuple(data["owner"]) if data["owner"] else None
            records.append(Record(**data))
    return records


def _write_private(path: Path, text: str) -> None:
    """At once: another process that reads it reads the whole."""
    unfinished = path.with_name(f"{path.name}.new")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.rename(path)
