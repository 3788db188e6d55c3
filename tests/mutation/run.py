"""Mutation testing of the pure packages: how many small faults in the code make a unit test fail.

Each mutant is the code with one place changed, in a copy of the checkout. A mutant that passes the unit tests of its
package survives: no test holds what the place does. Prints the survivors as diffs, and the score of each package.

Cosmic Ray, and not mutmut: mutmut 3 leaves out decorated functions, which every rule and every cached parser is, and
the values of constants.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from cosmic_ray.commands import init
from cosmic_ray.modules import find_modules
from cosmic_ray.mutating import mutate_code, use_mutation
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import MutationSpec

ROOT = Path(__file__).resolve().parents[2]
UNIT = "tests/unit/plugins"
PRELOADED = ("ansible.module_utils.basic", "dns.resolver", "hypothesis.strategies", "yaml")
"""Libraries that take longer to load than most tests to run: each test process is forked with them loaded."""


class Package(NamedTuple):
    """source: the folder whose files are changed; tests: folders and files of the tests that hold it."""

    source: str
    tests: tuple[str, ...]


PACKAGES = {
    "_records": Package("plugins/plugin_utils/_records", (f"{UNIT}/plugin_utils/_records",)),
    "_topology": Package("plugins/plugin_utils/_topology", (f"{UNIT}/plugin_utils/_topology",)),
    "rules": Package(
        "plugins/module_utils/_path_check/rules",
        # The page of the rules shows what each of them says.
        (f"{UNIT}/module_utils/_path_check", "tests/unit/docs/test_generated.py"),
    ),
    "render": Package(
        "plugins/module_utils/_firewall/render", (f"{UNIT}/module_utils/_firewall", f"{UNIT}/plugin_utils/_topology")
    ),
}

# One replacement of each operator, the one that is hardest to tell from it: with every other one, one place would
# count up to eleven times.
_REPLACEMENT = re.compile(
    "Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Mul|Mod_Mul|Pow_Mul|BitOr_BitAnd|BitAnd_BitOr|Eq_NotEq|NotEq_Eq|Lt_LtE|"
    "LtE_Lt|Gt_GtE|GtE_Gt|Is_IsNot|IsNot_Is|USub_UAdd|Delete_Not"
)
# They change how fast the code is or what type checkers see, and nothing that a test could notice.
_WITHOUT_EFFECT = ("lru_cache", "dataclass", "TYPE_CHECKING")

Span = tuple[tuple[int, int], tuple[int, int]]
"""From one place to another, each as line and column."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="*", choices=[*PACKAGES, []], help="which packages (default: all)")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="N random mutants (default: all of them)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default: 1)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkout = copy_checkout(Path(folder))
        os.environ.update(PYTHONPATH=folder, ANSIBLE_COLLECTIONS_PATH=folder)
        sys.path.insert(0, folder)
        with chdir(checkout):
            names = arguments.packages or PACKAGES
            scores = [f"{name}: {score(PACKAGES[name], folder, arguments)}" for name in names]
    print("\n" + "\n".join(scores))
    return 0


def copy_checkout(folder: Path) -> Path:
    """The files of the checkout, committed or not, where a collection is found."""
    copy = folder / "ansible_collections" / "inbound" / "mail"
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


def score(package: Package, folder: str, arguments: argparse.Namespace) -> str:
    """How many mutants of the package its tests found; prints the others as diffs."""
    for library in PRELOADED:
        importlib.import_module(library)
    # Compiled once, here. Later on a mutant is written and taken back within the second that compiled code is dated by.
    sys.dont_write_bytecode = False
    start = time.monotonic()
    if not tests_pass(package, limit=600):
        sys.exit(f"mutation: the tests of {package.source} fail on unchanged code: run them with pytest")
    limit = 20 + 10 * (time.monotonic() - start)
    sys.dont_write_bytecode = True

    every = mutants(package, folder)
    chosen = random.Random(arguments.seed).sample(every, min(arguments.sample or len(every), len(every)))
    killed = 0
    for number, mutation in enumerate(chosen, 1):
        with mutated(mutation) as diff:
            if not tests_pass(package, limit):
                killed += 1
                continue
        print(f"\nsurvived ({number} of {len(chosen)}): {mutation.operator_name}\n{diff}", flush=True)
    sampled = "" if len(chosen) == len(every) else f", a sample of {len(every)} with seed {arguments.seed}"
    return f"{killed} of {len(chosen)} mutants killed, {100 * killed / len(chosen):.1f} %{sampled}"


