# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which line of the host's configuration is behind a wrong answer, found by leaving lines out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config import main_cf, master_cf
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import list_items

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.judge import (
        Contradiction,
        Question,
    )
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.second_postfix import Texts


# Where Postfix lies and as whom it runs decides no answer, and without it another Postfix would be asked.
_PATHS = ("_directory", "_path")
_MAY_BE_SECRET = re.compile(r"passw|_pw\b|\b(?:static|inline):", re.IGNORECASE)
_ACCOUNTS = ("mail_owner", "setgid_group")


@dataclass(frozen=True)
class Suspect:
    """A line of others.

    place: how it is named; value: what it says, empty where that may hold a secret; without: the configuration as if it
    were not.
    """

    place: str
    value: str
    without: Callable[[Texts], Texts]


def suspects(texts: Texts, ours: Collection[str]) -> list[Suspect]:
    """ours: parameters of main.cf that are set by the owner whose configuration is tried."""
    return [*_parameters(texts, ours), *_services(texts)]


def causes(
    texts: Texts,
    wrong: Sequence[Contradiction],
    candidates: Sequence[Suspect],
    ask: Callable[[Texts], list[Contradiction]],
) -> dict[Contradiction, tuple[Suspect, ...]]:
    """Each wrong answer -> the lines behind it, none where leaving all of others out changes nothing.

    Those are the fewest without which the answer is right, as far as halving their number finds them: a start and some
    answers of Postfix for each half.
    """

    def still_wrong(left_out: Sequence[Suspect]) -> set[Question]:
        tried = texts
        for suspect in left_out:
            tried = suspect.without(tried)
        return {one.question for one in ask(tried)}

    beyond = still_wrong(candidates)
    found: dict[Contradiction, tuple[Suspect, ...]] = {one: () for one in wrong if one.question in beyond}
    for one in wrong:
        if one not in found:
            lines = _fewest(candidates, one.question, still_wrong)
            remaining = still_wrong(lines)
            found.update({other: lines for other in wrong if other not in found and other.question not in remaining})
            found[one] = lines
    return found


def _fewest(
    candidates: Sequence[Suspect], question: Question, still_wrong: Callable[[Sequence[Suspect]], set[Question]]
) -> tuple[Suspect, ...]:
    """The answer is right with all of them left out."""
    needed = list(candidates)
    halved = True
    while halved and len(needed) > 1:
        middle = len(needed) // 2
        halves = (needed[:middle], needed[middle:])
        half = next((half for half in halves if question not in still_wrong(half)), None)
        halved = half is not None
        needed = half or needed
    for suspect in [*needed] if len(needed) > 1 else ():
        fewer = [one for one in needed if one is not suspect]
        if question not in still_wrong(fewer):
            needed = fewer
    return tuple(needed)


def _parameters(texts: Texts, ours: Collection[str]) -> Iterator[Suspect]:
    """Of others alone, and of others within ours: a list that they filled goes on in our block."""
    settings = main_cf.settings_of(texts.main_cf)
    former = main_cf.settings_of(main_cf.without_settings(texts.main_cf, texts.owner))
    for name in ours:
        theirs = former.get(name, "")
        alone = _without_items(settings.get(name, ""), theirs)
        # What is left without theirs is ours; a value that takes the place of theirs has nothing of them.
        if theirs and alone and alone != settings.get(name):
            yield Suspect(f"main.cf: {name}", _shown(f"{name} = {theirs}"), _with_parameter(name, alone))
    for name, value in settings.items():
        if name not in ours and not name.endswith(_PATHS) and name not in _ACCOUNTS:
            yield Suspect(f"main.cf: {name}", _shown(f"{name} = {value}"), _without_parameter(name))


def _shown(text: str) -> str:
    """Tables that stand in a setting itself have what others keep in files: logins."""
    return "" if _MAY_BE_SECRET.search(text) else text


def _without_items(value: str, items: str) -> str:
    """A list without those at its end, or in it, that are of the other one."""
    if value.endswith(f", {items}"):
        return value[: -len(items) - 2]
    left_out = set(list_items(items))
    return ", ".join(item for item in list_items(value) if item not in left_out)


def _with_parameter(name: str, value: str) -> Callable[[Texts], Texts]:
    return lambda texts: replace(texts, main_cf=main_cf.replacing(texts.main_cf, name, value))


def _without_parameter(name: str) -> Callable[[Texts], Texts]:
    return lambda texts: replace(texts, main_cf=main_cf.leaving_out(texts.main_cf, (name,)))


def _services(texts: Texts) -> Iterator[Suspect]:
    """Options of services, and the address that one listens on."""
    for key, service in master_cf.services_of(texts.master_cf).items():
        plain = replace(service, command=service.program)
        if plain != service:
            yield Suspect(f"master.cf: {key}", _shown(service.command), _with_service(key, command=service.program))
        address, colon, port = service.name.rpartition(":")
        if service.type == "inet" and colon and address:
            yield Suspect(f"master.cf: {key}", f"it listens on {address} alone", _with_service(key, name=port))


def _with_service(key: str, **changes: str) -> Callable[[Texts], Texts]:
    def without(texts: Texts) -> Texts:
        service = master_cf.services_of(texts.master_cf).get(key)
        if service is None:
            return texts
        new = replace(service, **changes)
        return replace(texts, master_cf=master_cf.replacing(texts.master_cf, service, new))

    return without
