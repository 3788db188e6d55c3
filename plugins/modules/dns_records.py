# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_records
short_description: Set records of many DNS zones in one go
version_added: "0.1.0"
author: the inbound.mail contributors (@inbound-mail)
description:
  - Brings RRsets, all records of one name and type, to what is declared; any type, any number of zones in one task.
  - Records that are not declared are never touched.
  - The order of values and the case of letters do not matter; the TTL does.
options:
  records:
    description:
      - The RRsets. One of O(records) and O(zones) is needed; both together are allowed.
    type: list
    elements: dict
    suboptions:
      zone:
        description: The zone that holds the record, as the server knows it.
        type: str
        required: true
      name:
        description: The full name, with or without the final dot. It is never taken as relative to the zone.
        type: str
        required: true
      type:
        description: The type, such as V(MX), V(A), V(AAAA), V(TXT), or V(TYPE65280) for one without a name.
        type: str
        required: true
      values:
        description:
          - The values in the format of zone files. Names in them are full names, with or without the final dot.
          - A TXT value is one text as it stands, or strings in double quotes. Longer ones than 255 bytes are split.
          - With O(records[].state=absent) these values are removed, or the whole RRset if there are none.
        type: list
        elements: str
      ttl:
        description: The TTL in seconds. An RRset that exists keeps its own by default, a new one gets 3600.
        type: int
      state:
        description: Whether the values are to be there.
        type: str
        choices: [present, absent]
        default: present
      exclusive:
        description:
          - Whether nothing but these values is to be in the RRset.
          - The default is V(true), and for TXT records V(false), because many services share those of a name. There,
            a policy that a name can have only once (SPF, DMARC, MTA-STS, TLS reporting) takes the place of the old one.
            The TXT record of a DKIM selector (below C(_domainkey)) is the only one of its name, so there it is V(true).
        type: bool
  zones:
    description:
      - The same by zone, as a dictionary of a list for each zone, whose items are those of O(records) without C(zone).
    type: dict
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
  - module: inbound.mail.mx
  - module: community.general.nsupdate
"""

EXAMPLES = r"""
- name: Point the mail of a domain at its server
  inbound.mail.dns_records:
    server: ns1.example.org
    key_name: inbound-mail
    key_secret: "{{ lookup('ansible.builtin.env', 'MAIL_DNS_KEY_SECRET') }}"
    wait_timeout: 60
    records:
      - {zone: example.org, name: example.org, type: MX, values: [10 mail.example.org], ttl: 3600}
      - {zone: example.org, name: mail.example.org, type: A, values: [203.0.113.17]}
      - {zone: example.org, name: mail.example.org, type: AAAA, values: ["2001:db8:1::17"]}

- name: The same for many zones, an SPF policy each beside whatever else their TXT records say
  inbound.mail.dns_records:
    server: ns1.example.org
    key_name: inbound-mail
    key_secret: "{{ lookup('ansible.builtin.env', 'MAIL_DNS_KEY_SECRET') }}"
    zones:
      example.org:
        - {name: example.org, type: MX, values: [10 mail.example.org]}
        - {name: example.org, type: TXT, values: [v=spf1 mx -all]}
      example.net:
        - {name: example.net, type: MX, values: [10 mail.example.org]}
        - {name: example.net, type: TXT, values: [v=spf1 mx -all]}

- name: Take one of two exchangers out
  inbound.mail.dns_records:
    server: ns1.example.org
    key_name: inbound-mail
    key_secret: "{{ lookup('ansible.builtin.env', 'MAIL_DNS_KEY_SECRET') }}"
    records:
      - {zone: example.org, name: example.org, type: MX, values: [20 backup.example.net], state: absent}

- name: List the records to enter by hand
  inbound.mail.dns_records:
    provider: manual
    records:
      - {zone: example.org, name: example.org, type: MX, values: [10 mail.example.org]}
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
