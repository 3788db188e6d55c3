"""Runs every benchmark beside its peer, in one go, and writes what was seen.

The figures are ratios of two programs run on the same machine at the same time, for whoever reads them: no test is
decided by them. Results: a table on the terminal, tests/output/bench.json, and with --doc docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

import cutover  # noqa: E402
import dns_records  # noqa: E402
import firewall  # noqa: E402
import firewall_changes  # noqa: E402
import plan  # noqa: E402
import postfix_trial  # noqa: E402
import relay  # noqa: E402
import site_again  # noqa: E402
import verify  # noqa: E402
from rows import COLUMNS  # noqa: E402

BENCHMARKS = {
    "cutover": cutover.run,
    "dns": dns_records.run,
    "firewall": firewall.run,
    "firewall-changes": firewall_changes.run,
    "plan": plan.run,
    "postfix": postfix_trial.run,
    "relay": relay.run,
    "site": site_again.run,
    "verify": verify.run,
}


def machine() -> str:
    """The machine in a line: figures without it mean little."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    kernel, python = platform.release().split("-")[0], platform.python_version()
    return f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {system}, Linux {kernel}, Python {python}"


def table(rows: list[dict]) -> str:
    """The rows as a Markdown table, which reads well on a terminal too."""
    cells = [list(COLUMNS)] + [[str(row[column]) for column in COLUMNS] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(COLUMNS))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


DOCUMENT = ROOT / "docs" / "benchmarks.md"


def document(name: str, rows: list[dict]) -> None:
    """Write the benchmark's part of the document anew, between its marks."""
    text = DOCUMENT.read_text(encoding="utf-8")
    part = re.compile(f"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    content = f"Machine: {machine()}.\n\n{table(rows)}\n"
    text, count = part.subn(lambda match: f"{match[1]}{content}{match[2]}", text)
    if count != 1:
        raise ValueError(f"{DOCUMENT.name} has {count} places for '{name}' instead of one")
    DOCUMENT.write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", choices=[*BENCHMARKS, []], help="which benchmarks (default: all)")
    parser.add_argument("--doc", action="store_true", help="write them into docs/benchmarks.md too")
    arguments = parser.parse_args()

    found = {name: BENCHMARKS[name]() for name in arguments.only or BENCHMARKS}
    rows = [row for part in found.values() for row in part]
    print(f"\n{machine()}\n\n{table(rows)}")

    output = ROOT / "tests" / "output"
    output.mkdir(parents=True, exist_ok=True)
    (output / "bench.json").write_text(json.dumps({"machine": machine(), "rows": rows}, indent=2) + "\n")
    for name, part in found.items() if arguments.doc else ():
        document(name, part)
    return 0


if __name__ == "__main__":
    sys.exit(main())
