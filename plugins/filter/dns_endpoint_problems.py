# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Callable

from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.endpoints import endpoint_problems

DOCUMENTATION = r"""
name: dns_endpoint_problems
author: the inbound.mail contributors (@inbound-mail)
version_added: "0.9.0"
short_description: What is wrong with the descriptions of DNS services
description:
  - Validates descriptions of DNS services before any of them is used, as M(inbound.mail.plan) does it with C(mail_dns).
  - No server is contacted. Credentials are not read, and no message shows one.
positional: _input
options:
  _input:
    description:
      - The DNS services by name, each a dictionary of the options that the O(inbound.mail.dns_records#module:endpoint)
        option takes.
    type: dict
    required: true
seealso:
  - module: inbound.mail.dns_records
"""

EXAMPLES = r"""
- name: Validate the DNS services before the first is written to
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join(' ') }}"
  vars:
    problems: "{{ mail_dns | inbound.mail.dns_endpoint_problems }}"
"""

RETURN = r"""
_value:
  description: A sentence for each problem, and one for what to do about it. Empty if there is none.
  type: list
  elements: str
"""


def _problems(described: object) -> list[str]:
    # A plain copy: text from a vault is an object of its own in older releases of ansible-core.
    return endpoint_problems(json.loads(json.dumps(described, default=str)))


class FilterModule:
    """inbound.mail.dns_endpoint_problems"""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        return {"dns_endpoint_problems": _problems}
