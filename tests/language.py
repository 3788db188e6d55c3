# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the words that hide who acts, in all that users read: `python3 tests/language.py` names each place.

A sentence with an indefinite pronoun ("nobody", "whoever") rarely says which host, program or person it is about. In
documents, words that the field has another term for are reported too.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Per 1,000 words, overall and in each part.
OVERALL = 0.3

# An address or a system user of that name is none: `nobody@example.org`.
PRONOUN = re.compile(
    r"(?<![\w@.'\"`])(?:nobody|somebody|anybody|everybody|someone|anyone|everyone|no one|whoever|whomever)\b(?![@`])",
    re.IGNORECASE,
)
PREFERRED = {
    r"shuts?\b|shutting": "close",
    r"mend(?:s|ed|ing)?\b": "fix",
    r"in clear\b": "in cleartext",
    r"in a circle\b": "in a loop",
    r"vouch(?:es|ed)?\b": "trust",
}
# Written from the code, where its sentences are counted as well.
GENERATED = re.compile(r"<!-- (?!end of )([\w. -]+) -->.*?<!-- end of \1 -->", re.DOTALL)
FENCED = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)

Texts = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Part:
    """Files by patterns, and what of a file is read. limit: indefinite pronouns per 1,000 words."""

    patterns: tuple[str, ...]
    texts: Callable[[str], Texts]
    limit: float


@dataclass(frozen=True)
class Count:
    words: int
    places: tuple[str, ...]

    @property
    def rate(self) -> float:
        return 1000 * len(self.places) / max(self.words, 1)


def lines(text: str) -> Texts:
    yield from enumerate(text.splitlines(), 1)


def prose(text: str) -> Texts:
    """The lines of a document, without what is generated or code; the numbers of lines stay."""
    for pattern in (GENERATED, FENCED):
        text = pattern.sub(lambda match: "\n" * match[0].count("\n"), text)
    return lines(text)


def task_names(text: str) -> Texts:
    for number, line in lines(text):
        if match := re.match(r"\s*(?:- )?name: (.*)", line):
            yield number, match[1]


def strings(text: str) -> Texts:
    """The string constants of a Python file: messages, documentation, docstrings."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for number, line in enumerate(node.value.splitlines()):
                yield node.lineno + number, line


PARTS = {
    "documents": Part(
        ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/**/*.md", "examples/*/README.md", "tests/lab/README.md"),
        prose,
        0.3,
    ),
    "changelog": Part(("changelogs/changelog.yaml", "changelogs/fragments/*.yml"), lines, 0.3),
    "roles": Part(("roles/*/README.md", "roles/*/meta/argument_specs.yml"), lines, 0.3),
    "modules": Part(("plugins/modules/*.py", "plugins/doc_fragments/*.py"), strings, 0.3),
    "tasks": Part(("roles/*/tasks/*.yml", "playbooks/**/*.yml"), task_names, 0.3),
    "messages": Part(("plugins/*/*.py", "plugins/*/_*/**/*.py"), strings, 0.3),
}


def files(part: Part) -> list[Path]:
    found = {path for pattern in part.patterns for path in ROOT.glob(pattern)}
    if part is PARTS["messages"]:
        found -= set(files(PARTS["modules"]))
    return sorted(found)


def pronouns(part: Part) -> Count:
    words, places = 0, []
    for path in files(part):
        for number, line in part.texts(path.read_text(encoding="utf-8")):
            words += len(re.findall(r"[A-Za-z][\w'-]*", line))
            places += [
                f"{path.relative_to(ROOT)}:{number}: {found[0]}: {line.strip()}" for found in PRONOUN.finditer(line)
            ]
    return Count(words, tuple(places))


def other_words(part: Part) -> list[str]:
    """Words of a document for which the field has another term."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {found[0]}, better {better}: {line.strip()}"
        for path in files(part)
        for number, line in part.texts(path.read_text(encoding="utf-8"))
        for word, better in PREFERRED.items()
        for found in re.finditer(rf"(?<![\w-])(?:{word})", line, re.IGNORECASE)
    ]


def total(counts: dict[str, Count]) -> Count:
    words = sum(count.words for count in counts.values())
    return Count(words, tuple(place for count in counts.values() for place in count.places))


def main() -> int:
    counts = {name: pronouns(part) for name, part in PARTS.items()}
    others = other_words(PARTS["documents"])
    for place in (*total(counts).places, *others):
        print(place)
    for name, count in counts.items():
        print(f"{name}: {len(count.places)} in {count.words} words, {count.rate:.2f} of {PARTS[name].limit} per 1,000")
    print(f"overall: {total(counts).rate:.2f} of {OVERALL} per 1,000 words")
    above = any(count.rate > PARTS[name].limit for name, count in counts.items())
    return 1 if above or others or total(counts).rate > OVERALL else 0


if __name__ == "__main__":
    sys.exit(main())
