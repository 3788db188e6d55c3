"""What path_check, checkdmarc and Zonemaster say of the same broken zones: docs/comparison.md. `make comparison`

Each sees the same servers in a network of its own: a resolver with a root zone, two name servers, a listener on 25.
What a program says of the sound zone already, the laboratory itself most often, is not counted elsewhere.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dns_programs import RELEASE, ROOT, image_root
from name_server import Network
from verify import CHECKERS
from world import SOUND, World

DOCUMENT = ROOT / "docs" / "comparison.md"
PROGRAMS = ("path_check", "checkdmarc", "zonemaster-cli")


@dataclass
class Fault:
    """zones: of the two servers, None where one does not serve it; listener: how the exchanger behaves.

    names: for each program a pattern; what it says that matches it names the fault.
    """

    what: str
    names: tuple[str, str, str]
    zones: tuple[str | None, str | None] = (SOUND, SOUND)
    listener: str = "sound"
    start: dict[str, Any] = field(default_factory=dict)


def everywhere(what: str, zone: str, *names: str) -> Fault:
    """A fault that every server has."""
    return Fault(what, (names[0], names[1], names[2]), (zone, zone))


_NEVER = "(?!)"
SOUND_ZONE = Fault("nothing", (_NEVER, _NEVER, _NEVER))
# Zonemaster says so of the mailbox that the SOA record names, which is in the domain here.
_RNAME = "RNAME_MAIL_DOMAIN_INVALID"
FAULTS = [
    everywhere("no MX record, an address alone", "@ A @MX@\nmail A @MX@\n", "mx-implicit", "no MX", "Z09_MISSING"),
    everywhere("the MX names an alias", "@ MX 10 mail\nmail CNAME host\nhost A @MX@\n", "-cname", "CNAME", _RNAME),
    everywhere("the MX names an IP address", "@ MX 10 192.0.2.1\n", "-literal", "192.0.2.1", _RNAME),
    everywhere("the MX names a host without an address", "@ MX 10 mail\n", "-no-address", "not exist|not have", _RNAME),
    everywhere("a final dot was forgotten", "@ MX 10 mail.example.org\n", "-relative", "not exist", _RNAME),
    everywhere("a null MX beside another", "@ MX 0 .\n" + SOUND, "mx-null-with", "null MX", "Z09_NULL_MX"),
    everywhere("the MX names localhost", "@ MX 10 localhost.\n", "-localhost", "localhost", f"{_RNAME}|TLD"),
    everywhere(
        "a private address", "@ MX 10 mail\nmail A 192.168.0.10\n", "not-public", "private|1918", "MAIL.*PRIVATE"
    ),
    everywhere("the same host twice", "@ MX 20 mail\n" + SOUND, "mx-duplicate", "multiple MX", "DUPLICATE"),
    Fault(
        "the servers have different MX",
        ("mx-rrset-inconsistent", "[Ii]nconsistent|differ", "Z09_INCONSISTENT"),
        (SOUND, "@ MX 20 mail\nmail A @MX@\n"),
    ),
    Fault(
        "the servers have different serial numbers",
        ("serial-mismatch", "[Ss]erial", "MULTIPLE_SOA_SERIALS"),
        (SOUND, "@ SOA ns1 hostmaster 2 300 60 3600 60\n" + SOUND),
    ),
    Fault(
        "a server that does not serve the zone",
        ("ns-lame", "lame|REFUSED|not respond|fail", "IS_NOT_AUTHORITATIVE|UNEXPECTED_RCODE"),
        (SOUND, None),
    ),
    Fault("one nameserver only", ("ns-count", "[Oo]nly one|at least", "NOT_ENOUGH_NS"), start={"ns": "ns1"}),
    Fault("the parent knows one less", ("ns-parent", "parent", "EXTRA_NAME_CHILD"), start={"parent": "ns1"}),
    Fault("an address without a name", ("ptr-missing", "reverse DNS", "REVERSE"), start={"reverse": ""}),
    Fault("an open relay", ("open-relay", "relay", "RELAY"), listener="open"),
    Fault("a TLS handshake that fails", ("starttls-broken", "TLS|SSL", "TLS"), listener="broken-tls"),
    Fault("the domain is refused", ("domain-refused", "refus|denied", "DENIED"), listener="knows-no-domain"),
]


@contextmanager
def world(fault: Fault) -> Iterator[World]:
    network = Network()
    with tempfile.TemporaryDirectory() as folder:
        made = World(network, lambda: Path(tempfile.mkdtemp(dir=folder)), image_root(RELEASE))
        options = "check-names primary ignore; check-names secondary ignore;"
        made.start(*fault.zones, options=options, **fault.start).listen(fault.listener)
        try:
            yield made
        finally:
            made.end()
            network.close()


def inside(one: World, *command: str) -> list[str]:
    """In the world's network, where the system's resolver is its own: not all ask the one that they are told."""
    assert one.resolver is not None
    resolv = one.resolver.folder / "resolv.conf"
    resolv.write_text(f"nameserver {one.resolver.address}\n")
    script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    return one.network.inside("unshare", "--mount", "sh", "-c", script, "sh", str(resolv), *command)


def path_check(one: World) -> list[str]:
    return sorted({finding["id"] for finding in one.check()["findings"] if finding["status"] == "finding"})


_CHECKDMARC = """
import json, sys, checkdmarc
found = checkdmarc.check_mx("example.org", nameservers=sys.argv[1:], check_mx_tls=True, timeout=2.0)
names = checkdmarc.check_ns("example.org", nameservers=sys.argv[1:])
soa = checkdmarc.check_soa("example.org", nameservers=sys.argv[1:])
parts = [found, names, soa]
said = [text for part in parts for text in [*part.get("warnings", []), *([part["error"]] if "error" in part else [])]]
print(json.dumps(said))
"""


def checkdmarc(one: World) -> list[str]:
    assert one.resolver is not None
    command = [str(CHECKERS / "python"), "-c", _CHECKDMARC, one.resolver.address]
    done = subprocess.run(inside(one, *command), capture_output=True, text=True, check=True)
    # Addresses are others in each run.
    return sorted({re.sub(r"198\.51\.100\.\d+", "ADDRESS", text) for text in json.loads(done.stdout)})


def zonemaster(one: World) -> list[str]:
    assert one.resolver is not None
    with tempfile.NamedTemporaryFile("w", suffix=".hints") as hints:
        hints.write(f". 3600 NS a.root-servers.\na.root-servers. 3600 A {one.resolver.address}\n")
        hints.flush()
        words = ["--json", "--no-ipv6", "--no-progress", "--level", "NOTICE", "--hints", hints.name, "example.org"]
        command = inside(one, "zonemaster-cli", *words)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    try:
        found = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise RuntimeError(f"zonemaster-cli: {done.stdout[-500:]} {done.stderr[-500:]}") from None
    entries = found["results"] if isinstance(found, dict) else found
    return sorted({entry["tag"] for entry in entries})


JUDGES: dict[str, Callable[[World], list[str]]] = dict(zip(PROGRAMS, (path_check, checkdmarc, zonemaster)))


def ask(fault: Fault) -> dict[str, list[str]]:
    """Each with a network of its own: what one asked is in no cache for the next."""
    found = {}
    for name, judge in JUDGES.items():
        with world(fault) as made:
            found[name] = judge(made)
    return found


def cell(said: list[str], sound: list[str], names: str) -> str:
    new = [one for one in said if one not in sound]
    found = [one for one in new if re.search(names, one)]
    others = len(new) - len(found)
    return ("found" if found else "**missed**") + (f", and {others} more" if others else "")


def versions() -> str:
    script = "import importlib.metadata; print(importlib.metadata.version('checkdmarc'))"
    ours = subprocess.run(
        [CHECKERS / "python", "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()
    theirs = subprocess.run(["zonemaster-cli", "--version"], capture_output=True, text=True, check=True).stdout
    return f"checkdmarc {ours}, zonemaster-cli {theirs.split()[2]}"


def main() -> None:
    sound = ask(SOUND_ZONE)
    lines = [f"| | {' | '.join(PROGRAMS)} |", "| --- " * (len(PROGRAMS) + 1) + "|"]
    everything = {"sound": sound}
    for fault in FAULTS:
        found = everything[fault.what] = ask(fault)
        cells = [cell(found[name], sound[name], names) for name, names in zip(PROGRAMS, fault.names)]
        lines.append(f"| {fault.what} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    false = [f"- {name}: {', '.join(said) or 'nothing'}" for name, said in sound.items()]
    part = re.compile(r"(<!-- verdicts -->\n).*(<!-- end of verdicts -->)", re.DOTALL)
    content = f"{versions()}.\n\n" + "\n".join(lines) + "\n\nSaid of the sound zone:\n\n" + "\n".join(false) + "\n"
    text, count = part.subn(lambda match: f"{match[1]}{content}{match[2]}", DOCUMENT.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{DOCUMENT.name} has {count} places for the verdicts instead of one")
    DOCUMENT.write_text(text, encoding="utf-8")
    output = ROOT / "tests" / "output"
    output.mkdir(parents=True, exist_ok=True)
    (output / "verdicts.json").write_text(json.dumps(everything, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
