# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers of both releases of BIND, and a controller beside them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import knot
import powerdns
from controller import Controller, for_ansible
from debian_lab.loaded_ansible import LoadedAnsible
from knot import Knot
from name_server import NameServer, Network
from named import Named
from powerdns import PowerDns
from recorded_network import RecordedNetwork
from runner import Runner


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    network = RecordedNetwork()
    yield network
    network.close()


# BIND 9.18 and 9.20.
@pytest.fixture(params=["bookworm", "trixie"])
def release(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def new_server(
    debian_root: Callable[[str], Path], release: str, network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Named]]:
    """Makes servers that are not started yet, and ends them."""
    made: list[Named] = []

    def make() -> Named:
        made.append(Named(debian_root(release), tmp_path_factory.mktemp("named"), network))
        return made[-1]

    yield make
    for server in made:
        server.clear()


@pytest.fixture
def make(
    debian_root: Callable[..., Path], network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., NameServer]]:
    """A server of that kind and release, not started yet."""
    made: list[NameServer] = []
    packages = {Knot: knot.PACKAGES, PowerDns: powerdns.PACKAGES, Named: ()}

    def make(kind: type[NameServer], release: str, **options: object) -> NameServer:
        root = debian_root(release, *packages[kind])
        made.append(kind(root, tmp_path_factory.mktemp("server"), network, **options))
        return made[-1]

    yield make
    for server in made:
        server.clear()


@pytest.fixture
def server(new_server: Callable[[], Named]) -> Named:
    """With the zone example.org, in which records stand that are not ours."""
    server = new_server()
    server.zone(
        "example.org", 'www A 203.0.113.80\n@ TXT "google-site-verification=abc"\n@ MX 10 old\nold A 203.0.113.9'
    )
    server.start()
    return server


@pytest.fixture
def trouble(network: Network) -> Iterator[Callable[..., str]]:
    """Puts a troublemaker in front of a server, and returns its address."""
    started: list[subprocess.Popen[str]] = []

    def start(server: Named, kind: str, *numbers: int, given: str = "") -> str:
        address = network.new_address()
        script = str(Path(__file__).with_name("troublemaker.py"))
        command = network.inside(sys.executable, script, address, server.address, kind, *map(str, numbers))
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        process.stdin.write(given)
        process.stdin.close()
        assert process.stdout.readline() == "ready\n"
        return address

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def new_runner(network: Network) -> Iterator[Callable[[], Runner]]:
    made: list[Runner] = []

    def make() -> Runner:
        made.append(Runner(network))
        return made[-1]

    yield make
    for runner in made:
        runner.close()


@pytest.fixture(scope="session")
def loaded_ansible(network: Network) -> Iterator[LoadedAnsible]:
    programs = Path(shutil.which("ansible-playbook") or "").parent
    loaded = LoadedAnsible(network.inside(), programs, for_ansible(os.environ), Path.cwd())
    yield loaded
    loaded.close()


@pytest.fixture
def controller(network: Network, tmp_path: Path, loaded_ansible: LoadedAnsible) -> Controller:
    return Controller(network, tmp_path, loaded=loaded_ansible)
