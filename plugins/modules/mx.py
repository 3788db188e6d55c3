# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mx
short_description: Set who takes the mail of a domain
version_added: "0.1.0"
author: the inbound.mail contributors (@inbound-mail)
description:
  - Brings the MX RRset of one domain, and the addresses of the hosts in it, to what is declared.
  - For a single domain, without an inventory that declares the network. M(inbound.mail.dns_records) sets many at once.
options:
  domain:
    description: The mail domain, what stands behind the @ of its addresses.
    type: str
    required: true
  zone:
    description: The zone that holds it. The default is the domain itself.
    type: str
  exchangers:
    description:
      - The hosts that take its mail; they are all there are.
      - A single one with the host V(.) and the preference V(0) says that the domain takes no mail (RFC 7505).
    type: list
    elements: dict
    suboptions:
      host:
        description: The full name, with or without the final dot.
        type: str
        required: true
      preference:
        description: Lower is tried first, equal ones share the load. 0 to 65535.
        type: int
        default: 10
      addresses:
        description:
          - IPv4 and IPv6 addresses of the host, if its name is in O(zone). They are all the host has of that family.
          - A family without an address here is left as it is.
        type: list
        elements: str
        default: []
      ttl:
        description: The TTL of the addresses in seconds. One that exists keeps its own by default, a new one gets 3600.
        type: int
    default: []
  ttl:
    description: The TTL of the MX RRset in seconds. One that exists keeps its own by default, a new one gets 3600.
    type: int
  state:
    description: V(absent) removes these exchangers and their addresses, or, if none are named, the whole MX RRset.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - inbound.mail.dns_provider
  - inbound.mail.attributes
  - inbound.mail.attributes.controller
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: inbound.mail.dns_records
"""

EXAMPLES = r"""
- name: One server takes the mail, another one while it is away
  inbound.mail.mx:
    server: ns1.example.org
    key_name: inbound-mail
    key_secret: "{{ lookup('ansible.builtin.env', 'MAIL_DNS_KEY_SECRET') }}"
    domain: example.org
    exchangers:
      - {host: mail.example.org, preference: 10, addresses: [203.0.113.17, "2001:db8:1::17"]}
      - {host: backup.example.net, preference: 20}

- name: Say once how the DNS service is written to
  module_defaults:
    group/inbound.mail.dns:
      server: ns1.example.org
      key_name: inbound-mail
      key_secret: "{{ lookup('ansible.builtin.env', 'MAIL_DNS_KEY_SECRET') }}"
  block:
    - name: This domain takes no mail
      inbound.mail.mx:
        domain: example.net
        exchangers:
          - {host: ".", preference: 0}
"""

RETURN = r"""
atomic:
  description: Whether the provider makes the changes of a batch whole or not at all.
  returned: when no option is invalid, but not with O(provider=manual)
  type: bool
changes:
  description: What was changed, or would be in check mode. Unchanged RRsets are only counted in RV(stats).
  returned: when no option is invalid
  type: list
  elements: dict
  contains:
    zone:
      description: The zone.
      type: str
    name:
      description: The full name, without the final dot.
      type: str
    type:
      description: The type.
      type: str
    action:
      description: One of C(create), C(update), C(delete).
      type: str
    before:
      description: C(ttl) and C(values) of the RRset before, or null if there was none.
      type: dict
    after:
      description: C(ttl) and C(values) of the RRset after, or null if there is none.
      type: dict
    status:
      description:
        - C(applied) is written and read back; C(predicted) would be written, were it not for check mode
          or O(write=false).
        - C(not_applied) is not written, as RV(errors) says why.
        - C(unknown) was sent, and there is no answer to say whether it was written, or another client overwrote it.
      type: str
  sample:
    - zone: example.org
      name: example.org
      type: MX
      action: update
      before: {ttl: 3600, values: [10 old.example.org.]}
      after: {ttl: 3600, values: [10 mail.example.org.]}
      status: applied
diff:
  description: The changed records before and after, as lines of a zone file.
  returned: when no option is invalid, but not with O(provider=manual), nor with O(write=false)
  type: dict
errors:
  description: The zones that are not as declared, and why.
  returned: when there are any
  type: list
  elements: dict
  contains:
    zone:
      description: The zone.
      type: str
    message:
      description: What went wrong, and what to do.
      type: str
leftover:
  description: Addresses of hosts that are no longer named by an MX record, and why they were left.
  returned: when there are any
  type: list
  elements: dict
  contains:
    zone:
      description: The zone.
      type: str
    name:
      description: The host.
      type: str
    type:
      description: V(A) or V(AAAA).
      type: str
    addresses:
      description: The addresses.
      type: list
      elements: str
    reason:
      description: Why they were left.
      type: str
manual:
  description: What to enter at the DNS service.
  returned: with O(provider=manual)
  type: dict
  contains:
    table:
      description: A dictionary for each value, with C(zone), C(name), C(type), C(value), C(ttl), C(state).
      type: list
      elements: dict
    zone_files:
      description: For each zone the records to be there, as lines of a zone file.
      type: dict
    done:
      description: Whether every name server of every zone answers so; null if that could not be found out.
      type: bool
    waiting:
      description: >-
        What a name server answers instead, a dictionary each with C(zone), C(name), C(type), C(server) and C(answer).
      type: list
      elements: dict
    unknown:
      description: The zones of which no name server could be asked, a dictionary each with C(zone) and C(message).
      type: list
      elements: dict
stats:
  description: What was done.
  returned: when no option is invalid
  type: dict
  contains:
    zones:
      description: Number of zones.
      type: int
    rrsets:
      description: Number of RRsets looked after.
      type: int
    unchanged:
      description: Number of RRsets that were as declared.
      type: int
    queries:
      description: Number of questions asked.
      type: int
    messages:
      description: Number of updates sent.
      type: int
    seconds:
      description: How long it took, without Ansible itself.
      type: float
"""
