# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._owned_lines import DamagedBlockError
from ansible_collections.inbound.mail.plugins.module_utils._rspamd.include import with_include, without_include

PATH = "$LOCAL_CONFDIR/inbound_mail/relay.conf"


@pytest.mark.parametrize("before", [None, "", "a = 1;\n", "a = 1;", "\n\n", "# caf\udce9\n"])
def test_what_was_there_comes_back(before: str | None) -> None:
    ours = with_include(before, "relay", PATH)

    assert f'\n.include(duplicate=merge) "{PATH}"\n' in ours
    assert with_include(ours, "relay", PATH) == ours
    assert without_include(ours, "relay") == before


def test_what_others_wrote_since_stays() -> None:
    ours = with_include(None, "relay", PATH)

    assert without_include(f"{ours}b = 2;\n", "relay") == "b = 2;\n"
    assert without_include(with_include("a = 1;", "relay", PATH) + "b = 2;\n", "relay") == "a = 1;\nb = 2;\n"


def test_owners_do_not_touch_each_other() -> None:
    both = with_include(with_include("a = 1;\n", "relay", PATH), "relay_two", PATH)

    assert without_include(both, "relay") == with_include("a = 1;\n", "relay_two", PATH)


def test_block_without_end_is_left_alone() -> None:
    with pytest.raises(DamagedBlockError):
        without_include(with_include("", "relay", PATH).replace("# END", "# end"), "relay")
