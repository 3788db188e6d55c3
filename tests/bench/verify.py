"""path_check on many domains and many exchangers, beside checkdmarc on the same name servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from dns_programs import CACHE, RELEASE, ROOT, image_root
from memory import octets_of_tree
from name_server import Network
from named import Named
from rows import row

sys.path.insert(0, str(ROOT / "tests" / "integration" / "path_check"))

from world import MODULE, Resolver

CHECKERS = CACHE / "venv" / "checkers" / "bin"
HERE = Path(__file__).resolve().parent
DOMAINS, ROUNDS = 1_000, 3
# With a delay of the network checkdmarc is timed over so many, as it takes as long for each.
DOMAINS_OF_PEER = 100
DELAY = 0.030
HOSTS, THINKING = 500, 0.2
MANY_HOSTS, FEW_HOSTS = 1_000, 100
_LOOK_EVERY = 0.1

# MX with addresses, and nameservers: what both look at. It fails if a domain has no MX host.
_CHECKDMARC = """
import sys, checkdmarc
for domain in sys.stdin.read().split():
    found = checkdmarc.check_mx(domain, nameservers=sys.argv[1:])
    assert found["hosts"][0]["addresses"] == ["203.0.113.17"], found
    assert checkdmarc.check_ns(domain, nameservers=sys.argv[1:])["hostnames"]
"""


class Internet:
    """A resolver with the root zone, and two name servers with every domain."""

    def __init__(self, folder: Path, network: Network, count: int) -> None:
        self.network = network
        self.domains = [f"d{number:05}.test" for number in range(count)]
        self.servers = [Named(image_root(RELEASE), self._folder(folder / f"ns{n}"), network) for n in (1, 2)]
        addresses = "".join(f"ns{number} A {one.address}\n" for number, one in enumerate(self.servers, 1))
        apex = "$TTL 300\n@ SOA ns1.host.test. hostmaster 1 300 60 3600 60\n@ NS ns1.host.test.\n@ NS ns2.host.test.\n"
        for server in self.servers:
            for domain in ["host.test", *self.domains]:
                own = addresses if domain == "host.test" else "@ MX 10 mail\nmail A 203.0.113.17\n"
                (server.folder / f"{domain}.zone").write_text(apex + own)
                server.zones[domain] = f'zone "{domain}" {{ type primary; file "/srv/{domain}.zone"; }};'
            server.start()
        self.resolver = Resolver(image_root(RELEASE), self._folder(folder / "resolver"), network)
        lines = [
            "$TTL 300",
            "@ SOA a.root. nobody. 1 300 60 3600 60",
            "@ NS a.root.",
            f"a.root. A {self.resolver.address}",
        ]
        lines += [f"ns{number}.host.test. A {one.address}" for number, one in enumerate(self.servers, 1)]
        for domain in ["host.test", *self.domains]:
            lines += [f"{domain}. NS ns{number}.host.test." for number in (1, 2)]
        (self.resolver.folder / "root.zone").write_text("\n".join(lines) + "\n")
        self.resolver.start()

    @staticmethod
    def _folder(folder: Path) -> Path:
        folder.mkdir()
        return folder

    def clear_cache(self) -> None:
        self.resolver.stop()
        self.resolver.start()

    def records(self, count: int) -> list[dict[str, Any]]:
        return [
            record
            for domain in self.domains[:count]
            for record in (
                {"zone": domain, "name": domain, "type": "MX", "values": [f"10 mail.{domain}."]},
                {"zone": domain, "name": f"mail.{domain}", "type": "A", "values": ["203.0.113.17"]},
            )
        ]


def path_check(network: Network, **arguments: Any) -> tuple[float, float]:
    """Seconds and MiB at most of the module's process. It fails if there is a finding that is not accepted."""
    given = {"fail_on": "never", "public_networks": ["203.0.113.0/24", "198.18.0.0/15"], "deadline": 300, **arguments}
    began, most = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as told, tempfile.TemporaryFile("w+") as said:
        json.dump({"ANSIBLE_MODULE_ARGS": given}, told)
        told.seek(0)
        command = network.inside(sys.executable, "-m", MODULE)
        with subprocess.Popen(command, stdin=told, stdout=said, env=os.environ) as process:
            while True:
                try:
                    process.wait(timeout=_LOOK_EVERY)
                    break
                except subprocess.TimeoutExpired:
                    most = max(most, octets_of_tree(process.pid))
        seconds = time.monotonic() - began
        said.seek(0)
        result = json.load(said)
    if "findings" not in result:
        raise RuntimeError(f"path_check: {result}")
    unexpected = [finding for finding in result["findings"] if finding["status"] != "accepted"]
    if unexpected:
        raise RuntimeError(f"path_check: {unexpected[:3]}")
    return seconds, most / 2**20


