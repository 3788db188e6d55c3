"""firewall on a gateway in namespaces: how long a thousand forwards take to apply, and what they cost a connection."""

from __future__ import annotations

import ipaddress
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from ansible_collections.inbound.mail.plugins.module_utils._firewall.allow_rules import allow_rules
from ansible_collections.inbound.mail.plugins.module_utils._firewall.flow_reader import read_flows
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers import iptables_rules, iptables_tree
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.nft import render
from ansible_collections.inbound.mail.tests.integration.firewall.conftest import INTERFACES, Gateway, Network
from rows import row

FORWARDS = 1_000
APPLY_ROUNDS = 5
# The module alone, without Ansible around it: what is compared is small beside a task.
MODULE_ROUNDS = 15
# ansible.builtin.iptables is timed over so many items, and over a few more, so that its start does not count.
LOOP, LONGER_LOOP = 5, 55
CONNECTION_ROUNDS = 7
# Seconds in which connections are counted, and the client's addresses: enough that no port is used again before the
# gateway has forgotten the connection.
PERIOD, CLIENT_ADDRESSES = 2.0, [f"203.0.113.{number}" for number in range(100, 228)]

_NO_VARIABLES = ("-i", "localhost,", "-c", "local")
# A reset ends each connection at both ends at once, and nothing waits.
_CLIENT = """
import itertools, socket, struct, sys, time
sources = itertools.cycle(sys.argv[2:])
reset = struct.pack("ii", 1, 0)
count, end = 0, time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    connection.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
    connection.bind((next(sources), 0))
    connection.connect(("203.0.113.1", 25))
    connection.close()
    count += 1
print(count)
"""
_SERVER = """
import socket
server = socket.create_server(("0.0.0.0", 25), backlog=4096)
print("ready", flush=True)
while True:
    server.accept()[0].close()
"""
_MODULE = Path(__file__).resolve().parents[2] / "plugins" / "modules" / "firewall.py"


