#!/usr/bin/python
# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: path_check
short_description: Judge from outside whether mail finds its way in
version_added: "0.1.0"
author:
  - the inbound.mail contributors (@inbound-mail)
description:
  - Looks from the host it runs on, the vantage, at all that mail from outside meets. Every authoritative server is
    asked for the MX and address records, a short SMTP dialogue is held with every exchanger, and what must be shut is
    tried too. Then it compares with what is expected, and says what is wrong and how to mend it.
  - Everything is asked at once, each thing with its own time limit. What could not be seen from this vantage is
    reported as unknown, never as a finding.
  - The dialogue asks whether the postmaster of each domain is taken, and whether a stranger can relay. It ends before
    any message is handed over. Only O(delivery=true) sends messages, one to each expected delivery.
  - The role P(inbound.mail.mail_verify#role) looks from the vantage, from hosts inside and into the mailboxes with it,
    and judges all of that together.
  - The rules, with their severity and the source that each rests on, are in C(docs/checks.md).
extends_documentation_fragment:
  - inbound.mail.attributes
attributes:
  check_mode:
    support: full
    details: Observing changes nothing, so it observes all the same. It sends no message.
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
requirements:
  - cryptography (python3-cryptography) on the host that observes, if certificates are to be judged
options:
  expectations:
    description:
      - What is expected, as C(expect) in the plan has it. What is left out is not looked at.
      - Either this or O(domain) is needed.
    type: dict
    suboptions:
      records:
        description: RRsets that every authoritative server has to serve.
        type: list
        elements: dict
        default: []
        suboptions:
          endpoint:
            description: The DNS service that holds them. Nothing is looked up by it.
            type: str
          view:
            description: Those of the view V(internal) are looked at where O(inside=true), the others where not.
            type: str
            default: public
          zone:
            description: The zone they are in. When left out, the resolvers tell.
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
            description: The values as in a zone file. Empty when there must be none.
            type: list
            elements: str
            required: true
          ttl:
            description: The TTL in seconds. It is not compared.
            type: int
          asked_of:
            description: Who was asked to enter it, as C(owner) in the plan's list of requests. Empty if we do it.
            type: str
            default: ""
      serials:
        description:
          - Serial numbers of zones as they were written. Every authoritative server has to have that version or a later
            one, also where all of them are equally late, as behind a hidden primary.
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
        description: TCP ports that the vantage has to reach, or must not.
        type: list
        elements: dict
        default: []
        suboptions:
          source:
            description: Only those with V(outside) are tried.
            type: str
            default: outside
          host:
            description: What the host is called.
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
            description: Whether it has to answer.
            type: bool
            required: true
          why:
            description: The reason, for the report.
            type: str
            default: declared so
          asked_of:
            description: Who was asked to make it so, as C(owner) in the plan's list of requests. Empty if we do it.
            type: str
            default: ""
      egress:
        description: Which hosts have to reach port 25 outside, or must not.
        type: list
        elements: dict
        default: []
        suboptions:
          source:
            description: The host that tries, by its O(vantage) name.
            type: str
            required: true
          open:
            description: Whether it has to succeed.
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
            description: What the host is called.
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
            description: The domains that it takes mail for.
            type: list
            elements: str
            default: []
          refuses_unknown:
            description: Whether it has to refuse recipients that do not exist.
            type: bool
            default: true
          message_size:
            description: How many bytes a message to it may have, as it has to say itself in its answer to C(EHLO).
            version_added: "0.5.0"
            type: int
      former:
        description: Where mail for domains came in before. It must not be taken there any more.
        version_added: "0.4.0"
        type: list
        elements: dict
        default: []
        suboptions:
          host:
            description: What the host is called.
            type: str
            required: true
          addresses:
            description: Its former addresses, which are nobody's to whom mail is led now.
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
        description: Hosts of others that take the mail of a domain while ours are away.
        type: list
        elements: dict
        default: []
        suboptions:
          fqdn:
            description: The name that the MX record has.
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
        description: Recipients that a message has to arrive for.
        type: list
        elements: dict
        default: []
        suboptions:
          domain:
            description: The mail domain, whose MX records say where the message goes.
            type: str
            required: true
          recipient:
            description: The address.
            type: str
            required: true
          servers:
            description: The hosts one of which has it in a mailbox then.
            type: list
            elements: str
            required: true
          path:
            description: The hosts on the way, stage by stage. The last stage is the servers.
            type: list
            elements: list
            required: true
  domain:
    description: A mail domain, judged by what DNS says of it, or by O(exchangers).
    type: str
  exchangers:
    description: With O(domain), the mail exchangers that are expected.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: The name that the MX record points to.
        type: str
        required: true
      preference:
        description: The MX preference.
        type: int
        default: 10
      addresses:
        description: Its addresses. When left out, any are taken.
        type: list
        elements: str
        default: []
  observations:
    description:
      - RV(observation) of earlier runs, the vantage's first. They are judged again, together, and nothing is looked at.
        So what hosts saw from different places comes to one verdict.
    type: list
    elements: dict
  vantage:
    description: What this host is called in observations and reports. By default its host name.
    type: str
  helo:
    description:
      - The name that it gives itself in SMTP. By default its fully qualified host name, or its address if it has none.
    type: str
  resolvers:
    description:
      - Addresses of the resolvers to ask. By default those of C(/etc/resolv.conf).
      - They are asked over UDP, with TCP for what does not fit. V(tcp://192.0.2.53) is asked over TCP alone,
        V(tls://192.0.2.53) over TLS, whoever answers, and V(tls://[2001:db8::53]:853#dns.example.org) over TLS if its
        certificate is for that name.
    type: list
    elements: str
    default: []
  authoritative:
    description: Ask every authoritative server. If V(false), only the resolvers are asked.
    type: bool
    default: true
  smtp:
    description: Hold SMTP dialogues.
    type: bool
    default: true
  inside:
    description:
      - This host is inside. It asks its resolvers for the records of the view V(internal), and for what it must not see
        otherwise than the world does. It looks at nothing else but O(egress_targets).
    type: bool
    default: false
  delivery:
    description:
      - Send a message with a unique token to each expected delivery, by MX lookup.
      - M(inbound.mail.delivery_trace) finds them on the servers.
    type: bool
    default: false
  egress_targets:
    description:
      - Addresses outside that answer on port 25. Whether this host reaches them is noted, for O(expectations.egress).
    type: list
    elements: str
    default: []
  egress_only:
    description: Try O(egress_targets) and look at nothing else, as hosts inside do.
    type: bool
    default: false
  controls:
    description:
      - Addresses outside the plan that are known to answer on port 25. If none of a family does, the vantage cannot
        send on port 25, and what depends on it is unknown.
    type: list
    elements: str
    default: []
  public_networks:
    description: Networks to take as public although they are special-purpose, for a laboratory.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds for a connection to be answered. A DNS server has half of it, three times.
    type: float
    default: 5.0
  smtp_timeout:
    description: Seconds for each SMTP reply, the greeting too. Some servers delay it to annoy spammers.
    type: float
    default: 30.0
  greylist_timeout:
    description:
      - Seconds in which a server that says V(later) to recipients is asked again, ten times at most, in connections of
        their own. They are added to O(deadline).
    type: float
    default: 0.0
  delivery_timeout:
    description: Seconds in which a message that was told to come later is tried again.
    type: float
    default: 30.0
  deadline:
    description: Seconds for everything. What was not seen by then is unknown.
    type: float
    default: 120.0
  concurrency:
    description: DNS questions, and connections, on their way at one time.
    type: int
    default: 500
  fail_on:
    description: The task fails if there is a finding of this severity or a graver one.
    type: str
    choices: [error, warning, never]
    default: error
  accepted:
    description: Findings that are known and accepted. They stay visible, and nothing fails because of them.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: The rule.
        type: str
        required: true
      subject:
        description: What it is about, exactly as the finding has it. When left out, any subject.
        type: str
      reason:
        description: Why it is accepted.
        type: str
        required: true
      until:
        description: The last day on which it is, such as V(2030-12-31). When left out, for ever.
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

- name: Probe the exchangers of a plan from outside, before DNS leads anybody there
  inbound.mail.path_check:
    expectations:
      smtp: "{{ mail_plan_result.plan.expect.smtp }}"
  delegate_to: outpost
"""

RETURN = r"""
findings:
  description: What is wrong, the gravest first, then what is unknown, then what is accepted.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The rule. It stays the same, texts do not.
      type: str
      sample: mx-differs
    severity:
      description: V(error), V(warning) or V(notice).
      type: str
      sample: error
    status:
      description: V(finding), V(unknown) if it could not be seen from here, or V(accepted).
      type: str
      sample: finding
    subject:
      description: The name, address or host that it is about.
      type: str
      sample: example.org
    message:
      description: What was seen.
      type: str
      sample: "The MX RRset is not the declared one: old.example.org is surplus."
    remedy:
      description: What to do about it.
      type: str
      sample: "Make it 'example.org. MX 10 mail.example.org.': run inbound.mail.site, or change the declaration."
    source:
      description: What the rule rests on.
      type: str
      sample: RFC 5321, section 5.1
    expected:
      description: What was expected, if something was.
      type: raw
      sample: ["10 mail.example.org."]
    observed:
      description: What was seen in its place.
      type: raw
      sample: ["10 old.example.org."]
    reason:
      description: Why it is accepted, where it is, or was.
      type: str
      sample: The secondary transfers the zone once a day.
    until:
      description: The last day on which it is, or was; a finding is no longer accepted after it.
      type: str
      sample: "2030-12-31"
summary:
  description: How many findings there are of each severity, and how many that are unknown or accepted.
  returned: always
  type: dict
  sample: {error: 1, warning: 0, notice: 0, unknown: 0, accepted: 0}
proven:
  description: What was seen to be as it should be.
  returned: always
  type: list
  elements: str
  sample: ["port 25 open from outside: 203.0.113.17"]
report:
  description: All of it as text for people.
  returned: always
  type: str
  sample: "Verdict: no finding."
stats:
  description: What it took.
  returned: always
  type: dict
  contains:
    seconds:
      description: The time that looking took.
      type: float
    servers:
      description: Addresses of authoritative servers that were asked.
      type: int
    dialogues:
      description: SMTP dialogues that were held.
      type: int
    rules:
      description: Rules that judged.
      type: int
  sample: {seconds: 0.4, servers: 4, dialogues: 2, rules: 80}
observation:
  description:
    - What was seen, plain data, for O(observations). It is left out of a failure, which Ansible prints.
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
