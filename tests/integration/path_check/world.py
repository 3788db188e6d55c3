# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small internet on loopback: a resolver with a root zone, name servers of example.org, and what listens on 25."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from name_server import ADDRESSES, Network
from named import Named

MODULE = "ansible_collections.inbound.mail.plugins.modules.path_check"
# Leaves what proc_pid_status(5) says of the process in the end. Its VmHWM is this program's alone; the ru_maxrss that
# wait4(2) gives has also what the process that started it had.
MEASURED = f"""
import atexit, os, runpy, shutil
atexit.register(shutil.copyfile, "/proc/self/status", os.environ["STATUS"])
runpy.run_module("{MODULE}", run_name="__main__")
"""
TTL = "$TTL 300\n"
# With those in which nobody listens.
PUBLIC_NETWORKS = [ADDRESSES, "198.51.100.0/24"]
# What a sound example.org has beside its apex; @MX@ is the exchanger's address.
SOUND = "@ MX 10 mail\nmail A @MX@\n"


class Resolver(Named):
    """Holds the root zone, and resolves what that delegates. key: the one that example.org has to be signed with."""

    key: str = ""

    def configuration(self) -> str:
        return (
            'options { directory "/srv"; pid-file "/srv/named.pid"; session-keyfile "/srv/session.key";\n'
            f"  listen-on port 53 {{ {self.address}; }}; query-source address {self.address};\n"
            f"  listen-on port 853 tls ephemeral {{ {self.address}; }};\n"
            "  listen-on-v6 { none; }; empty-zones-enable no;\n"
            f"  dnssec-validation {'yes' if self.key else 'no'};\n"
            "  recursion yes; allow-query { any; }; allow-recursion { any; }; };\n"
            'controls { }; zone "." { type primary; file "/srv/root.zone"; };\n'
            + (f"trust-anchors {{ example.org. static-key {self.key}; }};\n" if self.key else "")
        )

    def start(self) -> None:
        (self.folder / "named.conf").write_text(self.configuration())
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.inside("/usr/sbin/named", "-g", "-c", "/srv/named.conf"), stderr=log)
        self.await_log(" running\n")


