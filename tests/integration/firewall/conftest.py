# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway between the internet, a DMZ and a LAN, in namespaces: real interfaces, real packets.

Every node has a server on some ports that tells a client which address it came from.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ADDRESSES = {
    "outside": {"internet": ["203.0.113.25/24", "2001:db8:113::25/64"]},
    "stranger": {"internet": ["203.0.113.66/24", "2001:db8:113::66/64"]},
    "gateway": {
        "internet": ["203.0.113.1/24", "203.0.113.2/24", "2001:db8:113::1/64"],
        "dmz": ["198.51.100.1/24", "2001:db8:1::1/64"],
        "lan": ["192.168.0.1/24", "2001:db8:10::1/64"],
    },
    "relay": {"dmz": ["198.51.100.17/24", "2001:db8:1::17/64"]},
    "mail": {"lan": ["192.168.0.10/24", "2001:db8:10::10/64"]},
    "insider": {"lan": ["192.168.0.50/24", "2001:db8:10::50/64"]},
}
INTERFACES = {"wan": ["internet"], "dmz": ["dmz"], "lan": ["lan"]}
PORTS = [25, 80, 587]
# Long enough for any machine; what is waited for normally comes at once.
PATIENCE = 20

_SERVER = """
import socket, sys, threading
def answer(server):
    while True:
        connection, peer = server.accept()
        connection.sendall(peer[0].removeprefix("::ffff:").encode() + b"\\n")
        threading.Thread(target=serve, args=(connection,), daemon=True).start()
def serve(connection):
    try:
        while data := connection.recv(65536):
            connection.sendall(data)
    except OSError:
        pass
for port in map(int, sys.argv[1:]):
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    threading.Thread(target=answer, args=(server,)).start()
print("ready", flush=True)
"""

_CONNECT = """
import socket, sys
address, port, patience, local = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family) as connection:
    connection.settimeout(patience)
    if local:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        connection.bind(("::" if ":" in address else "0.0.0.0", local))
    connection.connect((address, port))
    print(connection.makefile().readline().strip())
"""

_FIND = """
import socket, sys
for address in sys.argv[1:]:
    while True:
        try:
            socket.create_connection((address, 9), 1)
        except ConnectionRefusedError:
            break
        except OSError:
            pass
"""

# The connection that must not come about is begun first. Once one to another port has been answered over the same
# interfaces, an answer to the first would be there too: packets do not overtake one another on the way.
_ATTEMPT = """
import errno, socket, sys
address, port, marker, marker_port = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
attempt = socket.socket(family)
attempt.setblocking(False)
assert attempt.connect_ex((address, port)) == errno.EINPROGRESS
for _ in range(3):
    with socket.create_connection((marker, marker_port), float(sys.argv[5])) as connection:
        connection.makefile().readline()
attempt.settimeout(0)
result = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
try:
    attempt.getpeername()
    print("open")
except OSError:
    print(errno.errorcode[result] if result else "silence")
"""