def checkdmarc(internet: Internet, count: int) -> float:
    command = internet.network.inside(str(CHECKERS / "python"), "-c", _CHECKDMARC, internet.resolver.address)
    began = time.monotonic()
    subprocess.run(command, input="\n".join(internet.domains[:count]), text=True, check=True)
    return time.monotonic() - began


def domains(internet: Internet) -> list[dict]:
    """Each run with an empty cache, ours and theirs in turn."""

    def ours(count: int = DOMAINS) -> tuple[float, float]:
        internet.clear_cache()
        return path_check(
            internet.network,
            expectations={"records": internet.records(count)},
            resolvers=[internet.resolver.address],
            smtp=False,
        )

    def theirs(count: int) -> float:
        internet.clear_cache()
        return checkdmarc(internet, count)

    runs = [(ours(), theirs(DOMAINS)) for _round in range(ROUNDS)]
    few = ours(DOMAINS // 10)
    rows = [
        row(
            f"verify: {DOMAINS:,} domains' MX, addresses and delegation",
            median(seconds for (seconds, _memory), _peer in runs),
            "checkdmarc",
            median(peer for _ours, peer in runs),
            1 / 5,
        ),
        row(
            f"verify: memory, {DOMAINS:,} domains",
            max(memory for (_seconds, memory), _peer in runs),
            f"{DOMAINS // 10} domains",
            few[1],
            None,
            "MiB",
        ),
    ]
    with long_way(internet) as how:
        late = [(ours()[0], theirs(DOMAINS_OF_PEER)) for _round in range(ROUNDS)]
    rows.append(
        row(
            f"verify: {DOMAINS:,} domains, {DELAY * 1000:g} ms there and back ({how})",
            median(seconds for seconds, _peer in late),
            f"checkdmarc, {DOMAINS // DOMAINS_OF_PEER} times what {DOMAINS_OF_PEER} take",
            median(peer for _ours, peer in late) * DOMAINS / DOMAINS_OF_PEER,
            1 / 50,
        )
    )
    return rows


@contextmanager
def long_way(internet: Internet) -> Iterator[str]:
    """The delay in the network, and what makes it: the kernel, or where it cannot a relay that holds answers back."""
    network = internet.network
    netem = ("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", f"{DELAY / 2 * 1000:g}ms", "limit", "100000")
    if network.run(*netem, check=False).returncode == 0:
        yield "netem"
        network.run("tc", "qdisc", "del", "dev", "lo", "root")
        return
    addresses = [server.address for server in [*internet.servers, internet.resolver]]
    command = network.inside(sys.executable, str(HERE / "delay.py"), str(DELAY), *addresses)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as relay:
        assert relay.stdout is not None
        assert relay.stdout.readline() == "ready\n"
        try:
            yield "a relay: no netem in this kernel"
        finally:
            relay.kill()
            network.run("nft", "delete", "table", "ip", "delay")


@contextmanager
def slow_exchangers(network: Network) -> Iterator[list[dict[str, Any]]]:
    network.run("ip", "route", "add", "local", "198.18.0.0/16", "dev", "lo")
    command = network.inside(sys.executable, str(HERE / "slow_listener.py"), str(THINKING))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "ready\n"
        try:
            yield [
                {
                    "host": f"mx{number}",
                    "fqdn": "mail.example.org",
                    "addresses": [f"198.18.{number // 250}.{number % 250 + 1}"],
                    "domains": ["example.org"],
                }
                for number in range(MANY_HOSTS)
            ]
        finally:
            listener.kill()


def exchangers(network: Network) -> list[dict]:
    # With TLS the handshakes of five hundred servers on this machine would be measured too.
    in_clear = [{"id": "starttls-missing", "reason": "it is slow and no more"}]

    def ask(hosts: list[dict[str, Any]]) -> float:
        return path_check(network, expectations={"smtp": hosts}, accepted=in_clear)[0]

    with slow_exchangers(network) as hosts:
        runs = [(ask(hosts[:HOSTS]), ask(hosts[:1])) for _round in range(ROUNDS)]
        growth = [(ask(hosts), ask(hosts[:FEW_HOSTS])) for _round in range(ROUNDS)]
    return [
        row(
            f"verify: SMTP with {HOSTS} exchangers",
            median(ours for ours, _one in runs),
            "the slowest of them alone",
            median(one for _ours, one in runs),
            2,
        ),
        row(
            f"verify: SMTP with {MANY_HOSTS:,} exchangers",
            median(many for many, _few in growth),
            f"{MANY_HOSTS // FEW_HOSTS} times what {FEW_HOSTS} take",
            median(few for _many, few in growth) * MANY_HOSTS / FEW_HOSTS,
            1,
        ),
    ]


def run() -> list[dict]:
    network = Network()
    with tempfile.TemporaryDirectory() as folder:
        internet = Internet(Path(folder), network, DOMAINS)
        try:
            return [*domains(internet), *exchangers(network)]
        finally:
            for server in [*internet.servers, internet.resolver]:
                server.stop()
            network.close()