def forwards(count: int) -> list[dict]:
    """The first one is that of the bench; the others have public addresses of their own, below it and above."""
    used = ipaddress.ip_address("203.0.113.1")
    addresses = [used, *(used + number for number in range(-(count // 2), count - count // 2) if number)]
    return [
        {
            "name": f"mx{number}",
            "action": "forward",
            "source": ["wan"],
            "public_address": str(address),
            "targets": [{"address": "192.168.0.10"}],
        }
        for number, address in enumerate(addresses)
    ]


def table(count: int) -> str:
    """Ours, as it is loaded."""
    return render("bench", read_flows(forwards(count), INTERFACES)).script()


def chain(count: int) -> str:
    """The same forwards by hand, a rule each: the one that is used last."""
    rules = [
        f"iifname internet ip daddr {one['public_address']} tcp dport 25 dnat ip to 192.168.0.10"
        for one in reversed(forwards(count))
    ]
    hook = "type nat hook prerouting priority dstnat; policy accept;"
    return f"table inet bench {{\n chain prerouting {{\n  {hook}\n  " + "\n  ".join(rules) + "\n }\n}\n"


def beside_iptables(first: Sequence[str]) -> str:
    """What iptables-restore takes: somebody's rules that drop what is routed, and these before them."""
    others = ["-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A FORWARD -j DROP"]
    return "\n".join(["*filter", *first, *others, "COMMIT", ""])


def opening_by_hand() -> str:
    return beside_iptables(["-A FORWARD -d 192.168.0.10/32 -p tcp -m tcp --dport 25 -j ACCEPT"])


def openings(count: int) -> str:
    """Those that ours makes for so many forwards, as it makes them."""
    found = iptables_rules.rules(allow_rules(read_flows(forwards(count), INTERFACES)), [4])
    chains = iptables_tree.tree("bench", "bench", (rule.partition(" ")[2] for rule in found))
    return beside_iptables([*iptables_rules.rules_of(chains), "-A FORWARD -j bench"])


def openings_in_one_chain(count: int) -> str:
    found = iptables_rules.rules(allow_rules(read_flows(forwards(count), INTERFACES)), [4])
    rules = [rule.partition(" ")[2] for rule in found]
    # The one that is used comes last.
    rules.sort(key=lambda rule: "203.0.113.1 " in rule)
    return beside_iptables([*iptables_rules.rules_of({"bench": rules}), "-A FORWARD -j bench"])


class Bench:
    """A gateway, and a folder with playbooks for it."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.network, self.folder = network, folder
        self.gateway: Gateway = network.gateway
        self.gateway.run("sysctl -qw net.ipv4.ip_forward=1")
        (folder / "library").mkdir()
        # The same module, which has its arguments checked and does nothing with them.
        does, does_nothing = "exit_json(**run(module))", "exit_json(changed=False)"
        source = _MODULE.read_text()
        assert does in source
        self.nothing_module = folder / "library" / "nothing.py"
        self.nothing_module.write_text(source.replace(does, does_nothing))

    def clear(self) -> None:
        self.gateway.run("nft flush ruleset; rm -rf /etc/inbound.mail")

    # How long it takes

    def ours(self, count: int, module: str = "inbound.mail.firewall") -> float:
        return self._playbook({module: {"name": "bench", "interfaces": INTERFACES, "flows": forwards(count)}})

    def nothing(self, count: int) -> float:
        """What Ansible takes to bring the same flows to a module."""
        return self.ours(count, "nothing")

    def items(self, count: int) -> float:
        """A module for each forward."""
        options = {
            "table": "nat",
            "chain": "PREROUTING",
            "in_interface": "internet",
            "destination": "{{ item }}",
            "protocol": "tcp",
            "destination_port": "25",
            "jump": "DNAT",
            "to_destination": "192.168.0.10",
        }
        return self._playbook(
            {"ansible.builtin.iptables": options, "loop": [one["public_address"] for one in forwards(count)]}
        )

    def own_work(self, count: int) -> float:
        """What the module does itself: without its start, and without having its arguments checked."""
        self.clear()
        arguments = {"name": "bench", "interfaces": INTERFACES, "flows": forwards(count)}
        stdin = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
        whole, start = (
            self._seconds(lambda program=program: self.gateway.run(f"{sys.executable} {program}", stdin=stdin))
            for program in (_MODULE, self.nothing_module)
        )
        return whole - start

    def nft(self, script: str) -> float:
        return self._seconds(lambda: self.gateway.run("nft -f -", stdin=script))

    def _playbook(self, task: dict) -> float:
        play = self.folder / "play.yml"
        play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
        return self._seconds(lambda: self.gateway.run(f"ansible-playbook {' '.join(_NO_VARIABLES)} {play}"))

    @staticmethod
    def _seconds(action: Callable[[], object]) -> float:
        begin = time.monotonic()
        action()
        return time.monotonic() - begin

    # What a connection costs

    def serve(self) -> None:
        """Raise the limits that a bench of one client would run into, and answer."""
        outside, mail = self.network["outside"], self.network["mail"]
        outside.run("; ".join(f"ip address add {address}/24 dev internet" for address in CLIENT_ADDRESSES))
        outside.run("sysctl -qw net.ipv4.ip_local_port_range='1024 65535'")
        mail.run("sysctl -qw net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=4096")
        self.gateway.run("sysctl -qw net.netfilter.nf_conntrack_max=4194304")
        server = mail.start(sys.executable, "-uc", _SERVER)
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"

    def connections(self, script: str, of_iptables: str) -> float:
        """A second, with these rules of nft and iptables alone."""
        self.gateway.run("nft flush ruleset; nft -f -", stdin=script)
        if of_iptables:
            self.gateway.run("iptables-restore", stdin=of_iptables)
        self.gateway.run("conntrack -F", check=False)
        client = self.network["outside"].start(sys.executable, "-c", _CLIENT, str(PERIOD), *CLIENT_ADDRESSES)
        count, complaints = client.communicate(timeout=60)
        if client.returncode:
            raise RuntimeError(complaints)
        return int(count) / PERIOD


def apply_rows(bench: Bench) -> list[dict]:
    one, many, same, nothing = [], [], [], []
    for _round in range(APPLY_ROUNDS):
        bench.clear()
        one.append(bench.ours(1))
        bench.clear()
        many.append(bench.ours(FORWARDS))
        same.append(bench.ours(FORWARDS))
        nothing.append(bench.nothing(FORWARDS))
    own, own_for_one, nft = [], [], []
    for _round in range(MODULE_ROUNDS):
        own.append(bench.own_work(FORWARDS))
        own_for_one.append(bench.own_work(1))
        bench.clear()
        nft.append(bench.nft(table(FORWARDS)))
    bench.clear()
    short = bench.items(LOOP)
    bench.clear()
    item = (bench.items(LONGER_LOOP) - short) / (LONGER_LOOP - LOOP)
    bench.clear()
    title, fixed = f"{FORWARDS:,} forwards, median of {APPLY_ROUNDS}", median(one)
    own_title = f"{FORWARDS:,} forwards, median of {MODULE_ROUNDS}: the module, less its start and check of options"
    passed_on = "the same flows passed to the module when it does nothing"
    return [
        row(
            f"{title}: applied",
            median(many),
            f"a loop of ansible.builtin.iptables ({item:.2f} s each)",
            short + item * (FORWARDS - LOOP),
            0.1,
        ),
        row(f"{title}: applied", median(many), passed_on, median(nothing), None),
        row(own_title, median(own), "nft -f of the same table", median(nft), None),
        row(
            f"{own_title}, and less the {median(own_for_one):.3f} s that are left so of one forward",
            median(own) - median(own_for_one),
            "nft -f of the same table",
            median(nft),
            1.5,
        ),
        row(f"{title}: nothing to change", median(same), "a task that applies one forward", fixed, None),
        row(f"{title}: nothing to change", median(same), passed_on, median(nothing), None),
    ]


def connection_rows(bench: Bench) -> list[dict]:
    sizes, one, linear = (1, 100, FORWARDS), "one rule by hand", "a rule for each"
    alone = {one: (chain(1), ""), linear: (chain(FORWARDS), "")}
    alone |= {str(size): (table(size), "") for size in sizes}
    beside = {one: (chain(1), opening_by_hand()), linear: (table(FORWARDS), openings_in_one_chain(FORWARDS))}
    beside |= {str(size): (table(size), openings(size)) for size in sizes}
    bench.serve()
    rows = []
    for rules, where in ((alone, ""), (beside, " beside iptables")):
        seconds = _seconds_a_connection(bench, rules)
        for size, peer, aim in (*((size, one, 1 / 0.95) for size in sizes), (FORWARDS, linear, None)):
            title = f"a new connection{where}, {size:,} forward{'s' if size > 1 else ''}, median of {CONNECTION_ROUNDS}"
            rows.append(row(title, 1e6 * seconds[str(size)], peer, 1e6 * seconds[peer], aim, "µs"))
    return rows


def _seconds_a_connection(bench: Bench, rules: Mapping[str, tuple[str, str]]) -> dict[str, float]:
    """The median by name; the inverse of what is seen, as a ratio below 1 is good in this table."""
    seen: dict[str, list[float]] = {name: [] for name in rules}
    for number in range(CONNECTION_ROUNDS):
        # Each comes after another one in each round.
        names = list(rules)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            seen[name].append(bench.connections(*rules[name]))
    return {name: 1 / median(counts) for name, counts in seen.items()}


def run() -> list[dict]:
    network = Network()
    try:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(network, Path(folder))
            return [*apply_rows(bench), *connection_rows(bench)]
    finally:
        network.close()


if __name__ == "__main__":
    for line in run():
        print(line)
