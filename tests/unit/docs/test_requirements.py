# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dependencies have ranges, and no range allows a fault that is known here."""

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.tests import audit

# The peers and checkers of benchmarks are taken as they are: what is compared with is today's.
RANGED = {"requirements.txt", "core-2.19.txt", "core-2.21.txt", "test.txt", "lint.txt", "runtime.txt", "sbom.txt"}


def test_each_range_has_two_ends() -> None:
    ranged = [requirement for file, requirement in audit.requirements() if file in RANGED]
    assert len(ranged) > 15
    for requirement in ranged:
        assert {one.operator for one in requirement.specifier} == {">=", "<"}, requirement


def test_no_range_allows_a_known_fault() -> None:
    assert list(audit.findings({})) == []


@pytest.mark.parametrize("advisory", audit.advisories(), ids=lambda advisory: advisory.id)
def test_a_version_with_a_known_fault_is_found(advisory: audit.Advisory) -> None:
    (found,) = [line for line in audit.findings({advisory.package: "0.1"}) if advisory.id in line]
    assert advisory.fixed in found
    assert not [line for line in audit.findings({advisory.package: advisory.fixed}) if advisory.id in line]