class Node:
    """A host: a process that holds a network namespace and a mount namespace with an /etc of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        # It lives as long as its standard input: also if the tests are killed, nothing stays.
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", "echo ready; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"
        self.pid = self._holder.pid
        self._started: list[subprocess.Popen[str]] = []
        self.run("mount -t sysfs sysfs /sys; ip link set lo up")

    def command(self, *command: str) -> list[str]:
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", *command]

    def run(self, script: str, *, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command("sh", "-ec", script), input=stdin, capture_output=True, text=True, timeout=300, check=False
        )
        assert not check or done.returncode == 0, f"{self.name}: {script}\n{done.stdout}{done.stderr}"
        return done

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A program that runs until it ends or the node does."""
        process = subprocess.Popen(
            self.command(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._started.append(process)
        return process

    def capture(self, interface: str, count: int, expression: str) -> subprocess.Popen[str]:
        """tcpdump, which listens already and ends by itself after so many packets."""
        process = self.start("tcpdump", "-lnni", interface, "-c", str(count), expression)
        assert process.stderr is not None
        while "listening on" not in (line := process.stderr.readline()):
            assert line, "tcpdump ended"
        return process

    def serve(self, ports: Sequence[int]) -> None:
        server = self.start(sys.executable, "-c", _SERVER, *map(str, ports))
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"

    def connect(self, address: str, port: int = 25, local_port: int = 0) -> str:
        """Connects, and returns the address that the server says the client has."""
        arguments = [address, str(port), str(PATIENCE), str(local_port)]
        done = subprocess.run(
            self.command(sys.executable, "-c", _CONNECT, *arguments), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{self.name} does not reach {address} port {port}: {done.stderr}"
        return done.stdout.strip()

    def attempt(self, address: str, port: int = 25, *, marker: str = "", marker_port: int = 80) -> str:
        """What a connection that is expected to fail comes to: ``open``, ``silence``, ``ECONNREFUSED``..."""
        arguments = [address, str(port), marker or address, str(marker_port), str(PATIENCE)]
        done = subprocess.run(
            self.command(sys.executable, "-c", _ATTEMPT, *arguments), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{self.name} does not reach {marker or address} port {marker_port}: {done.stderr}"
        return done.stdout.strip()

    def close(self) -> None:
        for process in self._started:
            process.kill()
        for process in self._started:
            process.communicate()
        self._holder.communicate("")


class Gateway(Node):
    """The host that the module runs on. What it writes to /etc stays in memory and goes with the node."""

    def __init__(self) -> None:
        super().__init__("gateway")
        self.run(
            "mount -t tmpfs tmpfs /mnt; mkdir /mnt/etc /mnt/work;"
            "mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/etc,workdir=/mnt/work /etc;"
            # A systemd that runs this machine is none of the gateway's.
            "mkdir -p /mnt/run /run/systemd /run/inbound.mail; mount --bind /mnt/run /run/systemd;"
            "mount -t tmpfs tmpfs /run/inbound.mail"
        )

    def module(self, *, check_mode: bool = False, before: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the module, with words before its command."""
        arguments = {"ANSIBLE_MODULE_ARGS": {**options, "_ansible_check_mode": check_mode, "_ansible_diff": True}}
        name = "ansible_collections.inbound.mail.plugins.modules.firewall"
        return self.run(f"{before} {sys.executable} -m {name}", check=False, stdin=json.dumps(arguments))

    def firewall(self, **options: Any) -> dict[str, Any]:
        """Run the module; returns its result, whether it failed or not."""
        done = self.module(**options)
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def apply(self, flows: Sequence[dict[str, Any]], **options: Any) -> dict[str, Any]:
        """Run the module with the gateway's interfaces; it must succeed."""
        result = self.firewall(**{"name": "test", "interfaces": INTERFACES, "flows": list(flows), **options})
        assert not result.get("failed"), result["msg"]
        return result

    def refuse(self, flows: Sequence[dict[str, Any]], **options: Any) -> str:
        """Run the module; it must fail, change nothing, and say why."""
        before = self.state()
        result = self.firewall(**{"name": "test", "interfaces": INTERFACES, "flows": list(flows), **options})
        assert result.get("failed"), result
        assert self.state() == before
        return str(result["msg"])

    def state(self) -> dict[str, str]:
        """All that the module may change: rules, sysctls, and what was written to /etc."""
        return {
            "rules": self.run("nft --stateless list ruleset").stdout,
            "sysctls": self.run("sysctl -a -r '^net.ipv[46].*(forward|accept_ra)'").stdout,
            "files": self.run("cd /mnt/etc; find . ! -type d -printf '%p %l\n' -exec cat {} + 2>&1 | sort").stdout,
        }

    def rules(self) -> str:
        return self.run("nft list ruleset").stdout


class Network:
    """All nodes, joined."""

    def __init__(self) -> None:
        self.gateway = Gateway()
        self.nodes: dict[str, Node] = {name: Node(name) for name in ADDRESSES if name != "gateway"}
        self.nodes["gateway"] = self.gateway
        self._switches = {}
        for network in ("internet", "dmz", "lan"):
            switch = self._switches[network] = Node(network)
            switch.run("ip link add switch type bridge; ip link set switch up")
        for name, networks in ADDRESSES.items():
            for network, addresses in networks.items():
                self._plug(self.nodes[name], network, addresses)
        for name, networks in ADDRESSES.items():
            if name not in ("gateway", "outside", "stranger"):
                (network,) = networks
                self._route(name, network)
        # Neither has the outside a route to private addresses, nor would it answer one.
        for name in ("outside", "stranger"):
            self.nodes[name].run(
                "ip route add 198.51.100.0/24 via 203.0.113.1; ip route add 192.168.0.0/24 via 203.0.113.1;"
                "ip route add 2001:db8:1::/64 via 2001:db8:113::1; ip route add 2001:db8:10::/64 via 2001:db8:113::1"
            )

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    def wait_for_neighbours(self) -> None:
        """Every host knows the way before anything is measured: neighbour discovery is not what is tested."""
        for name, networks in ADDRESSES.items():
            if name != "gateway":
                gateways = [one.partition("/")[0] for network in networks for one in ADDRESSES["gateway"][network]]
                self.nodes[name].run(f"{sys.executable} -c '{_FIND}' {' '.join(gateways)}")

    def _plug(self, node: Node, network: str, addresses: Sequence[str]) -> None:
        switch = self._switches[network]
        port = f"to-{node.name}"
        switch.run(
            f"ip link add {port} type veth peer name {network} netns {node.pid}; ip link set {port} master switch up"
        )
        for address in addresses:
            # Addresses are the test's own: no need to look for somebody else who has them.
            node.run(f"ip address add {address} dev {network} {'nodad' if ':' in address else ''}")
        node.run(f"ip link set {network} up")

    def _route(self, name: str, network: str) -> None:
        for address in ADDRESSES["gateway"][network]:
            self.nodes[name].run(f"ip route add default via {address.partition('/')[0]}")

    def close(self) -> None:
        for node in (*self.nodes.values(), *self._switches.values()):
            node.close()


@contextmanager
def serving_network() -> Iterator[Network]:
    """Every node but the gateway serves, and knows its neighbours."""
    network = Network()
    try:
        for name, node in network.nodes.items():
            if name != "gateway":
                node.serve(PORTS)
        network.wait_for_neighbours()
        yield network
    finally:
        network.close()


@pytest.fixture(scope="module")
def whole_network() -> Iterator[Network]:
    with serving_network() as network:
        yield network


@pytest.fixture
def network(whole_network: Network) -> Iterator[Network]:
    """The network with a gateway that routes everything, and has no rules."""
    gateway = whole_network.gateway
    gateway.run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; nft flush ruleset")
    yield whole_network
    gateway.firewall(name="test", state="absent")
    gateway.run("nft flush ruleset; rm -rf /etc/inbound.mail /etc/sysctl.d/60-inbound-mail.conf")


@pytest.fixture
def gateway(network: Network) -> Gateway:
    return network.gateway


@pytest.fixture
def repository() -> Path:
    return Path(__file__).resolve().parents[3]
