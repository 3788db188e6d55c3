# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.inbound.mail.plugins.plugin_utils._verdict.junit import junit

DOCUMENTATION = r"""
name: verdict_junit
author: the inbound.mail contributors (@inbound-mail)
version_added: "0.2.0"
short_description: The result of path_check as JUnit XML
description:
  - For pipelines that show test results, as GitLab, Jenkins and GitHub do. There is a test case for each rule, and for
    each finding.
positional: _input
options:
  _input:
    description: The result of M(inbound.mail.path_check).
    type: dict
    required: true
  fail_on:
    description: Findings of this severity or a higher one are failures.
    type: str
    choices: [error, warning, never]
    default: error
seealso:
  - plugin: inbound.mail.verdict_html
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write the results for a pipeline
  ansible.builtin.copy:
    content: "{{ mail_verify_result | inbound.mail.verdict_junit(fail_on='warning') }}"
    dest: report.xml
    mode: "0600"
"""

RETURN = r"""
_value:
  description: The XML document.
  type: str
"""


class FilterModule:
    """inbound.mail.verdict_junit"""

    def filters(self) -> dict[str, Callable[..., str]]:
        return {"verdict_junit": junit}
