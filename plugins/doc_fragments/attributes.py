# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying anything.
  diff_mode:
    description: >-
      Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    description: >-
      When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
  platform:
    description: Platforms on which it works.
"""

    # Action plugins, which run on the controller whatever the task's host is.
    CONTROLLER = r"""
options: {}
attributes:
  platform:
    support: full
    platforms: all
    details: Runs on the controller; O(ignore:delegate_to) moves nothing.
"""
