# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: resolvers have the current answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import normal, shown, usable
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import NOTICE, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "resolver-stale",
    NOTICE,
    "RFC 2181, section 5.2",
    "A resolver still has an old answer.",
    "Wait until it expires, and keep the old path until then.",
)
def resolver_stale(case: Case) -> Iterator[Found]:
    for name, rdtype in case.dns.judged:
        served = [values for values, _ttl in case.dns.served(name, rdtype)]
        if not served:
            continue
        for answer in case.dns.caches(name, rdtype):
            values = sorted(normal(value, rdtype) for value in answer["values"])
            # One that answers with authority is a server of the zone itself.
            if not usable(answer) or answer["authoritative"] or values in served:
                continue
            left = f"for {answer['ttl']} s more" if answer["ttl"] is not None else "for an unknown time"
            yield Found(
                f"{name} {rdtype} at {answer['resolver']}",
                f"The resolver answers {shown(values)}, {left}; the zone has {shown(served[0])}.",
                "Wait until then and keep the old path; or have the resolver's cache flushed.",
                expected=served[0],
                observed=values,
                places=[name],
            )
