# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    Configuration,
    Former,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.lifetimes import domain_lifetimes
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.timer import Timer
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError


def configuration(
    lifetimes: dict[str, str], former: dict[str, str] | None = None, known: set[str] | None = None, **edge: str
) -> Configuration:
    domains = [{"name": "example.com"}, *({"name": name, "queue_lifetime": lifetimes[name]} for name in lifetimes)]
    return domain_lifetimes(domains, edge, Former(former or {}, {}, known))


@pytest.mark.parametrize(
    ("lifetimes", "former", "edge", "others", "longest"),
    [
        ({"example.org": "14d"}, {}, {}, "5d", "14d"),
        ({"example.org": "2d"}, {}, {}, "5d", "5d"),
        ({"example.org": "36h"}, {"maximal_queue_lifetime": "1"}, {}, "1d", "36h"),
        ({"example.org": "2d"}, {"maximal_queue_lifetime": "1w"}, {}, "1w", "1w"),
        ({"example.org": "2d"}, {"maximal_queue_lifetime": "$some"}, {"queue_lifetime": "7d"}, "7d", "7d"),
        ({"example.org": "30m", "example.net": "3w"}, {}, {"queue_lifetime": "7d"}, "7d", "3w"),
    ],
)
def test_postfix_has_the_longest_and_other_mail_the_one_of_the_host(
    lifetimes: dict[str, str], former: dict[str, str], edge: dict[str, str], others: str, longest: str
) -> None:
    found = configuration(lifetimes, former, **edge)
    assert found.settings == {"maximal_queue_lifetime": longest}
    (table,) = found.tables
    assert table.entries == (*lifetimes.items(), ("*", others))


def test_domain_is_listed_in_each_spelling() -> None:
    (table,) = configuration({"XN--bcher-kva.example.": "2d"}).tables
    assert table.entries[:-1] == (("xn--bcher-kva.example", "2d"), ("bücher.example", "2d"))


def test_nothing_is_set_where_no_domain_has_one() -> None:
    assert configuration({}, queue_lifetime="7d") == Configuration()


def test_program_needs_nothing_but_the_host_s_python() -> None:
    program = configuration({"example.org": "2d"}).program
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(program))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
    }
    assert imported <= sys.stdlib_module_names


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(InvalidError) as caught:
        configuration(
            {"example.org": "2 days", "example.net": "101d"}, {"maximal_queue_lifetime": "$x"}, {"queue_lifetime"}
        )
    assert [problem.option for problem in caught.value.problems] == [
        "relay.domains[1].queue_lifetime",
        "relay.domains[2].queue_lifetime",
        "relay.domains",
        "main.cf: maximal_queue_lifetime",
    ]
    assert "3.5" in caught.value.problems[2].message


def test_each_postfix_of_a_host_has_its_own_timer() -> None:
    def names(directory: str) -> list[str]:
        no_module: Any = None
        return list(Timer(no_module, "relay", Path(directory)).units(Path(directory, "inbound_mail", "relay")))

    assert names("/etc/postfix") == [
        "inbound-mail-expiry-relay@etc-postfix.service",
        "inbound-mail-expiry-relay@etc-postfix.timer",
    ]
    # As systemd-escape has it.
    assert names("/etc/postfix-out")[1] == r"inbound-mail-expiry-relay@etc-postfix\x2dout.timer"
