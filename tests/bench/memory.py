"""How much memory a process and its children have together."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def octets_of_tree(process: int) -> int:
    """Proportional set sizes, summed: what several processes share counts once (proc_pid_smaps_rollup(5))."""
    octets, waiting = 0, [process]
    while waiting:
        folder = Path("/proc") / str(waiting.pop())
        with suppress(OSError):  # It has ended.
            for line in (folder / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    octets += 1024 * int(line.split()[1])
            for thread in (folder / "task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
    return octets
