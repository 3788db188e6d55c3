#!/usr/bin/python
# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: path_check
short_description: Check from outside whether mail gets in
version_added: "0.1.0"
author:
  - the inbound.mail contributors (@inbound-mail)
description:
  - Observes, from the host it runs on (the vantage), everything that mail from outside depends on. It queries every
    authoritative server for the MX and address records, holds a short SMTP dialogue with every exchanger, and tries
    ports that must be closed. It then compares that with what is expected, and reports what is wrong and how to fix it.
  - Everything is observed at once, each thing with its own time limit. What cannot be seen from this vantage is
    reported as unknown, never as a finding.
  - The dialogue tests whether the postmaster of each domain is accepted, and whether a stranger can relay. It ends
    before any message is sent. Only O(delivery=true) sends messages, one for each expected delivery.
  - The role P(inbound.mail.mail_verify#role) uses it on the vantage and on hosts inside, searches the mailboxes, and
    judges all observations together.
  - The rules, with the severity and the source of each, are in C(docs/checks.md).
extends_documentation_fragment:
  - inbound.mail.attributes
attributes:
  check_mode:
    support: full
    details: Observing changes nothing, so check mode observes too. It sends no message.
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
requirements:
  - cryptography (python3-cryptography) on the vantage, to judge certificates
options:
  expectations:
    description:
      - What is expected, as in C(expect) of the plan. What is left out is not observed.
      - Either this or O(domain) is needed.
    type: dict
    suboptions:
      records:
        description: RRsets that every authoritative server must serve.
        type: list
        elements: dict
        default: []
        suboptions:
          endpoint:
            description: The DNS service that hosts the record. It does not affect the check.
            type: str
          view:
            description: Records of the view V(internal) are observed with O(inside=true), the others without.
            type: str
            default: public
          zone:
            description: The zone of the record. By default the resolvers are queried for it.
            type: str
          name:
            description: The owner name, fully qualified, with or without the final dot.
            type: str
            required: true
          type:
            description: The record type.
            type: str
            choices: [MX, A, AAAA]
            required: true
          values:
            description: The values as in a zone file. Empty if there must be no record.
            type: list
            elements: str
            required: true
          ttl:
            description: The TTL in seconds. It is not compared.
            type: int
          asked_of:
            description: Who was asked to enter it, as C(owner) in the plan's list of requests. Empty by default.
            type: str
            default: ""
      serials:
        description:
          - Serial numbers of zones as they were written. Every authoritative server must have that version or a later
            one, even if all of them are equally behind, as with a hidden primary.
        version_added: "0.3.0"
        type: list
        elements: dict
        default: []
        suboptions:
          zone:
            description: The zone.
            type: str
            required: true
          serial:
            description: The serial number of its SOA record.
            type: int
            required: true
      ports:
        description: TCP ports that the vantage must reach, or must not.
        type: list
        elements: dict
        default: []
        suboptions:
          source:
            description: Only ports with V(outside) are tried.
            type: str
            default: outside
          host:
            description: The host's name in the inventory.
            type: str
            required: true
          address:
            description: An IPv4 or IPv6 address.
            type: str
            required: true
          port:
            description: The TCP port.
            type: int
            default: 25
          open:
            description: Whether it must answer.
            type: bool
            required: true
          why:
            description: The reason, for the report.
            type: str
            default: declared so
          asked_of:
            description: Who was asked to do it, as C(owner) in the plan's list of requests. Empty by default.
            type: str
            default: ""
      egress:
        description: Which hosts must reach port 25 outside, or must not.
        type: list
        elements: dict
        default: []
        suboptions:
          source:
            description: The host that connects, by its O(vantage) name.
            type: str
            required: true
          open:
            description: Whether the connection must succeed.
            type: bool
            required: true
          why:
            description: The reason, for the report.
            type: str
            default: declared so
      smtp:
        description: Exchangers to hold an SMTP dialogue with, at each of their addresses.
        type: list
        elements: dict
        default: []
        suboptions:
          host:
            description: The host's name in the inventory.
            type: str
            required: true
          fqdn:
            description: Its public name.
            type: str
            required: true
          addresses:
            description: Its public addresses.
            type: list
            elements: str
            required: true
          port:
            description: The TCP port.
            type: int
            default: 25
          domains:
            description: The domains that it accepts mail for.
            type: list
            elements: str
            default: []
          refuses_unknown:
            description: Whether it must reject recipients that do not exist.
            type: bool
            default: true
          message_size:
            description: The maximum size of a message in bytes, as it must announce in its answer to C(EHLO).
            version_added: "0.5.0"
            type: int
      former:
        description: Hosts that mail for domains came in at before. They must not accept it any more.
        version_added: "0.4.0"
        type: list
        elements: dict
        default: []
        suboptions:
          host:
            description: The host's name in the inventory.
            type: str
            required: true
          addresses:
            description: Its former addresses, without those that mail is directed to now.
            type: list
            elements: str
            required: true
          port:
            description: The TCP port.
            type: int
            default: 25
          domains:
            description: The domains.
            type: list
            elements: str
            default: []
      backups:
        description: Other operators' hosts that accept mail for a domain while ours are down.
        type: list
        elements: dict
        default: []
        suboptions:
          fqdn:
            description: The name in the MX record.
            type: str
            required: true
          preference:
            description: The MX preference.
            type: int
            required: true
          domain:
            description: The mail domain.
            type: str
            required: true
      delivery:
        description: Recipients whose message must arrive.
        type: list
        elements: dict
        default: []
        suboptions:
          domain:
            description: The mail domain, whose MX records direct the message.
            type: str
            required: true
          recipient:
            description: The address.
            type: str
            required: true
          servers:
            description: The hosts, one of which must have it in a mailbox.
            type: list
            elements: str
            required: true
          path:
            description: The hosts on the path, stage by stage. The last stage is the servers.
            type: list
            elements: list
            required: true
  domain:
    description: A mail domain to judge by its DNS records, or by O(exchangers).
    type: str
  exchangers:
    description: The mail exchangers that are expected of O(domain).
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: The name in the MX record.
        type: str
        required: true
      preference:
        description: The MX preference.
        type: int
        default: 10
      addresses:
        description: Its addresses. By default any are accepted.
        type: list
        elements: str
        default: []
  observations:
    description:
      - RV(observation) of earlier runs, the vantage's first. They are judged together, and nothing is observed. In this
        way, observations from several places lead to one verdict.
    type: list
    elements: dict
  vantage:
    description: The name of this host in observations and reports. By default its host name.
    type: str
  helo:
    description:
      - The name that this host gives itself in SMTP. By default its fully qualified host name, or its address if it has
        none.
    type: str
  resolvers:
    description:
      - Addresses of the resolvers to query. By default those of C(/etc/resolv.conf).
      - They are queried over UDP, with TCP for answers that do not fit. V(tcp://192.0.2.53) is queried over TCP only,
        V(tls://192.0.2.53) over TLS with any certificate, and V(tls://[2001:db8::53]:853#dns.example.org) over TLS with
        a certificate for that name.
    type: list
    elements: str
    default: []
  authoritative:
    description: Query every authoritative server. If V(false), only the resolvers are queried.
    type: bool
    default: true
  smtp:
    description: Hold SMTP dialogues.
    type: bool
    default: true
  inside:
    description:
      - This host is inside. It queries its resolvers for the records of the view V(internal), and for those that must
        be the same inside and outside. It observes nothing else, except O(egress_targets).
    type: bool
    default: false
  delivery:
    description:
      - Send a message with a unique token for each expected delivery, by MX lookup.
      - M(inbound.mail.delivery_trace) finds the messages on the servers.
    type: bool
    default: false
  egress_targets:
    description:
      - Addresses outside that answer on port 25. Whether this host reaches them is observed for
        O(expectations.egress).
    type: list
    elements: str
    default: []
  egress_only:
    description: Try O(egress_targets) and observe nothing else, as hosts inside do.
    type: bool
    default: false
  controls:
    description:
      - Addresses outside the plan that are known to answer on port 25. If none of a family answers, the vantage cannot
        send on port 25, and what depends on that is unknown.
    type: list
    elements: str
    default: []
  public_networks:
    description: Special-purpose networks to treat as public, for a laboratory.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds for a connection to be answered. A DNS server has half of that for each of three queries.
    type: float
    default: 5.0
  smtp_timeout:
    description: Seconds for each SMTP reply and for the greeting, which some servers delay to deter spammers.
    type: float
    default: 30.0
  greylist_timeout:
    description:
      - Seconds in which a server that defers recipients is tried again, at most ten times, each in a new connection.
        They are added to O(deadline).
    type: float
    default: 0.0
  delivery_timeout:
    description: Seconds in which a deferred message is tried again.
    type: float
    default: 30.0
  deadline:
    description: Seconds for everything. What was not observed by then is unknown.
    type: float
    default: 120.0
  concurrency:
    description: The number of DNS queries, and of connections, at one time.
    type: int
    default: 500
  fail_on:
    description: The task fails if there is a finding of this severity or a higher one.
    type: str
    choices: [error, warning, never]
    default: error
  accepted:
    description: Findings that are known and accepted. They stay visible, and do not make the task fail.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: The rule.
        type: str
        required: true
      subject:
        description: The subject, exactly as in the finding. By default any subject.
        type: str
      reason:
        description: Why it is accepted.
        type: str
        required: true
      until:
        description: The last day of the acceptance, such as V(2030-12-31). By default it does not expire.
        type: str
  show:
    description: Print the report on the terminal.
    type: bool
    default: false
seealso:
  - module: inbound.mail.plan
  - module: inbound.mail.delivery_trace
"""

EXAMPLES = r"""
- name: Judge any domain from this host
  inbound.mail.path_check:
    domain: example.org
    show: true

- name: Judge it by what is expected
  inbound.mail.path_check:
    domain: example.org
    exchangers:
      - {host: mail.example.org, preference: 10, addresses: [203.0.113.17]}
    accepted:
      - id: serial-mismatch
        reason: The secondary transfers the zone once a day.
        until: 2030-12-31

- name: Probe the exchangers of a plan from outside, before DNS directs mail to them
  inbound.mail.path_check:
    expectations:
      smtp: "{{ mail_plan_result.plan.expect.smtp }}"
  delegate_to: outpost
"""

RETURN = r"""
findings:
  description: What is wrong, by severity, then what is unknown, then what is accepted.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The rule. Ids are stable, texts are not.
      type: str
      sample: mx-differs
    severity:
      description: V(error), V(warning) or V(notice).
      type: str
      sample: error
    status:
      description: V(finding), V(unknown) if it cannot be seen from here, or V(accepted).
      type: str
      sample: finding
    subject:
      description: The name, address or host that it is about.
      type: str
      sample: example.org
    places:
      description: The addresses, or else the host names, that it is about.
      version_added: "0.9.0"
      type: list
      elements: str
      sample: [example.org]
    message:
      description: What was observed.
      type: str
      sample: "The MX RRset is not the declared one: old.example.org is surplus."
    remedy:
      description: What to do about it.
      type: str
      sample: "Change it to 'example.org. MX 10 mail.example.org.': run inbound.mail.site, or change the declaration."
    source:
      description: The source of the rule.
      type: str
      sample: RFC 5321, section 5.1
    expected:
      description: What was expected, if something was.
      type: raw
      sample: ["10 mail.example.org."]
    observed:
      description: What was observed in its place.
      type: raw
      sample: ["10 old.example.org."]
    reason:
      description: Why it is, or was, accepted.
      type: str
      sample: The secondary transfers the zone once a day.
    until:
      description: The last day of the acceptance, which may have passed.
      type: str
      sample: "2030-12-31"
summary:
  description: How many findings there are of each severity, and how many that are unknown or accepted.
  returned: always
  type: dict
  sample: {error: 1, warning: 0, notice: 0, unknown: 0, accepted: 0}
proven:
  description: What was observed to be correct.
  returned: always
  type: list
  elements: str
  sample: ["port 25 open from outside: 203.0.113.17"]
report:
  description: Everything as text to read.
  returned: always
  type: str
  sample: "Verdict: no finding."
stats:
  description: Figures of the run.
  returned: always
  type: dict
  contains:
    seconds:
      description: The time that the observation took.
      type: float
    servers:
      description: Addresses of authoritative servers that were queried.
      type: int
    dialogues:
      description: SMTP dialogues held.
      type: int
    rules:
      description: Rules applied.
      type: int
  sample: {seconds: 0.4, servers: 4, dialogues: 2, rules: 80}
observation:
  description:
    - What was observed, as plain data, for O(observations). A failure, which Ansible prints, does not have it.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.argument_spec import ARGUMENT_SPEC
from ansible_collections.inbound.mail.plugins.module_utils._path_check.arguments import ArgumentsError
from ansible_collections.inbound.mail.plugins.module_utils._path_check.check import run


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        mutually_exclusive=[("expectations", "domain")],
        required_one_of=[("expectations", "domain")],
        supports_check_mode=True,
    )
    try:
        failure, result = run(module.params, module.check_mode)
    except ArgumentsError as error:
        module.fail_json(msg=str(error))
    if failure is not None:
        # Ansible prints what comes with a failure: the report once, and no observation.
        printed = {key: value for key, value in result.items() if key not in ("report", "observation")}
        module.fail_json(msg=failure, **printed)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
