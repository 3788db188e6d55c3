# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config import main_cf, master_cf
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.cause import causes, suspects
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.judge import Contradiction
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.questions import ListenQuestion
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.second_postfix import Texts

NAMES = ("a", "b", "c", "d", "e")
WRONG = Contradiction(ListenQuestion(("192.0.2.1",)), "wrong")
OTHER = Contradiction(ListenQuestion(("192.0.2.2",)), "wrong too")


def texts(names: tuple[str, ...] = NAMES, master: str = "") -> Texts:
    return Texts("".join(f"{name} = 1\n" for name in names), master, "mail", {})


def test_one_line_or_several_that_each_suffice_or_are_needed_together() -> None:
    """Every set of one or two lines, by both kinds of dependence."""
    for behind in chain(combinations(NAMES, 1), combinations(NAMES, 2)):
        for rule in (any, all):

            def ask(tried: Texts, behind: tuple[str, ...] = behind, rule=rule) -> list[Contradiction]:
                there = main_cf.settings_of(tried.main_cf)
                return [WRONG] if rule(name in there for name in behind) else []

            (lines,) = causes(texts(), [WRONG], suspects(texts(), ()), ask).values()
            named = {line.place.removeprefix("main.cf: ") for line in lines}
            assert named == set(behind) if rule is any else named <= set(behind) and len(named) == 1


def test_answers_of_one_cause_are_found_together_and_others_apart() -> None:
    def ask(tried: Texts) -> list[Contradiction]:
        asked.append(tried)
        there = main_cf.settings_of(tried.main_cf)
        return [one for one, name in ((WRONG, "a"), (OTHER, "e")) if name in there]

    asked: list[Texts] = []
    found = causes(texts(), [WRONG, OTHER], suspects(texts(), ()), ask)
    assert [[line.place for line in found[one]] for one in (WRONG, OTHER)] == [["main.cf: a"], ["main.cf: e"]]
    assert len(asked) <= 12


def test_no_line_of_others_is_behind_it() -> None:
    assert causes(texts(), [WRONG], suspects(texts(), ()), lambda _tried: [WRONG]) == {WRONG: ()}


def test_our_lines_and_paths_are_no_suspects() -> None:
    others = texts(("queue_directory", "mail_owner", "transport_maps"))
    tried = replace(others, main_cf=main_cf.with_settings(others.main_cf, "mail", {"relayhost": "[192.0.2.9]:25"}))
    assert [one.place for one in suspects(tried, ("relayhost",))] == ["main.cf: transport_maps"]


@pytest.mark.parametrize(
    ("line", "places", "without"),
    [
        ("smtp inet n - y - - smtpd -o a=b", ["master.cf: smtp/inet"], ["smtp inet n - y - - smtpd"]),
        ("127.0.0.1:smtp inet n - y - - smtpd", ["master.cf: 127.0.0.1:smtp/inet"], ["smtp inet n - y - - smtpd"]),
        ("smtp inet n - y - - smtpd", [], []),
    ],
)
def test_options_and_addresses_of_services(line: str, places: list[str], without: list[str]) -> None:
    found = suspects(texts((), f"{line}\n"), ())
    assert [one.place for one in found] == places
    left = [master_cf.services_of(one.without(texts((), f"{line}\n")).master_cf) for one in found]
    assert [service.line() for services in left for service in services.values()] == without


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("relayhost = [192.0.2.8]", "relayhost = [192.0.2.8]"),
        ("smtp_sasl_password_maps = hash:/etc/postfix/logins", ""),
        ("smtp_sasl_auth_maps = static:user:S3cret", ""),
        ("ldap_bind_pw = S3cret", ""),
        ("maps = texthash:/x, inline:{ {a=S3cret} }", ""),
    ],
)
def test_values_that_may_hold_a_login_are_not_shown(line: str, shown: str) -> None:
    (found,) = suspects(Texts(f"{line}\n", "", "mail", {}), ())
    assert found.value == shown


@pytest.mark.parametrize(
    ("theirs", "ours", "left"),
    [
        (
            "permit_mynetworks, reject",
            "permit_mynetworks, check x, permit_mynetworks, reject",
            "permit_mynetworks, check x",
        ),
        ("a.example b.example", "texthash:/ours, a.example, .a.example, b.example", "texthash:/ours, .a.example"),
    ],
)
def test_what_others_have_in_a_list_of_ours_is_a_suspect(theirs: str, ours: str, left: str) -> None:
    text = main_cf.with_settings(f"list = {theirs}\n", "mail", {"list": ours})
    (found,) = suspects(Texts(text, "", "mail", {}), ("list",))
    assert (found.place, found.value) == ("main.cf: list", f"list = {theirs}")
    assert main_cf.settings_of(found.without(Texts(text, "", "mail", {})).main_cf)["list"] == left


@pytest.mark.parametrize("theirs", ["[192.0.2.8]", "[192.0.2.9]:25"])
def test_value_that_ours_takes_the_place_of_is_no_suspect(theirs: str) -> None:
    text = main_cf.with_settings(f"relayhost = {theirs}\n", "mail", {"relayhost": "[192.0.2.9]:25"})
    assert suspects(Texts(text, "", "mail", {}), ("relayhost",)) == []
