#!/usr/bin/python
# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall
short_description: Forward, filter and translate mail on a gateway or firewall
version_added: "0.1.0"
author:
  - the inbound.mail contributors (@inbound-mail)
description:
  - Applies a list of flows on a host that routes, as one table of its own that is replaced in one transaction. If nft
    or the kernel rejects it, nothing changes.
  - Only TCP to the ports of the flows is filtered. All other traffic, the host's own input and output, and every other
    table stay as they are.
  - The first flow that matches a connection decides on it. What no flow matches passes.
  - The table is loaded at boot before the network comes up, and again whenever C(nftables.service) is started or
    reloaded, which flushes all rules. Where a flow accepts or forwards connections, the module enables IP forwarding.
  - The source address of mail from outside is kept, unless a flow says otherwise. Mail filters depend on it.
  - nftables has to be installed; the roles P(inbound.mail.mail_nat_gateway#role) and
    P(inbound.mail.mail_dmz_firewall#role) install it.
extends_documentation_fragment:
  - inbound.mail.attributes
attributes:
  check_mode:
    support: full
    details:
      - Where nft is not installed yet, the prediction starts from an empty ruleset.
      - Nothing is written, but the kernel shows its rules to root alone.
      - An interface that is missing is a warning.
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    support: full
    platforms: linux
requirements:
  - nftables 1.0.6 or later, Linux 5.10 or later
  - conntrack, to end connections to a server that a forward no longer names
  - busctl of systemd 240 or later, beside firewalld
options:
  name:
    description: Names the table, C(inbound_mail_NAME), and all that belongs to it. A host can have several.
    type: str
    default: mail
  backend:
    description:
      - The firewall manager that owns the host's packet filter, and so has to accept what the table accepts. V(auto)
        detects it from the rules in force; two at once are an error that names both.
      - V(firewalld) gets policies, V(ufw) a block in its C(before.rules), V(iptables) a chain that C(FORWARD) calls.
        Beside any of them but ufw, Docker's C(DOCKER-USER) calls that chain too.
      - V(nftables) sets the table alone, also where other rules may drop what it accepts.
    type: str
    choices: [auto, nftables, firewalld, ufw, iptables]
    default: auto
  interfaces:
    description:
      - Sets of interfaces by name, for example V(wan) for C(eth0) and V(dmz) for C(eth1).
      - The set V(wan) leads outside, and so do the sets that are the source of a forward.
    type: dict
    default: {}
  flows:
    description: The flows, in the order in which they are matched. Without any, nothing is forwarded or filtered.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the flow in messages and logs. Unique in the list; V(flow-1) and so on when left out.
        type: str
      action:
        description:
          - V(forward) translates connections to O(flows[].public_address) to O(flows[].targets), and accepts them.
          - V(accept), V(drop) and V(reject) (by a TCP reset) filter what the host routes, by its real addresses.
          - V(snat) translates the source of connections from O(flows[].source) to O(flows[].destination) to
            O(flows[].egress_address).
        type: str
        choices: [forward, accept, drop, reject, snat]
        required: true
      source:
        description: Interface sets, addresses, networks, or V(any), which is the default.
        type: list
        elements: str
      destination:
        description: The same for the destination. For V(snat), where the connection leaves the host.
        type: list
        elements: str
      ports:
        description: TCP ports.
        type: list
        elements: int
        default: [25]
      public_address:
        description: The outside IPv4 address that is forwarded. IPv6 is never translated.
        type: str
      targets:
        description: The servers that it is forwarded to, on the same port.
        type: list
        elements: dict
        suboptions:
          address:
            description: The server's IPv4 address.
            type: str
            required: true
          weight:
            description: Its share of the connections, beside the others.
            type: int
            default: 1
      hairpin:
        description:
          - Clients that come from inside reach O(flows[].public_address) too, and so does the host itself. Their source
            address is translated to the host's, as otherwise the server would answer them directly.
          - Inside is every interface that is neither in V(wan) nor in a set that a forward takes from.
          - On by default where an interface set says what is outside.
        type: bool
      translate_source:
        description:
          - Hide every client behind the host's address. Only for a server that cannot route its answers through this
            host; mail filters then see one client only.
        type: bool
        default: false
      egress_address:
        description: The IPv4 address that mail leaves from.
        type: str
      limits:
        description: Limits for one client address. Connections beyond them are dropped.
        type: dict
        suboptions:
          rate:
            description: New connections in a unit of time, as V(30/minute); with C(second), C(hour) or C(day) too.
            type: str
          connections:
            description: Connections at one time.
            type: int
      log:
        description: Write the connections that match to the kernel's log, ten a second at most.
        type: bool
        default: false
  state:
    description:
      - V(absent) removes the table and all that was written for it, and restores the sysctls.
      - V(confirmed) confirms the change O(change_id) that was made with O(confirm_timeout); a task that makes one does
        it by itself.
    type: str
    choices: [present, absent, confirmed]
    default: present
  confirm_timeout:
    description:
      - Seconds within which a change has to be confirmed over a new connection; otherwise the host reverts it itself.
        The task confirms it at once, and fails if it cannot.
      - Until then nothing is written that outlives a reboot. Rules and sysctls are reverted alike.
      - While a change waits, another run for the same table changes nothing and fails with its ID and the time that is
        left.
      - V(0) makes changes without confirmation. Otherwise systemd has to run on the host.
    type: int
    default: 0
  change_id:
    description:
      - With O(state=confirmed), the ID of the change to confirm. A change that is not in force any more, or another one
        than that, is not confirmed.
    type: str
    version_added: "0.9.0"
"""

EXAMPLES = r"""
- name: Forward mail to the server, and send its mail from the same public address
  inbound.mail.firewall:
    name: nat
    interfaces:
      wan: [eth0]
      lan: [eth1]
    flows:
      - name: mx
        action: forward
        source: [wan]
        public_address: 203.0.113.1
        targets:
          - address: 192.168.0.10
      - name: egress
        action: snat
        source: [192.168.0.10]
        destination: [wan]
        egress_address: 203.0.113.1
      - name: server-out
        action: accept
        source: [192.168.0.10]
        destination: [wan]
      - name: others-out
        action: drop
        source: [lan]
        destination: [wan]

- name: Accept mail for the relay from outside, and for the server from the relay alone
  inbound.mail.firewall:
    name: dmz
    interfaces:
      wan: [eth0]
    flows:
      - {name: in, action: accept, source: [wan], destination: [198.51.100.17, "2001:db8:1::17"]}
      - {name: relay, action: accept, source: [198.51.100.17], destination: [192.168.0.10]}
      - {name: server, action: drop, destination: [192.168.0.10, "2001:db8:10::10"]}

- name: Change a firewall without locking yourself out
  inbound.mail.firewall:
    name: nat
    confirm_timeout: 60
    interfaces:
      wan: [eth0]
    flows:
      - {name: ssh, action: drop, source: [wan], ports: [22]}

- name: Remove it
  inbound.mail.firewall:
    name: dmz
    state: absent
"""

RETURN = r"""
backend:
  description: What the flows were written for.
  returned: success
  type: str
  sample: nftables
confirmed:
  description: Whether the rules are to stay. Only those that are come back after a reboot.
  returned: success
  type: bool
  sample: true
confirm_within:
  description: Seconds in which the change has to be confirmed by O(state=confirmed). The task itself uses it.
  returned: when a change waits for confirmation
  type: int
  sample: 60
change_id:
  description: The ID of that change, for O(change_id). The task itself uses it.
  returned: when a change waits for confirmation
  type: str
  sample: 7d1f0c52a4b8e963
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inbound.mail.plugins.module_utils._firewall.detection import BACKENDS
from ansible_collections.inbound.mail.plugins.module_utils._firewall.option_values import ACTIONS
from ansible_collections.inbound.mail.plugins.module_utils._firewall.reconcile import run
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._validation import AS_ROOT, InvalidError, file_failure


def main() -> None:
    flow = {
        "name": {"type": "str"},
        "action": {"type": "str", "choices": list(ACTIONS), "required": True},
        "source": {"type": "list", "elements": "str"},
        "destination": {"type": "list", "elements": "str"},
        "ports": {"type": "list", "elements": "int", "default": [25]},
        "public_address": {"type": "str"},
        "targets": {
            "type": "list",
            "elements": "dict",
            "options": {"address": {"type": "str", "required": True}, "weight": {"type": "int", "default": 1}},
        },
        "hairpin": {"type": "bool"},
        "translate_source": {"type": "bool", "default": False},
        "egress_address": {"type": "str"},
        "limits": {"type": "dict", "options": {"rate": {"type": "str"}, "connections": {"type": "int"}}},
        "log": {"type": "bool", "default": False},
    }
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "default": "mail"},
            "backend": {"type": "str", "choices": ["auto", *BACKENDS], "default": "auto"},
            "interfaces": {"type": "dict", "default": {}},
            "flows": {"type": "list", "elements": "dict", "options": flow, "default": []},
            "state": {"type": "str", "choices": ["present", "absent", "confirmed"], "default": "present"},
            "confirm_timeout": {"type": "int", "default": 0},
            "change_id": {"type": "str"},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except (HostError, InvalidError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{file_failure(error)}. {AS_ROOT}.")


if __name__ == "__main__":
    main()
