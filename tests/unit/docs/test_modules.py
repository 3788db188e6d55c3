# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages of modules say in common: before ansible-core 2.21 pages can share options, but no results."""

from __future__ import annotations

import yaml
from ansible_collections.inbound.mail.plugins.modules import dns_records, mx


def test_both_modules_that_write_records_return_the_same() -> None:
    assert yaml.safe_load(mx.RETURN) == yaml.safe_load(dns_records.RETURN)
