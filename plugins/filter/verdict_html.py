# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.inbound.mail.plugins.plugin_utils._verdict.page import page

DOCUMENTATION = r"""
name: verdict_html
author: the inbound.mail contributors (@inbound-mail)
version_added: "0.2.0"
short_description: The result of path_check as an HTML page
description:
  - One file without scripts or outside resources. It has the findings, which can be filtered by severity, a drawing of
    what was reached, and what was observed of name servers, mail servers and messages.
positional: _input, expectations
options:
  _input:
    description: The result of M(inbound.mail.path_check).
    type: dict
    required: true
  expectations:
    description: What it was given as O(inbound.mail.path_check#module:expectations).
    type: dict
    required: true
  title:
    description: The title of the page. By default it names the domains.
    type: str
seealso:
  - plugin: inbound.mail.verdict_junit
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write an HTML page
  ansible.builtin.copy:
    content: "{{ mail_verify_result | inbound.mail.verdict_html(mail_verify_expectations) }}"
    dest: report.html
    mode: "0600"
"""

RETURN = r"""
_value:
  description: The HTML document.
  type: str
"""


class FilterModule:
    """inbound.mail.verdict_html"""

    def filters(self) -> dict[str, Callable[..., str]]:
        return {"verdict_html": page}
