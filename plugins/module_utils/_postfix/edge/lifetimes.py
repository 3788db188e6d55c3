# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a message may wait in the queue: any on the host, a bounce, and one for a domain of a relay.

Postfix has one lifetime for all. It gets the longest, and a program of ours sends back what has a shorter one.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    OVERWRITTEN,
    Configuration,
    Former,
    LookupTable,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge import expire_queue
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.expire_queue import (
    LIFETIMES,
    OTHERS,
    lifetime_seconds,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import lifetime_problem, spellings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import DomainOption, EdgeOption
_LIFETIME = "maximal_queue_lifetime"
# Postfix's own (postconf(5)), and the unit of a number that has none.
_DEFAULT, _UNIT = "5d", "d"
# Came with Postfix 3.5, as did what it takes to send a message back.
_OF_3_5 = "info_log_address_format"


def host_lifetimes(edge: EdgeOption, check: OptionReader) -> dict[str, str]:
    """The settings for all mail, and for bounces. edge: the module's option."""
    found = {}
    for parameter, option, lifetime in (
        (_LIFETIME, "queue_lifetime", edge.get("queue_lifetime")),
        ("bounce_queue_lifetime", "bounce_lifetime", edge.get("bounce_lifetime")),
    ):
        if lifetime:
            _check(f"edge.{option}", lifetime, check)
            found[parameter] = lifetime
    return found


def domain_lifetimes(domains: Sequence[DomainOption], edge: EdgeOption, before: Former) -> Configuration:
    """What it takes besides where domains have lifetimes of their own; nothing where none has.

    domains: of the module's option ``relay``; edge: that option. Raises InvalidError.
    """
    own = [
        (number, domain["name"].rstrip(".").lower(), lifetime)
        for number, domain in enumerate(domains)
        if (lifetime := domain.get("queue_lifetime"))
    ]
    if not own:
        return Configuration()
    check = OptionReader()
    for number, _domain, lifetime in own:
        _check(f"relay.domains[{number}].queue_lifetime", lifetime, check)
    if before.known is not None and _OF_3_5 not in before.known:
        remedy = "Take a newer Postfix, or leave queue_lifetime out of the domains"
        check.report("relay.domains", "a domain has a queue_lifetime, which takes Postfix 3.5 or later", remedy)
    others = host_lifetimes(edge, check).get(_LIFETIME) or _former(before.settings, check)
    check.finish()
    rows = [(spelling, lifetime) for _number, domain, lifetime in own for spelling in spellings(domain)]
    table = LookupTable(LIFETIMES, "texthash", (*rows, (OTHERS, others)))
    longest = max((lifetime for _domain, lifetime in table.entries), key=lambda one: lifetime_seconds(one) or 0)
    return Configuration({_LIFETIME: longest}, (table,), program=OVERWRITTEN + inspect.getsource(expire_queue))


def _check(option: str, value: str, check: OptionReader) -> None:
    problem = lifetime_problem(value)
    if problem:
        check.report(option, *problem)


def _former(settings: Mapping[str, str], check: OptionReader) -> str:
    """The lifetime of all mail without ours."""
    value = settings.get(_LIFETIME, _DEFAULT)
    match = re.fullmatch(r"([0-9]+)([smhdw]?)", value)
    if not match:
        what = f"{value!r} is not a time, so it is unknown how long mail to other domains may wait"
        check.report(f"main.cf: {_LIFETIME}", what, "Write a number and its unit there, or set edge.queue_lifetime")
        return _DEFAULT
    return match[1] + (match[2] or _UNIT)