@dataclass
class World:
    """mx: the address that mail.example.org has; nothing listens there before `listen`. trusted: a certificate."""

    network: Network
    new_folder: Callable[[], Path]
    root: Path
    servers: list[Named] = field(default_factory=list)
    listeners: list[subprocess.Popen[str]] = field(default_factory=list)
    resolver: Resolver | None = None
    mx: str = ""
    trusted: str = ""

    def __post_init__(self) -> None:
        self.mx = self.network.new_address()

    def text(self, records: str) -> str:
        return records.replace("@MX@", self.mx)

    def start(
        self,
        *zones: str | None,
        delegated: bool = True,
        ns: str = "ns1 ns2",
        options: str = "",
        more: Sequence[str] = (),
        root: str = "",
        parent: str | None = None,
        reverse: str = "PTR mail.example.org.",
        signed: bool | None = None,
    ) -> World:
        """A name server for each zone text of example.org; None: one that does not serve it.

        delegated, ns: whether and to which names; options: of named; more: further zones, each with the sound MX; root:
        more lines of the root zone; parent: the names that the parent has, if not those; reverse: what the exchanger's
        address has in the reverse zone; signed: whether the zone is signed, which the resolver demands then.
        """
        zones = zones or (SOUND, SOUND)
        for _zone in zones:
            server = Named(self.root, self.new_folder(), self.network)
            server.options = options
            self.servers.append(server)
        addresses = [server.address for server in self.servers]
        apex = "".join(f"@ NS {name}\n" for name in ns.split())
        apex += "".join(f"ns{number} A {address}\n" for number, address in enumerate(addresses, 1))
        for server, zone in zip(self.servers, zones):
            if zone is not None:
                soa = "" if "SOA" in zone else "@ SOA ns1 hostmaster 1 300 60 3600 60\n"
                (server.folder / "example.org.zone").write_text(TTL + soa + apex + self.text(zone))
                server.zones["example.org"] = 'zone "example.org" { type primary; file "/srv/example.org.zone"; };'
            for name in more:
                lines = "@ SOA ns1.example.org. hostmaster 1 300 60 3600 60\n"
                lines += "@ NS ns1.example.org.\n@ NS dead.example.org.\n"
                (server.folder / f"{name}.zone").write_text(f"{TTL}{lines}@ MX 10 mail.example.org.\n")
                server.zones[name] = f'zone "{name}" {{ type primary; file "/srv/{name}.zone"; }};'
        key = "" if signed is None else self._sign(signed)
        for server in self.servers:
            server.start()
        own = f"{ip_address(self.mx).reverse_pointer}."
        root += f"\n{own} {reverse.replace('@REVERSE@', own)}" if reverse else ""
        self._start_resolver(addresses, (ns if parent is None else parent).split() if delegated else [], root, key)
        return self

    def _sign(self, signed: bool) -> str:
        """Make a key, and sign with it what every server has, or not. Returns it as a trust anchor is written."""
        first = self.servers[0]
        new_key = ["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "-K", "/srv", "example.org"]
        subprocess.run(first.inside(*new_key), check=True, capture_output=True)
        if signed:
            plain = first.folder / "example.org.zone"
            sign = ["dnssec-signzone", "-q", "-S", "-z", "-K", "/srv", "-o", "example.org", "-f", "/srv/signed"]
            subprocess.run(first.inside(*sign, f"/srv/{plain.name}"), check=True, capture_output=True)
            for server in self.servers:
                (server.folder / plain.name).write_text((first.folder / "signed").read_text())
        (public,) = first.folder.glob("Kexample.org.*.key")
        *_owner, flags, protocol, algorithm, key = public.read_text().strip().split("\n")[-1].split(maxsplit=6)
        return f'{flags} {protocol} {algorithm} "{key.replace(" ", "")}"'

    def _start_resolver(self, addresses: list[str], names: list[str], more: str, key: str) -> None:
        self.resolver = Resolver(self.root, self.new_folder(), self.network)
        self.resolver.key = key
        lines = ["@ SOA a.root-servers. nobody. 1 300 60 3600 60", "@ NS a.root-servers."]
        lines.append(f"a.root-servers. A {self.resolver.address}")
        lines += [f"example.org. NS {name}.example.org." for name in names]
        lines.append(more)
        if names:
            lines += [f"ns{number}.example.org. A {address}" for number, address in enumerate(addresses, 1)]
        (self.resolver.folder / "root.zone").write_text(TTL + "\n".join(lines) + "\n")
        self.resolver.start()

    def misbehave(self, number: int, behaviour: str) -> None:
        """In place of that name server one that serves the same zone in an odd way; odd_name_server.py has the ways."""
        server = self.servers[number]
        server.stop()
        self._run(
            "odd_name_server.py", server.address, behaviour, str(server.folder / "example.org.zone"), "example.org"
        )

    def serve_policy(self, mode: str) -> None:
        """An MTA-STS policy, at the exchanger's address; policy_server.py has the modes."""
        certificate = self.new_folder() / "certificate.pem"
        self._run("policy_server.py", self.mx, str(certificate), mode)
        self.trusted = str(certificate)

    def listen(self, behaviour: str = "sound", address: str = "") -> subprocess.Popen[str]:
        return self._run("listener.py", address or self.mx, behaviour)

    def _run(self, script: str, *words: str) -> subprocess.Popen[str]:
        command = self.network.inside(sys.executable, str(Path(__file__).with_name(script)), *words)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.listeners.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def heard(self, listener: subprocess.Popen[str]) -> list[str]:
        """The lines that clients sent to it. It is ended."""
        listener.kill()
        assert listener.stdout is not None
        return listener.stdout.read().splitlines()

    def check(self, **arguments: Any) -> dict[str, Any]:
        """What the module returns, run in this network."""
        given = {
            "domain": None if "expectations" in arguments else "example.org",
            "resolvers": [self.resolver.address] if self.resolver else [],
            "public_networks": PUBLIC_NETWORKS,
            "fail_on": "never",
            "timeout": 1.5,
            "smtp_timeout": 2,
            **arguments,
        }
        document = json.dumps(
            {"ANSIBLE_MODULE_ARGS": {key: value for key, value in given.items() if value is not None}}
        )
        env = {**os.environ, **({"SSL_CERT_FILE": self.trusted} if self.trusted else {})}
        done = subprocess.run(
            self.network.inside(sys.executable, "-m", MODULE),
            input=document, env=env, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.stdout.strip(), done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def cost(self, **arguments: Any) -> tuple[dict[str, Any], int, float, float]:
        """What the module returns, the packets that it sent, its most memory in MiB, and its seconds."""
        group = "12345"
        table = (
            f"table inet cost {{ chain out {{ type filter hook output priority 0; meta skgid {group} counter; }}; }}"
        )
        self.network.run("nft", table)
        with NamedTemporaryFile("w+") as told, NamedTemporaryFile("w+") as said, NamedTemporaryFile("w+") as status:
            resolvers = [self.resolver.address] if self.resolver else []
            given = {"resolvers": resolvers, "fail_on": "never", "timeout": 1.5, "smtp_timeout": 2, **arguments}
            json.dump({"ANSIBLE_MODULE_ARGS": given}, told)
            told.seek(0)
            command = self.network.inside("setpriv", "--regid", group, "--clear-groups", sys.executable, "-c", MEASURED)
            os.chmod(status.name, 0o666)
            began = time.monotonic()
            subprocess.run(command, stdin=told, stdout=said, env={**os.environ, "STATUS": status.name}, check=False)
            seconds = time.monotonic() - began
            result: dict[str, Any] = json.loads(Path(said.name).read_text(encoding="utf-8"))
            (most,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(status.name).read_text(encoding="ascii"))
        listed = json.loads(self.network.run("nft", "--json", "list", "table", "inet", "cost").stdout)
        self.network.run("nft", "delete", "table", "inet", "cost")
        (rule,) = [one["rule"] for one in listed["nftables"] if "rule" in one]
        (packets,) = [step["counter"]["packets"] for step in rule["expr"] if "counter" in step]
        return result, packets, int(most) / 1024, seconds

    def ids(self, **arguments: Any) -> list[str]:
        """The ids of what was found; those that are unknown with a question mark."""
        return self.found(self.check(**arguments))

    @staticmethod
    def found(result: dict[str, Any]) -> list[str]:
        assert "findings" in result, result
        return sorted({f"{one['id']}{'?' if one['status'] == 'unknown' else ''}" for one in result["findings"]})

    def end(self) -> None:
        for listener in self.listeners:
            listener.kill()
            listener.wait()
        for server in [*self.servers, *([self.resolver] if self.resolver else [])]:
            server.clear()
        self.listeners, self.servers, self.resolver = [], [], None


def expectations(world: World, **more: Any) -> dict[str, Any]:
    """What a plan expects of the sound world."""
    return {
        "records": [
            {"zone": "example.org", "name": "example.org", "type": "MX", "values": ["10 mail.example.org."]},
            {"zone": "example.org", "name": "mail.example.org", "type": "A", "values": [world.mx]},
        ],
        "ports": [{"host": "mail", "address": world.mx, "open": True}],
        "smtp": [{"host": "mail", "fqdn": "mail.example.org", "addresses": [world.mx], "domains": ["example.org"]}],
        **more,
    }
