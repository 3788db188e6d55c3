#!/usr/bin/python
# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Compile the declared ways of mail into one plan
version_added: "0.1.0"
author:
  - the inbound.mail contributors (@inbound-mail)
description:
  - Reads how every mail server is reached (C(mail_topology) and the other variables of the declaration) of all hosts of
    the groups C(mail_servers), C(mail_relays), C(mail_gateways) and C(mail_firewalls), and compiles it to DNS records,
    flows of each device, what relays and servers do, what must then be observed, and what others have to be asked for.
  - The whole inventory is compiled, also under C(--limit), and whichever host the task runs for; give it C(run_once).
  - Everything that is wrong is reported at once, each with the host, the variable and what to write instead.
  - Nothing is contacted and no fact is needed. Credentials are not in the plan, and not read without
    O(needs_credentials).
requirements:
  - dnspython (controller)
extends_documentation_fragment:
  - inbound.mail.attributes
  - inbound.mail.attributes.controller
attributes:
  check_mode:
    support: full
    details: The plan is compiled all the same; O(dest) and O(drawing) are not written.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  dest:
    description:
      - A file on the controller to write the plan to, as JSON, with mode V(0600). A relative path starts from the
        directory in which Ansible was started.
    type: path
  drawing:
    description:
      - A file on the controller to write a drawing of the network to, with mode V(0600). It shows who hands mail to
        whom, by which addresses, through which devices, and who is shut to the outside.
      - A name that ends with C(.svg) asks for a picture, one with C(.mmd) for a Mermaid flowchart.
    type: path
    version_added: "0.3.0"
  show:
    description:
      - Print the plan on the terminal, as tables.
    type: bool
    default: false
  show_requests:
    description:
      - Print what others have to be asked for (C(manual) in the plan) on the terminal, as it is to be entered, and not
        the rest of the plan. O(show) prints it too.
    type: bool
    default: false
    version_added: "0.8.0"
  former:
    description:
      - A file with the plan of a former state, as O(dest) wrote it. The result is then not the plan of what is
        declared, but of a stage on the way there, which C(site) carries out like any other. The playbook
        C(inbound.mail.cutover) does that stage by stage.
    type: path
    version_added: "0.4.0"
  stage:
    description:
      - With O(former), which stage. In V(beside) both ways take mail, and the records lead to the former one with a
        short TTL; in V(switched) they lead to the new one; in V(new) there is only the new one, and what only the
        former had is removed.
    type: str
    choices: [beside, switched, new]
    version_added: "0.4.0"
  cutover_states:
    description:
      - Files in which M(inbound.mail.cutover) keeps where a cutover stands, and folders with such files (C(*.cutover)).
      - The task fails if a cutover to the declared state has not ended, or one away from it that switched records.
        It also fails if one of them cannot be read, since it could be about such a cutover.
    type: list
    elements: path
    default: []
    version_added: "0.5.0"
  needs_credentials:
    description:
      - Whether it is an error if a credential in C(mail_dns) or C(mail_credentials) cannot be read or is empty, as a
        variable that it is made of is not set, or its vault is not open. It is not in the plan all the same.
      - C(inbound.mail.site) asks for that, so that nothing is changed before a credential is missed.
    type: bool
    default: false
    version_added: "0.6.0"
  short_ttl:
    description:
      - With O(former), the TTL in seconds of records that are about to change, where theirs is longer.
    type: int
    default: 60
    version_added: "0.4.0"
seealso:
  - module: inbound.mail.dns_records
  - module: inbound.mail.firewall
  - module: inbound.mail.path_check
"""

EXAMPLES = r"""
- name: Show what would be done, and keep it
  inbound.mail.plan:
    show: true
    dest: plan.json
    drawing: plan.svg
  run_once: true

- name: Compile the plan
  inbound.mail.plan:
  register: mail_plan_result
  run_once: true
"""

RETURN = r"""
plan:
  description: The plan, plain data. Names are lower-case A-labels without the final dot.
  returned: success
  type: dict
  contains:
    format_version:
      description: Grows when the format changes in a way that readers would notice.
      type: int
      sample: 1
    dns:
      description: Endpoint (key of C(mail_dns)) -> zone -> RRsets, each with name, type, values and TTL in seconds.
      type: dict
      sample:
        default:
          example.org:
            - {name: example.org, type: MX, values: ["10 mail.example.org."], ttl: 3600}
    flows:
      description: Device -> its flows as O(inbound.mail.firewall#module:flows) takes them.
      type: dict
      sample:
        gateway:
          - name: mx-mail
            action: forward
            source: [wan]
            public_address: 192.0.2.1
            ports: [25]
            targets: [{address: 192.168.0.10}]
            hairpin: true
            translate_source: false
    relay:
      description: Relay -> its name, domains with next hops, the servers that it relays for, and who may deliver.
      type: dict
      sample: {}
    server:
      description: Server -> its name, domains, who may deliver, smarthosts, and whether domains are delivered locally.
      type: dict
      sample:
        mail:
          {fqdn: mail.example.org, domains: [example.org], accept_from: [], smarthosts: [], local_delivery: true}
    expect:
      description: What must be observed, as O(inbound.mail.path_check#module:expectations) takes it.
      type: dict
      sample: {}
    public_networks:
      description: The networks of C(mail_public_networks).
      type: list
      elements: str
      sample: []
    manual:
      description: What others have to be asked for, each with owner, what, why, and the records, flows or steps.
      type: list
      elements: dict
      sample: []
    warnings:
      description: What may not be meant so, each with host, variable, message and remedy.
      type: list
      elements: dict
      sample: []
    cutover:
      description:
        - With O(former). The stage, an id of the pair of states, the longest TTL that a record about to change had and
          has then, the changes as text, the domains, and what goes in the end (hosts by role, names of exchanges).
          Before that, the TCP connections of C(sessions) have to end, of each host as a filter of C(ss).
      type: dict
      sample: {stage: beside, former_ttl: 3600, short_ttl: 60}
tables:
  description: The plan as text.
  returned: success
  type: str
  sample: |-
    Record       Type  Value             Preference  TTL
    -----------  ----  ----------------  ----------  ----
    example.org  MX    mail.example.org  10          3600
dest:
  description: The file that holds the plan.
  returned: when O(dest) is given
  type: str
  sample: /home/admin/plan.json
drawing:
  description: The file that holds the drawing.
  returned: when O(drawing) is given
  type: str
  sample: /home/admin/plan.svg
problems:
  description: Everything that is wrong; the host is empty where it is about all of them.
  returned: when the declaration does not hold together
  type: list
  elements: dict
  contains:
    host:
      description: The inventory host.
      type: str
      sample: mail
    variable:
      description: The variable.
      type: str
      sample: mail_topology
    message:
      description: What is wrong.
      type: str
      sample: "'dirct' is no topology"
    remedy:
      description: What to write instead.
      type: str
      sample: Write direct, nat or relay
"""
