# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.inbound.mail.plugins.module_utils._limits import SMTP_PORT
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import accepts, said, steps
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_steps import POSTMASTER, POSTMASTER_NULL

DOCUMENTATION = r"""
name: unproven_exchangers
author: the inbound.mail contributors (@inbound-mail)
version_added: "0.9.0"
short_description: Which exchangers were not seen to take mail
description:
  - An exchanger was seen to take mail if each of its addresses that the vantage could connect to accepted a recipient
    in each of its domains, and if there is at least one such address.
  - A finding says that something is wrong. This says that something was not seen, for whatever reason, which is enough
    not to lead a DNS record there.
positional: _input, exchangers
options:
  _input:
    description: The O(inbound.mail.path_check#module:observations) that a probe returned as C(observation).
    type: dict
    required: true
  exchangers:
    description: The C(smtp) part of O(inbound.mail.path_check#module:expectations).
    type: list
    elements: dict
    required: true
seealso:
  - module: inbound.mail.path_check
"""

EXAMPLES = r"""
- name: Require that every mail exchanger was seen to take mail
  ansible.builtin.assert:
    that: unproven | length == 0
    fail_msg: "{{ unproven | join(' ') }}"
  vars:
    unproven: "{{ probe.observation | inbound.mail.unproven_exchangers(plan.expect.smtp) }}"
"""

RETURN = r"""
_value:
  description: A sentence for each exchanger and domain that was not seen, and for each exchanger that was not reached.
  type: list
  elements: str
"""


def _unproven(observation: Mapping[str, Any], exchangers: Sequence[Mapping[str, Any]]) -> list[str]:
    dialogues = {(one["address"], one["port"]): one for one in observation.get("dialogues", ())}
    return list(dict.fromkeys(sentence for one in exchangers for sentence in _of_exchanger(one, dialogues)))


def _of_exchanger(exchanger: Mapping[str, Any], dialogues: Mapping[tuple[str, int], Any]) -> Iterator[str]:
    name, port = exchanger.get("fqdn") or exchanger["host"], exchanger.get("port") or SMTP_PORT
    tried = [dialogues.get((address, port)) for address in exchanger["addresses"]]
    reached = [one for one in tried if one and one["status"] == seen.OPEN]
    if not reached:
        yield f"{name} ({', '.join(exchanger['addresses'])}) could not be reached from this vantage."
    for dialogue in reached:
        last = {step["domain"]: step for step in steps(dialogue, POSTMASTER_NULL, POSTMASTER)}
        for domain in exchanger.get("domains", ()):
            step = last.get(domain)
            if step and accepts(step):
                continue
            answer = step or (dialogue["steps"] or [None])[-1]
            reason = said(answer) if answer else dialogue["ended"]
            yield f"{name} ({dialogue['address']}) did not take mail for {domain}: {dialogue['ended'] or reason}."


class FilterModule:
    """inbound.mail.unproven_exchangers"""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        return {"unproven_exchangers": _unproven}
