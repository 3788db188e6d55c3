"""dns_records on real zones of a real named, beside octodns-sync, BIND's nsupdate and a loop of the nsupdate module."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from dns_programs import Programs, Zones, many_zones, one_zone
from rows import row

# How many zones of 5 RRsets, how many RRsets in one zone; and how often each program is run.
FEW_ZONES, FEW_ROUNDS = 1_000, 3
MANY_ZONES, MANY_ROUNDS = 10_000, 1
ONE_ZONE, ONE_ROUNDS = 10_000, 3
# The loop is timed over so many records, and over a few more, so that its start does not count.
LOOP, LONGER_LOOP = 5, 55
OCTODNS, NSUPDATE = "octodns-sync", "BIND's nsupdate with a batch file"
READING = "ansible-playbook that only reads the declaration"
PASSING = "set_fact with the declaration as its argument"


@contextmanager
def programs(zones: Zones) -> Iterator[Programs]:
    with tempfile.TemporaryDirectory() as folder:
        made = Programs(Path(folder), zones)
        try:
            yield made
        finally:
            made.close()


@dataclass
class Measured:
    """Seconds of whole processes, round by round; and the most memory at once, in MiB.

    start: of ansible-playbook with a task that does nothing; reading: the same with the declaration, of which it only
    looks whether it is there; passing: the same with a task that has it as an argument and only keeps it; same: nothing
    to change; new: all to write.
    """

    start: list[float] = field(default_factory=list)
    reading: list[float] = field(default_factory=list)
    passing: list[float] = field(default_factory=list)
    same: list[float] = field(default_factory=list)
    same_octodns: list[float] = field(default_factory=list)
    new: list[float] = field(default_factory=list)
    new_octodns: list[float] = field(default_factory=list)
    new_udp: list[float] = field(default_factory=list)
    new_tcp: list[float] = field(default_factory=list)
    memory_of_start: float = 0
    memory: float = 0
    memory_of_octodns: float = 0

    @property
    def work_same(self) -> float:
        """Seconds of ours without the start."""
        return median(self.same) - median(self.start)

    @property
    def work_new(self) -> float:
        return median(self.new) - median(self.start)


def measure(zones: Zones, rounds: int) -> Measured:
    """All programs in turn, round after round; each write to a new server; the memory in a round of its own."""
    rrsets = sum(map(len, zones.values()))
    seen = Measured()
    with programs(zones) as run:
        with run.server(filled=True):
            for _round in range(rounds):
                seen.start.append(run.start().seconds)
                seen.reading.append(run.reading().seconds)
                seen.passing.append(run.passing().seconds)
                seen.same.append(run.ours(changed=False).seconds)
                seen.same_octodns.append(run.octodns(changes=0).seconds)
        for _round in range(rounds):
            with run.server():
                seen.new.append(run.ours(changed=True).seconds)
            with run.server():
                seen.new_octodns.append(run.octodns(changes=rrsets).seconds)
            with run.server():
                seen.new_udp.append(run.nsupdate().seconds)
            with run.server():
                seen.new_tcp.append(run.nsupdate("-v").seconds)
        seen.memory_of_start = run.start(look=True).mebibytes
        with run.server():
            seen.memory = run.ours(changed=True, look=True).mebibytes
        with run.server():
            seen.memory_of_octodns = run.octodns(changes=rrsets, look=True).mebibytes
    return seen


def rows_of(title: str, rounds: int, seen: Measured) -> list[dict]:
    title += f", median of {rounds}" if rounds > 1 else ", once"
    start = f"without the {median(seen.start):.2f} s of ansible-playbook's start"
    nsupdate = min(median(seen.new_udp), median(seen.new_tcp))
    return [
        row(f"{title}: nothing to change", median(seen.same), OCTODNS, median(seen.same_octodns), 0.5),
        row(f"{title}: nothing to change", median(seen.same), READING, median(seen.reading), None),
        row(f"{title}: nothing to change", median(seen.same), PASSING, median(seen.passing), None),
        row(f"{title}: all to write", median(seen.new), OCTODNS, median(seen.new_octodns), 1.0),
        row(f"{title}: all to write, {start}", seen.work_new, NSUPDATE, nsupdate, 2.0),
        row(f"{title}: memory, all to write", seen.memory, OCTODNS, seen.memory_of_octodns, None, unit="MiB"),
    ]


def one_record(zones: Zones) -> float:
    """Seconds that the loop takes for each record."""
    with programs(zones) as run:
        with run.server():
            short = run.loop(LOOP).seconds
        with run.server():
            long = run.loop(LONGER_LOOP).seconds
    return (long - short) / (LONGER_LOOP - LOOP)


def growth(few: Measured, many: Measured) -> list[dict]:
    """How much more it takes for ten times the zones, without what the start of ansible-playbook takes."""
    title = f"from {FEW_ZONES:,} to {MANY_ZONES:,} zones"
    times = MANY_ZONES / FEW_ZONES
    memory = (many.memory - many.memory_of_start) / (few.memory - few.memory_of_start)
    return [
        row(f"{title}: time, nothing to change", many.work_same / few.work_same, "linear growth", times, 1.2, "times"),
        row(f"{title}: time, all to write", many.work_new / few.work_new, "linear growth", times, 1.2, "times"),
        row(f"{title}: memory, all to write", memory, "linear growth", times, 1.2, "times"),
    ]


def run() -> list[dict]:
    few = measure(many_zones(FEW_ZONES), FEW_ROUNDS)
    many = measure(many_zones(MANY_ZONES), MANY_ROUNDS)
    one = measure(one_zone(ONE_ZONE), ONE_ROUNDS)
    loop = one_record(many_zones(FEW_ZONES))
    return [
        *rows_of(f"{FEW_ZONES:,} zones of 5 RRsets", FEW_ROUNDS, few),
        row("the same for each record", median(few.new) / (5 * FEW_ZONES), "a loop of nsupdate", loop, 1 / 200),
        *rows_of(f"{MANY_ZONES:,} zones of 5 RRsets", MANY_ROUNDS, many),
        *growth(few, many),
        *rows_of(f"one zone of {ONE_ZONE:,} RRsets", ONE_ROUNDS, one),
    ]


if __name__ == "__main__":
    for line in run():
        print(line)
