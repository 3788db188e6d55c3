# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of ours in a file that lost some of its bytes: either it is said, or nothing of others is lost."""

from __future__ import annotations

import random

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._owned_lines import DamagedBlockError
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config import main_cf, master_cf
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import Service
from ansible_collections.inbound.mail.plugins.module_utils._rspamd.include import with_include, without_include

THEIRS = "myhostname = old.example.org\nmynetworks =\n  192.0.2.0/24\nbiff = no\n"
OURS = {"myhostname": "mx.example.org", "relay_domains": "example.org"}
MAIN = main_cf.with_settings(main_cf.with_settings(THEIRS, "milter", {"biff": "yes"}), "relay", OURS)
MARKS = [line for line in MAIN.splitlines(True) if line.startswith(("# BEGIN", "# END"))]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("owner", ["relay", "milter"])
def test_a_lost_mark_is_said_whether_settings_come_or_go(mark: str, owner: str) -> None:
    damaged = MAIN.replace(mark, "")
    for change in (
        lambda: main_cf.with_settings(damaged, owner, {"biff": "yes"}),
        lambda: main_cf.without_settings(damaged, owner),
        lambda: main_cf.owned_by_others(damaged, owner),
    ):
        with pytest.raises(DamagedBlockError, match=r"line \d+ (begins|ends) (the|a) block of 'inbound.mail "):
            change()


@pytest.mark.parametrize("mark", MARKS)
def test_so_is_one_that_was_cut_or_stands_twice(mark: str) -> None:
    for instead in (mark * 2, mark[: mark.index("inbound.mail") + 12] + "\n", mark.replace("mail ", "mail x", 1)):
        with pytest.raises(DamagedBlockError):
            main_cf.without_settings(MAIN.replace(mark, instead), "relay")


def test_blocks_that_overlap_are_said() -> None:
    begin, end = "# BEGIN inbound.mail {}\n", "# END inbound.mail {}\n"
    text = begin.format("a") + begin.format("b") + end.format("a") + end.format("b")
    with pytest.raises(DamagedBlockError, match=r"line 1 begins the block of 'inbound\.mail a'"):
        main_cf.without_settings(text, "a")


@pytest.mark.parametrize("end", range(0, len(MAIN), 7))
def test_a_file_that_was_cut_is_said_or_what_is_left_of_others_stays(end: int) -> None:
    damaged = MAIN[:end]
    try:
        restored = main_cf.without_settings(damaged, "relay")
        after = main_cf.without_settings(main_cf.with_settings(damaged, "relay", OURS), "relay")
    except DamagedBlockError:
        return
    assert after == restored
    for line in damaged.splitlines():
        if not line.startswith(("# BEGIN", "# END", "#inbound.mail", "# The line above")):
            assert line in restored


@pytest.mark.parametrize("seed", range(100))
def test_any_lines_lost_end_in_a_message_or_in_a_text_that_can_be_undone(seed: int) -> None:
    chance = random.Random(seed)
    lines = MAIN.splitlines(True)
    for _time in range(chance.randint(1, 3)):
        del lines[chance.randrange(len(lines))]
    damaged = "".join(lines)
    try:
        restored = main_cf.without_settings(damaged, "relay")
        assert main_cf.without_settings(main_cf.with_settings(damaged, "relay", OURS), "relay") == restored
    except DamagedBlockError as error:
        assert "inbound.mail" in str(error)


def test_a_lost_mark_is_said_in_master_cf_and_for_rspamd() -> None:
    services = master_cf.with_services("", "relay", [Service("10025", "inet", command="smtpd")])
    include = with_include("# theirs\n", "relay", "x.conf")
    for mark in ("# BEGIN inbound.mail relay", "# END inbound.mail relay"):
        with pytest.raises(DamagedBlockError):
            master_cf.without_services(services.replace(mark, "#"), "relay")
        for change in (lambda text: with_include(text, "relay", "x.conf"), lambda text: without_include(text, "relay")):
            with pytest.raises(DamagedBlockError):
                change(include.replace(mark, "#"))
