# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The class that the options name: an octoDNS provider that is safe to write with."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..._deps import LibraryMissing, optional_library
from ..base import InvalidOptions

if TYPE_CHECKING:
    from .interface import OctoDnsProvider

# What octoDNS calls it in its messages.
ID = "inbound-mail"
_EXAMPLE = "octodns_powerdns.PowerDnsProvider"
# They make a whole file or zone of what they are given: whatever they do not know is gone. Others of that kind are
# found out when they ask for the zone to write it (octodns.py).
_WRITE_WHOLE_ZONES = frozenset(
    {
        "octodns.provider.yaml.YamlProvider",
        "octodns_bind.ZoneFileProvider",
        "octodns_etchosts.EtcHostsProvider",
        "octodns_transip.TransipProvider",
    }
)


@dataclass(frozen=True)
class Factory:
    """Makes providers of one class with the same keywords. name: of the class, as in the options."""

    name: str
    kind: type[OctoDnsProvider]
    keywords: Mapping[str, object] = field(repr=False)

    def __call__(self) -> OctoDnsProvider:
        with quiet():
            return self.kind(ID, **self.keywords)


def factory(options: Mapping[str, object]) -> tuple[Factory, OctoDnsProvider]:
    """What makes providers, and the first of them. options: `class`, and keywords for it. Raises InvalidOptions."""
    keywords = dict(options)
    name = keywords.pop("class", None)
    if not isinstance(name, str) or not all(name.split(".")) or "." not in name:
        raise InvalidOptions(
            [f"options.class: the provider octodns needs the class of a provider of octoDNS, as {_EXAMPLE}"]
        )
    try:
        with quiet():
            kind = _find(name)
    except LibraryMissing as error:
        raise InvalidOptions([f"options.class: {error}"]) from None
    make = Factory(name, kind, keywords)
    if problems := _wrong_keywords(kind, name, keywords):
        raise InvalidOptions(problems)
    try:
        first = make()
    except Exception as error:  # Each package has errors of its own.
        raise InvalidOptions([f"options: {name} does not take them: {in_words(error)}"]) from None
    if first.apply_disabled:
        raise InvalidOptions(["options.apply_disabled: with it nothing would be written; use check mode"])
    return make, first


def in_words(error: BaseException) -> str:
    """Whole, however long: a part of a secret would not be found in it to be censored."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """octoDNS and its packages log, and print, what they send and to whom; that may be a secret."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def _find(name: str) -> type[OctoDnsProvider]:
    """Raises InvalidOptions, LibraryMissing."""
    if not hasattr(optional_library("octodns.record").Record, "from_rrset"):
        version = optional_library("octodns").__version__
        raise InvalidOptions(
            [f"options.class: octoDNS 1.22 or newer is needed, not {version} (pip install --upgrade octodns)"]
        )
    module_name, _dot, class_name = name.rpartition(".")
    module = optional_library(module_name)
    kind: type[OctoDnsProvider] | None = getattr(module, class_name, None)
    if kind is None or not _writes(kind):
        there = sorted({value.__name__ for value in vars(module).values() if _writes(value) and not _whole(value)})
        what = "not there" if kind is None else "nothing that octoDNS can write with"
        raise InvalidOptions(
            [f"options.class: {name} is {what}; {module_name} has for that: {', '.join(there) or 'nothing'}"]
        )
    if _whole(kind):
        raise InvalidOptions(
            [
                f"options.class: {name} writes whole zones or files, not single records: what others have there could "
                "be lost. Take another way to this service"
            ]
        )
    return kind


def _writes(value: object) -> bool:
    """Whether it is a class of providers, and not only one of sources."""
    base = optional_library("octodns.provider.base").BaseProvider
    return inspect.isclass(value) and issubclass(value, base) and getattr(value, "_apply", None) is not base._apply


def _whole(kind: type[object]) -> bool:
    return any(f"{base.__module__}.{base.__qualname__}" in _WRITE_WHOLE_ZONES for base in inspect.getmro(kind))


def _wrong_keywords(kind: type[OctoDnsProvider], name: str, keywords: Mapping[str, object]) -> list[str]:
    """A class hands on what it does not know itself to its bases, as **kwargs."""
    known: set[str] = set()
    required: list[str] = []
    inits = [vars(base)["__init__"] for base in inspect.getmro(kind)[:-1] if "__init__" in vars(base)]
    for index, init in enumerate(inits):
        parameters = list(inspect.signature(init).parameters.values())[1:]
        named = [item for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)]
        known.update(item.name for item in named)
        if index == 0:
            required = [item.name for item in named if item.default is item.empty]
        if not any(item.kind is item.VAR_KEYWORD for item in parameters):
            break
    known.discard("id")
    problems = [f"options.{keyword}: {name} needs it" for keyword in required if keyword not in {"id", *keywords}]
    if unknown := sorted(keywords.keys() - known):
        places = ", ".join(f"options.{keyword}" for keyword in unknown)
        problems.append(f"{places}: not known to {name}, which has {', '.join(sorted(known))}")
    return problems
