#!/usr/bin/python
# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: delivery_trace
short_description: Find test messages in the mailboxes of a server, and the way they took
version_added: "0.1.0"
author:
  - the inbound.mail contributors (@inbound-mail)
description:
  - Looks for the messages that M(inbound.mail.path_check) sent, by their tokens, in the mailboxes of the host it runs
    on, and waits for them. It reads the hops from their Received fields.
  - It looks into F(/var/mail), into Maildirs and mailboxes in the home directories, into Postfix's
    C(virtual_mailbox_base) and C(mail_spool_directory), and where O(mailboxes) says. Messages stay where they are.
extends_documentation_fragment:
  - inbound.mail.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
options:
  tokens:
    description: The tokens, from C(observation.sent) of the module that sent them. Without any, only RV(names) is got.
    type: list
    elements: str
    default: []
  mailboxes:
    description:
      - Further mailbox files, Maildirs, or folders that hold some, to six levels deep. Shell patterns are expanded.
    type: list
    elements: path
    default: []
  host:
    description: What this host is called in expectations and reports. By default its host name.
    type: str
  since:
    description: Seconds before now. Mailboxes that did not change since then are passed over.
    type: float
    default: 600.0
  timeout:
    description: Seconds to wait for the messages.
    type: float
    default: 30.0
seealso:
  - module: inbound.mail.path_check
"""

EXAMPLES = r"""
- name: Find the messages that the vantage sent
  inbound.mail.delivery_trace:
    tokens: "{{ hostvars['outpost'].observed.observation.sent | map(attribute='token') }}"
    host: "{{ inventory_hostname }}"
    mailboxes: [/srv/vmail]
  become: true
"""

RETURN = r"""
traces:
  description: Every copy that was found.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: The host.
      type: str
      sample: mail
    token:
      description: The token.
      type: str
      sample: path-check-0123456789abcdef01234567
    file:
      description: The mailbox file or message file.
      type: str
      sample: /var/mail/root
    hops:
      description: The Received fields, the first hop first.
      type: list
      elements: dict
      contains:
        helo:
          description: The name that the client gave itself.
          type: str
        address:
          description: The client's address, as the server saw it.
          type: str
        by:
          description: The server.
          type: str
        date:
          description: When, as the server wrote it.
          type: str
      sample: [{helo: sender.example.com, address: 203.0.113.25, by: mail.example.org, date: ""}]
missing:
  description: Tokens of which nothing was found.
  returned: success
  type: list
  elements: str
  sample: []
names:
  description: The names that this host gives itself in Received fields.
  returned: success
  type: list
  elements: str
  sample: [mail.example.org]
observation:
  description: The same for O(inbound.mail.path_check#module:observations).
  returned: success
  type: dict
"""

import platform
import socket
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation
from ansible_collections.inbound.mail.plugins.module_utils._path_check.mailboxes import TOKEN, find


def postfix_settings(module: AnsibleModule) -> dict[str, str]:
    """What Postfix says of its name and its mailboxes; empty without Postfix."""
    postconf = module.get_bin_path("postconf", opt_dirs=["/usr/sbin", "/usr/local/sbin"])
    if not postconf:
        return {}
    names = ("myhostname", "mail_spool_directory", "virtual_mailbox_base")
    status, output, _errors = module.run_command([postconf, "-x", *names])
    lines = [line.partition(" = ") for line in output.splitlines()] if status == 0 else []
    return {name: value.strip() for name, _equals, value in lines if value.strip()}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "tokens": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "mailboxes": {"type": "list", "elements": "path", "default": []},
            "host": {"type": "str"},
            "since": {"type": "float", "default": 600.0},
            "timeout": {"type": "float", "default": 30.0},
        },
        supports_check_mode=True,
    )
    params = module.params
    tokens = list(dict.fromkeys(params["tokens"]))
    wrong = [token for token in tokens if not TOKEN.fullmatch(token)]
    if wrong:
        module.fail_json(
            msg=f"tokens: {wrong} are none of path_check's, which have 16 to 64 letters, digits and hyphens."
        )
    settings = postfix_settings(module)
    places = [*params["mailboxes"], *(settings[name] for name in settings if name != "myhostname")]
    host = params["host"] or platform.node()
    traces = find(host, tokens, places, time.time() - params["since"], time.monotonic() + params["timeout"])
    names = sorted({name for name in (settings.get("myhostname"), platform.node(), socket.getfqdn()) if name})
    seen = observation.empty(host)
    seen["traces"] = traces
    seen["mail_hosts"] = [{"host": host, "names": names}]
    found = {trace["token"] for trace in traces}
    module.exit_json(
        changed=False,
        traces=traces,
        missing=[token for token in tokens if token not in found],
        names=names,
        observation=seen,
    )


if __name__ == "__main__":
    main()
