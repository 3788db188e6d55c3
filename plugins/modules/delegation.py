#!/usr/bin/python
# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: delegation
short_description: Wait until zones are delegated to the name servers of another DNS host
version_added: "0.5.0"
author:
  - the inbound.mail contributors (@inbound-mail)
description:
  - Says what has to be changed in the parent zone so that a zone goes from one DNS host to another, and looks whether
    it is done. The name servers of the parent zone are asked, not a resolver, which keeps the former answer.
  - Fails before the delegation is changed if the new DNS host is not ready, which is if it does not have the
    zone, if one of its name servers does not answer for it, if other records of the zone are missing there, or if the
    parent zone has DS records that no key of the new host goes with.
  - It writes nothing. The playbook C(inbound.mail.cutover) uses it; it is described in C(docs/cutover.md).
extends_documentation_fragment:
  - inbound.mail.attributes
  - inbound.mail.attributes.controller
attributes:
  check_mode:
    support: full
    details: It writes nothing.
  diff_mode:
    support: none
  idempotent:
    support: full
requirements:
  - dnspython on the controller
options:
  endpoints:
    description:
      - The DNS hosts by name, as C(mail_dns) has them. Each is a dictionary of options of M(inbound.mail.dns_records).
      - It may hold secrets, which are never shown.
    type: dict
    required: true
  zones:
    description: The zones that move, as C(cutover.zones) in the plan of M(inbound.mail.plan) with its O(ignore:former).
    type: list
    elements: dict
    required: true
    suboptions:
      zone:
        description: The zone.
        type: str
        required: true
      former:
        description: The names of the DNS hosts that it leaves.
        type: list
        elements: str
        required: true
      new:
        description: The names of those that have it in the end.
        type: list
        elements: str
        required: true
      records:
        description: The RRsets that are seen to by others, each with C(name) and C(type). They are not compared.
        type: list
        elements: dict
        default: []
  wait_timeout:
    description: Seconds to wait until all name servers of the parent zones that answer name the new name servers alone.
    type: float
    default: 0.0
  accept_differences:
    description: Go on although other records of the zone are missing at the new DNS host or have other values there.
    type: bool
    default: false
seealso:
  - module: inbound.mail.cutover
  - module: inbound.mail.dns_records
"""

EXAMPLES = r"""
- name: See whether example.org is delegated to its new DNS host
  inbound.mail.delegation:
    endpoints: "{{ mail_dns }}"
    zones:
      - zone: example.org
        former: [old]
        new: [new]
  register: moved
  run_once: true
"""

RETURN = r"""
delegated:
  description: Whether all of the zones are.
  returned: success
  type: bool
  sample: false
ttl:
  description:
    - Seconds for which the name servers that were named may still be asked, as their NS records have this TTL in
      the parent zone or in the zone itself.
  returned: success
  type: int
  sample: 86400
requests:
  description: What to change at the registrar, a text for each zone that is not delegated yet.
  returned: success
  type: list
  elements: str
  sample: []
zones:
  description: What was seen of each zone.
  returned: success
  type: list
  elements: dict
  sample:
    - zone: example.org
      delegated: false
      ttl: 86400
      name_servers: [ns1.new.example]
      named_by_parent: [ns1.old.example]
      differences: []
"""
