"""dns_records on 1,000 zones at a real named, beside octodns-sync, and for each record beside a loop of nsupdate."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))
sys.path.insert(0, str(ROOT / "tests" / "integration" / "dns"))

from debian_lab import image_root  # noqa: E402
from name_server import Network  # noqa: E402
from named import Named  # noqa: E402

CACHE = Path(os.environ.get("INBOUND_MAIL_CACHE", Path.home() / ".cache" / "inbound-mail"))
PEERS = CACHE / "venv" / "peers" / "bin"
RELEASE = "trixie"
ZONES = [f"d{number:03}.example" for number in range(1000)]
RRSETS = 5 * len(ZONES)
ROUNDS = 3
# The nsupdate loop is timed over so many records, and over a few more, so that its start does not count.
FEW, MANY = 5, 55


def rrsets(zone: str) -> list[dict]:
    """What a mail domain has; addresses first, since BIND takes no MX before them when they come one by one."""
    return [
        {"name": f"mail.{zone}", "type": "A", "ttl": 3600, "values": ["203.0.113.17"]},
        {"name": f"mail.{zone}", "type": "AAAA", "ttl": 3600, "values": ["2001:db8:1::17"]},
        {"name": zone, "type": "MX", "ttl": 3600, "values": [f"10 mail.{zone}."]},
        {"name": zone, "type": "TXT", "ttl": 3600, "values": ["v=spf1 mx -all"]},
        {"name": f"_dmarc.{zone}", "type": "TXT", "ttl": 3600, "values": ["v=DMARC1; p=none"]},
    ]


def zone_file(zone: str) -> str:
    def text(rrset: dict) -> str:
        value = rrset["values"][0]
        return f'"{value}"' if rrset["type"] == "TXT" else value

    return "".join(f"{rrset['name']}. {rrset['ttl']} {rrset['type']} {text(rrset)}\n" for rrset in rrsets(zone))


class Bench:
    """A folder with the same declaration for each program, and servers in a network of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network = Network()

    @contextmanager
    def server(self, filled: bool) -> Iterator[Named]:
        """All zones, with the wanted records or empty; and what the programs need to know of the server."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        server = Named(image_root(RELEASE), folder, self.network)
        policy = 'update-policy { grant "inbound-mail" zonesub ANY; }; allow-transfer { key "inbound-mail"; };'
        for zone in ZONES:
            server.zone(zone, zone_file(zone) if filled else "", policy)
        server.start()
        self.declare_for_ansible(server)
        self.declare_for_octodns(server)
        try:
            yield server
        finally:
            server.clear()

    def declare_for_ansible(self, server: Named) -> None:
        access = {"server": server.address, "key_name": server.key.name, "key_secret": server.key.secret}
        (self.folder / "group_vars").mkdir(exist_ok=True)
        variables = {"access": access, "zones": {zone: rrsets(zone) for zone in ZONES}}
        (self.folder / "group_vars" / "all.json").write_text(json.dumps(variables))
        (self.folder / "hosts").write_text("localhost ansible_connection=local\n")
        options = {name: f"{{{{ access.{name} }}}}" for name in access}
        self.playbook("records", {"inbound.mail.dns_records": {**options, "zones": "{{ zones }}"}})
        for count in (FEW, MANY):
            records = [{"zone": zone, **rrset} for zone in ZONES[: count // 5] for rrset in rrsets(zone)]
            options = {
                "server": server.address,
                "key_name": server.key.name,
                "key_secret": server.key.secret,
                "key_algorithm": server.key.algorithm,
                "zone": "{{ item.zone }}",
                "record": "{{ item.name }}.",
                "type": "{{ item.type }}",
                "ttl": "{{ item.ttl }}",
                "value": "{{ item['values'] }}",
            }
            self.playbook(f"nsupdate-{count}", {"community.general.nsupdate": options, "loop": records})

    def playbook(self, name: str, task: dict) -> None:
        play = {"hosts": "localhost", "gather_facts": False, "tasks": [task]}
        (self.folder / f"{name}.yml").write_text(json.dumps([play]))

    def declare_for_octodns(self, server: Named) -> None:
        zones = self.folder / "octodns"
        shutil.rmtree(zones, ignore_errors=True)
        zones.mkdir()
        for zone in ZONES:
            apex = [
                {"type": "MX", "ttl": 3600, "values": [{"preference": 10, "exchange": f"mail.{zone}."}]},
                {"type": "NS", "ttl": 300, "value": f"ns1.{zone}."},
                {"type": "TXT", "ttl": 3600, "value": "v=spf1 mx -all"},
            ]
            mail = [
                {"type": "A", "ttl": 3600, "value": "203.0.113.17"},
                {"type": "AAAA", "ttl": 3600, "value": "2001:db8:1::17"},
            ]
            records = {
                "": apex,
                "_dmarc": {"type": "TXT", "ttl": 3600, "value": "v=DMARC1\\; p=none"},
                "mail": mail,
                "ns1": {"type": "A", "ttl": 300, "value": server.address},
            }
            (zones / f"{zone}.yaml").write_text(json.dumps(records, sort_keys=True))  # JSON is YAML
        key = {
            "key_name": server.key.name,
            "key_secret": server.key.secret,
            "key_algorithm": server.key.algorithm,
        }
        config = {
            "providers": {
                "config": {"class": "octodns.provider.yaml.YamlProvider", "directory": str(zones)},
                "bind": {"class": "octodns_bind.Rfc2136Provider", "host": server.address, **key},
            },
            "zones": {"*": {"sources": ["config"], "targets": ["bind"]}},
        }
        (self.folder / "octodns.yaml").write_text(json.dumps(config))

    def seconds(self, *command: str, says: str) -> float:
        """How long the whole process takes, which must succeed and print `says`."""
        environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
        if command[0].startswith(str(PEERS)):
            # Its own Python finds its own packages.
            environment = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
        start = time.monotonic()
        done = subprocess.run(
            self.network.inside(*command), cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - start
        output = done.stdout + done.stderr
        if done.returncode or says not in output:
            raise RuntimeError(f"{command[0]} did not say '{says}':\n{output[-3000:]}")
        return seconds

    def ours(self, says: str) -> float:
        return self.seconds("ansible-playbook", "-i", "hosts", "records.yml", says=says)

    def octodns(self, says: str) -> float:
        return self.seconds(str(PEERS / "octodns-sync"), "--config-file", "octodns.yaml", "--doit", says=says)

    def nsupdate(self, count: int) -> float:
        return self.seconds(str(PEERS / "ansible-playbook"), "-i", "hosts", f"nsupdate-{count}.yml", says="changed=1")


def row(what: str, ours: float, peer: str, theirs: float, aim: float) -> dict:
    ratio = ours / theirs
    return {
        "what": what,
        "ours_s": round(ours, 6) if ours < 0.01 else round(ours, 2),
        "peer": peer,
        "peer_s": round(theirs, 3),
        "ratio": round(ratio, 5) if ratio < 0.01 else round(ratio, 2),
        "aim": f"<= {aim:g}",
        "holds": "yes" if ratio <= aim else "no",
    }


def run() -> list[dict]:
    """Ours and octodns-sync in turn, medians of whole processes; nsupdate once, since it is far off."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        same_ours, same_theirs, new_ours, new_theirs = [], [], [], []
        with bench.server(filled=True):
            for _round in range(ROUNDS):
                same_ours.append(bench.ours("changed=0"))
                same_theirs.append(bench.octodns("0 total changes"))
        for _round in range(ROUNDS):
            with bench.server(filled=False):
                new_ours.append(bench.ours("changed=1"))
            with bench.server(filled=False):
                new_theirs.append(bench.octodns(f"{RRSETS} total changes"))
        with bench.server(filled=False):
            few = bench.nsupdate(FEW)
        with bench.server(filled=False):
            one_record = (bench.nsupdate(MANY) - few) / (MANY - FEW)
        bench.network.close()
    title = f"{len(ZONES)} zones, 5 RRsets each, median of {ROUNDS}"
    median = statistics.median
    return [
        row(f"{title}: nothing to change", median(same_ours), "octodns-sync", median(same_theirs), 0.5),
        row(f"{title}: all to write", median(new_ours), "octodns-sync", median(new_theirs), 1.0),
        row("the same for each record", median(new_ours) / RRSETS, "a loop of nsupdate", one_record, 1 / 200),
    ]


if __name__ == "__main__":
    for line in run():
        print(line)
