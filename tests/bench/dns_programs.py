"""The programs that write DNS records, each told the same in its own way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))
sys.path.insert(0, str(ROOT / "tests" / "integration" / "dns"))

from debian_lab import image_root  # noqa: E402
from memory import octets_of_tree  # noqa: E402
from name_server import Key, Network  # noqa: E402
from named import Named  # noqa: E402

CACHE = Path(os.environ.get("INBOUND_MAIL_CACHE", Path.home() / ".cache" / "inbound-mail"))
PEERS = CACHE / "venv" / "peers" / "bin"
RELEASE = "trixie"
# Of one zone so many RRsets fit in an update.
_RRSETS_OF_UPDATE = 1000
# Seconds between two looks at the memory.
_LOOK_EVERY = 0.1

# Without those of the declaration, which take a while to read.
_NO_VARIABLES = ("-i", "localhost,", "-c", "local")

# RRsets by zone.
Zones = dict[str, list[dict]]


def mail_domain(name: str, exchange: str) -> list[dict]:
    """What it has; addresses first, since BIND takes no MX before them when they come one by one."""
    return [
        {"name": f"mail.{name}", "type": "A", "ttl": 3600, "values": ["203.0.113.17"]},
        {"name": f"mail.{name}", "type": "AAAA", "ttl": 3600, "values": ["2001:db8:1::17"]},
        {"name": name, "type": "MX", "ttl": 3600, "values": [f"10 {exchange}."]},
        {"name": name, "type": "TXT", "ttl": 3600, "values": ["v=spf1 mx -all"]},
        {"name": f"_dmarc.{name}", "type": "TXT", "ttl": 3600, "values": ["v=DMARC1; p=none"]},
    ]


def many_zones(count: int) -> Zones:
    names = [f"d{number:05}.example" for number in range(count)]
    return {name: mail_domain(name, f"mail.{name}") for name in names}


def one_zone(rrsets: int) -> Zones:
    # octodns-sync would send MX before the addresses of their hosts, if these were in the zone too, and be refused.
    domains = [mail_domain(f"d{number:05}.big.example", "mail.example.net") for number in range(rrsets // 5)]
    return {"big.example": [rrset for domain in domains for rrset in domain]}


def zone_file_line(rrset: dict) -> str:
    value = rrset["values"][0]
    text = f'"{value}"' if rrset["type"] == "TXT" else value
    return f"{rrset['name']}. {rrset['ttl']} {rrset['type']} {text}\n"


@dataclass(frozen=True)
class Cost:
    """Of a whole process. mebibytes: the most memory that it and its children had at once, 0 if nobody looked."""

    seconds: float
    mebibytes: float


class Programs:
    """A folder with the same declaration for each program, and servers in a network of their own, one at a time."""

    def __init__(self, folder: Path, zones: Zones) -> None:
        self.folder, self.zones = folder, zones
        self.network = Network()
        self.address, self.key = self.network.new_address(), Key("inbound-mail")
        self._declare_for_ansible()
        self._declare_for_octodns()
        self._declare_for_nsupdate()

    def close(self) -> None:
        self.network.close()

    @contextmanager
    def server(self, filled: bool = False) -> Iterator[None]:
        """With all zones; `filled`: and the wanted records in them."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        server = Named(image_root(RELEASE), folder, self.network, self.address, [self.key])
        policy = 'update-policy { grant "inbound-mail" zonesub ANY; }; allow-transfer { key "inbound-mail"; };'
        for zone, rrsets in self.zones.items():
            server.zone(zone, "".join(map(zone_file_line, rrsets)) if filled else "", policy)
        server.write_key_file()
        (folder / "batch").write_text(self._batch)
        server.start()
        self._in_server = server.inside
        try:
            yield
        finally:
            server.clear()

    # The programs; each has to succeed.

    def start(self, look: bool = False) -> Cost:
        """ansible-playbook without us: what a task that does nothing costs."""
        return self._cost(["ansible-playbook", *_NO_VARIABLES, "start.yml"], "ok=1", look)

    def reading(self) -> Cost:
        """The same with the declaration, which it does nothing with."""
        return self._cost(["ansible-playbook", "-i", "hosts", "reading.yml"], "ok=1", False)

    def passing(self) -> Cost:
        """The same with the declaration as an argument of a task that only keeps it."""
        return self._cost(["ansible-playbook", "-i", "hosts", "passing.yml"], "ok=1", False)

    def ours(self, changed: bool, look: bool = False) -> Cost:
        return self._cost(["ansible-playbook", "-i", "hosts", "records.yml"], f"changed={int(changed)} ", look)

    def octodns(self, changes: int, look: bool = False) -> Cost:
        command = [str(PEERS / "octodns-sync"), "--config-file", "octodns.yaml", "--doit"]
        return self._cost(command, f" {changes} total changes", look)

    def nsupdate(self, *words: str) -> Cost:
        """BIND's own, over UDP, or with -v over TCP."""
        return self._cost(self._in_server("/usr/bin/nsupdate", "-k", "/srv/key", *words, "/srv/batch"), "", False)

    def loop(self, records: int) -> Cost:
        """community.general.nsupdate for the first records, a module each."""
        rrsets = [{"zone": zone, **rrset} for zone, rrsets in self.zones.items() for rrset in rrsets][:records]
        options = {
            "server": self.address,
            "key_name": self.key.name,
            "key_secret": self.key.secret,
            "key_algorithm": self.key.algorithm,
            "zone": "{{ item.zone }}",
            "record": "{{ item.name }}.",
            "type": "{{ item.type }}",
            "ttl": "{{ item.ttl }}",
            "value": "{{ item['values'] }}",
        }
        self._playbook("loop", {"community.general.nsupdate": options, "loop": rrsets})
        return self._cost([str(PEERS / "ansible-playbook"), *_NO_VARIABLES, "loop.yml"], "changed=1 ", False)

    def _cost(self, command: list[str], says: str, look: bool) -> Cost:
        """Of the command, which must succeed and print `says`."""
        environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
        if command[0].startswith(str(PEERS)):
            # Its own Python finds its own packages.
            environment.pop("PYTHONPATH", None)
        octets = 0
        with (self.folder / "output").open("w+") as output:
            begin = time.monotonic()
            process = subprocess.Popen(
                self.network.inside(*command), cwd=self.folder, env=environment, stdout=output, stderr=output
            )
            if look:
                while process.poll() is None:
                    octets = max(octets, octets_of_tree(process.pid))
                    time.sleep(_LOOK_EVERY)
            process.wait()
            seconds = time.monotonic() - begin
            output.seek(0)
            said = output.read()
        if process.returncode or says not in said:
            raise RuntimeError(f"{' '.join(command)} did not say '{says}':\n{said[-3000:]}")
        return Cost(seconds, octets / 2**20)

    # What each of them reads

    def _declare_for_ansible(self) -> None:
        access = {"server": self.address, "key_name": self.key.name, "key_secret": self.key.secret}
        (self.folder / "group_vars").mkdir()
        (self.folder / "group_vars" / "mail.json").write_text(json.dumps({"access": access, "zones": self.zones}))
        (self.folder / "hosts").write_text("[mail]\nlocalhost ansible_connection=local\n")
        options = {name: f"{{{{ access.{name} }}}}" for name in access}
        self._playbook("records", {"inbound.mail.dns_records": {**options, "zones": "{{ zones }}"}})
        self._playbook("reading", {"ansible.builtin.assert": {"that": "zones is mapping", "quiet": True}})
        self._playbook("passing", {"ansible.builtin.set_fact": {"same": "{{ zones }}"}})
        self._playbook("start", {"ansible.builtin.debug": {"msg": "nothing else"}})

    def _playbook(self, name: str, task: dict) -> None:
        play = {"hosts": "localhost", "gather_facts": False, "tasks": [task]}
        (self.folder / f"{name}.yml").write_text(json.dumps([play]))

    def _declare_for_octodns(self) -> None:
        folder = self.folder / "octodns"
        folder.mkdir()
        for zone, rrsets in self.zones.items():
            records: dict[str, list[dict]] = {
                "": [{"type": "NS", "ttl": 300, "value": f"ns1.{zone}."}],
                "ns1": [{"type": "A", "ttl": 300, "value": self.address}],
            }
            for rrset in rrsets:
                name = rrset["name"].removesuffix(zone).rstrip(".")
                records.setdefault(name, []).append(_octodns_record(rrset))
            (folder / f"{zone}.yaml").write_text(json.dumps(records, sort_keys=True))  # JSON is YAML
        access = {
            "host": self.address,
            "key_name": self.key.name,
            "key_secret": self.key.secret,
            "key_algorithm": self.key.algorithm,
        }
        config = {
            "providers": {
                "config": {"class": "octodns.provider.yaml.YamlProvider", "directory": str(folder)},
                "bind": {"class": "octodns_bind.Rfc2136Provider", **access},
            },
            "zones": {"*": {"sources": ["config"], "targets": ["bind"]}},
        }
        (self.folder / "octodns.yaml").write_text(json.dumps(config))

    def _declare_for_nsupdate(self) -> None:
        """One update for each zone, or as few as it takes."""
        lines = [f"server {self.address}\n"]
        for zone, rrsets in self.zones.items():
            for batch in batched(rrsets, _RRSETS_OF_UPDATE):
                lines += [f"zone {zone}\n", *(f"update add {zone_file_line(rrset)}" for rrset in batch), "send\n"]
        self._batch = "".join(lines)


def _octodns_record(rrset: dict) -> dict:
    value = rrset["values"][0]
    if rrset["type"] == "MX":
        preference, exchange = value.split()
        value = {"preference": int(preference), "exchange": exchange}
    elif rrset["type"] == "TXT":
        value = value.replace(";", "\\;")
    return {"type": rrset["type"], "ttl": rrset["ttl"], "value": value}