def tests_pass(package: Package, limit: float) -> bool:
    """Whether all of its tests pass within `limit` seconds, in a process that has no module of the collection yet."""
    # Forked, not started: it has pytest and the libraries already, which take longer to load than most tests to run.
    process = multiprocessing.get_context("fork").Process(target=_test, args=(package.tests,))
    process.start()
    process.join(limit)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode == 0


def _test(folders: Sequence[str]) -> None:
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    # A fixed seed: what random input finds today it finds tomorrow.
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0"]
    os._exit(pytest.main([*options, *folders]))


@contextmanager
def mutated(mutation: MutationSpec) -> Iterator[str]:
    """The file is changed on disk as long as the context lasts. Yields the change as a diff."""
    path = Path(mutation.module_path)
    before = path.stat()
    operator = get_operator(mutation.operator_name)(**mutation.operator_args)
    with use_mutation(path, operator, mutation.occurrence) as (code, mutant):
        name = str(path)
        yield "".join(difflib.unified_diff(code.splitlines(True), mutant.splitlines(True), name, name))
    # So that its compiled code, which is that of the unchanged file, counts again.
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def mutants(package: Package, folder: str) -> list[MutationSpec]:
    """Those that a test could tell from the code, in the order of the files."""
    modules = sorted(find_modules([Path(package.source)]))
    without_effect = {module: list(spans_without_effect(module.read_text(encoding="utf-8"))) for module in modules}

    def counts(mutation: MutationSpec) -> bool:
        spans = without_effect[mutation.module_path]
        unseen = any(start <= tuple(mutation.start_pos) < end for start, end in spans)
        return not unseen and _is_usual(mutation.operator_name) and _can_be_made(mutation)

    with use_db(f"{folder}/session.sqlite") as session:
        init(modules, session, {})
        found = [mutation for item in session.work_items for mutation in item.mutations if counts(mutation)]
    return sorted(found, key=lambda one: (str(one.module_path), one.start_pos, one.operator_name, one.occurrence))


def _is_usual(operator: str) -> bool:
    _kind, _underscore, replacement = operator.removeprefix("core/").partition("_")
    return not replacement or _REPLACEMENT.fullmatch(replacement) is not None


def _can_be_made(mutation: MutationSpec) -> bool:
    """Cosmic Ray 8.7 fails where an exception that is caught has a dotted name."""
    if not mutation.operator_name.endswith("ExceptionReplacer"):
        return True
    code = Path(mutation.module_path).read_text(encoding="utf-8")
    try:
        mutate_code(code, get_operator(mutation.operator_name)(), mutation.occurrence)
    except AttributeError:
        return False
    return True


def spans_without_effect(code: str) -> Iterator[Span]:
    """Annotations, which are never evaluated here, caches and whatever type checkers alone see."""
    for node in ast.walk(ast.parse(code)):
        unseen: list[ast.expr | ast.stmt | None] = []
        if isinstance(node, (ast.arg, ast.AnnAssign)):
            unseen = [node.annotation]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            unseen = [node.returns]
        elif isinstance(node, ast.If) and ast.unparse(node.test) in _WITHOUT_EFFECT:
            unseen = [node]
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            unseen += [one for one in node.decorator_list if ast.unparse(one).partition("(")[0] in _WITHOUT_EFFECT]
        for one in filter(None, unseen):
            # From the '@' of a decorator on.
            yield (one.lineno, max(one.col_offset - 1, 0)), (one.end_lineno or one.lineno, one.end_col_offset or 0)


if __name__ == "__main__":
    sys.exit(main())
