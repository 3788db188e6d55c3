# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._owned_lines import DamagedBlockError, logical_lines
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.main_cf import (
    owned_by_others,
    settings_of,
    with_settings,
    without_settings,
)
from hypothesis import given
from hypothesis import strategies as st

DEBIAN = """\
# See /usr/share/postfix/main.cf.dist for a commented, more complete version

smtpd_banner = $myhostname ESMTP $mail_name (Debian)
#myorigin = /etc/mailname
mydestination = $myhostname, mail,
# a comment in between
\tlocalhost.localdomain,

  localhost
relayhost =\x20
mynetworks=127.0.0.0/8
"""

# Lines as administrators and damaged files have them; none begins like a line of ours.
NAMES = st.sampled_from(["relayhost", "mynetworks", "mydestination", "myhostname", "smtpd_banner"])
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12)
LINES = st.one_of(
    st.builds("{}{}{}".format, NAMES, st.sampled_from(["=", " = ", "\t=", " "]), VALUES),
    st.builds("{}{}".format, st.sampled_from([" ", "\t", "# ", " # ", "#"]), VALUES),
    VALUES,
    st.just(""),
)
TEXTS = st.builds(
    lambda lines, end: "\n".join(lines) + end, st.lists(LINES, max_size=12), st.sampled_from(["", "\n", "\n\n"])
)
SETTINGS = st.dictionaries(NAMES, st.sampled_from(["", "a", "a, b"]), max_size=4)


def test_foreign_lines_stay_and_ours_are_set_once() -> None:
    text = with_settings(DEBIAN, "relay", {"relayhost": "[192.0.2.1]:25", "mydestination": "localhost"})

    assert (
        text
        == """\
# See /usr/share/postfix/main.cf.dist for a commented, more complete version

smtpd_banner = $myhostname ESMTP $mail_name (Debian)
#myorigin = /etc/mailname
#inbound.mail relay: mydestination = $myhostname, mail,
#inbound.mail relay: # a comment in between
#inbound.mail relay: \tlocalhost.localdomain,
#inbound.mail relay:\x20
#inbound.mail relay:   localhost
#inbound.mail relay: relayhost =\x20
mynetworks=127.0.0.0/8
# BEGIN inbound.mail relay (written by Ansible, a change between these lines is overwritten)
relayhost = [192.0.2.1]:25
mydestination = localhost
# END inbound.mail relay
"""
    )


def test_value_is_what_postfix_reads() -> None:
    assert settings_of(DEBIAN) == {
        "smtpd_banner": "$myhostname ESMTP $mail_name (Debian)",
        "mydestination": "$myhostname, mail, localhost.localdomain, localhost",
        "relayhost": "",
        "mynetworks": "127.0.0.0/8",
    }


def test_last_setting_counts() -> None:
    assert settings_of("a = 1\nb = 2\na = 3\n") == {"a": "3", "b": "2"}


def test_setting_added_after_the_block_is_kept_there() -> None:
    text = with_settings(DEBIAN, "relay", {"relayhost": "a"}) + "message_size_limit = 1\n"

    assert with_settings(text, "relay", {"relayhost": "a"}) == text
    assert without_settings(text, "relay") == DEBIAN + "message_size_limit = 1\n"


def test_setting_of_ours_that_somebody_appended_gives_way_and_comes_back() -> None:
    text = with_settings(DEBIAN, "relay", {"relayhost": "a"}) + "relayhost = theirs\n"

    mended = with_settings(text, "relay", {"relayhost": "a"})

    assert settings_of(mended)["relayhost"] == "a"
    assert settings_of(without_settings(mended, "relay"))["relayhost"] == "theirs"


def test_two_owners_are_apart() -> None:
    relay = with_settings(DEBIAN, "relay", {"relayhost": "a"})
    both = with_settings(relay, "limits", {"message_size_limit": "1"})

    assert owned_by_others(both, "limits") == {"relayhost": "relay"}
    assert owned_by_others(both, "relay") == {"message_size_limit": "limits"}
    assert without_settings(both, "limits") == relay
    assert settings_of(without_settings(both, "relay"))["message_size_limit"] == "1"


@pytest.mark.parametrize("damage", [("# END inbound.mail relay\n", ""), ("# END inbound.mail relay", "# END")])
def test_damaged_block_is_not_guessed_at(damage: tuple[str, str]) -> None:
    text = with_settings(DEBIAN, "relay", {"relayhost": "a"}).replace(*damage)

    with pytest.raises(DamagedBlockError, match="line 12 begins"):
        without_settings(text, "relay")


@given(TEXTS)
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(line.text for line in logical_lines(text)) == text


@given(TEXTS, SETTINGS, SETTINGS)
def test_what_was_there_comes_back_byte_for_byte(text: str, first: dict[str, str], second: dict[str, str]) -> None:
    changed = with_settings(with_settings(text, "relay", first), "relay", second)

    assert changed == with_settings(text, "relay", second)
    assert without_settings(changed, "relay") == text


@given(TEXTS, SETTINGS)
def test_exactly_the_declared_settings_differ(text: str, settings: dict[str, str]) -> None:
    assert settings_of(with_settings(text, "relay", settings)) == {**settings_of(text), **settings}


@given(TEXTS, SETTINGS)
def test_setting_twice_is_setting_once(text: str, settings: dict[str, str]) -> None:
    once = with_settings(text, "relay", settings)

    assert with_settings(once, "relay", settings) == once


@given(TEXTS, SETTINGS, SETTINGS)
def test_owners_can_leave_in_any_order(text: str, ours: dict[str, str], theirs: dict[str, str]) -> None:
    theirs = {name: value for name, value in theirs.items() if name not in ours}
    both = with_settings(with_settings(text, "relay", ours), "other", theirs)

    assert settings_of(both) == {**settings_of(text), **ours, **theirs}
    assert without_settings(without_settings(both, "other"), "relay") == text
    assert settings_of(without_settings(without_settings(both, "relay"), "other")) == settings_of(text)
