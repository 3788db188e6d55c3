# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from servers: one line, printable, of bounded length."""

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless, listed
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(("length", "shown"), [(399, "x" * 399), (400, "x" * 400), (401, "x" * 400 + "...")])
def test_text_is_cut_at_400_characters(length: int, shown: str) -> None:
    assert harmless("x" * length) == shown


def test_no_terminal_is_told_what_to_do() -> None:
    assert harmless("\x1b[31mred\r\n\u202eright to left") == r"\x1b[31mred\r\n\u202eright to left"


@given(st.text(max_size=1000), st.integers(1, 500))
def test_whatever_it_was_it_is_one_printable_line(text: str, longest: int) -> None:
    shown = harmless(text, longest)
    assert shown.isprintable()
    # The longest escape is \Uxxxxxxxx.
    assert len(shown) <= 10 * longest + len("...")


@pytest.mark.parametrize(("items", "shown"), [(["a"], "a"), (["a", "b"], "a and b"), (list("abcd"), "a, b and 2 more")])
def test_a_long_list_is_counted_off(items: list[str], shown: str) -> None:
    assert listed(items, most=2) == shown
