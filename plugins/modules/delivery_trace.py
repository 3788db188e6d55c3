#!/usr/bin/python
# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: delivery_trace
short_description: Find test messages in the mailboxes of a server, and their path
version_added: "0.1.0"
author:
  - the inbound.mail contributors (@inbound-mail)
description:
  - Searches the mailboxes of the host it runs on for the messages that M(inbound.mail.path_check) sent, by their
    tokens, and waits for them. It reads the hops from their Received fields.
  - It searches F(/var/mail), Maildirs and mailboxes in the home directories, Postfix's C(virtual_mailbox_base) and
    C(mail_spool_directory), O(mailboxes), and the accounts of O(imap). Messages stay where they are, and unread.
  - If a message is in none of these, as behind LMTP, Postfix's log tells whether it was delivered. It does not have the
    path of the message.
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
    description: Tokens from C(observation.sent) of the module that sent them. Without them, only RV(names) is returned.
    type: list
    elements: str
    default: []
  mailboxes:
    description:
      - Further mailbox files, Maildirs, or directories that contain them, up to six levels deep. Shell patterns are
        expanded.
    type: list
    elements: path
    default: []
  imap:
    description:
      - IMAP accounts, for messages that are in no file. Folders are opened read-only.
    type: list
    elements: dict
    default: []
    version_added: "0.3.0"
    suboptions:
      server:
        description: The server, as this host reaches it.
        type: str
        default: 127.0.0.1
      port:
        description: The TCP port. By default 993 with V(tls), else 143.
        type: int
      encryption:
        description: V(none) is only for a server on this host.
        type: str
        choices: [tls, starttls, none]
        default: tls
      validate_certs:
        description:
          - Whether the server's certificate must be for its name and from a trusted CA. By default it must, unless the
            server is this host, by its loopback address.
        type: bool
      user:
        description: The account's name.
        type: str
        required: true
      password:
        description: Its password.
        type: str
        required: true
      folders:
        description: The folders to search.
        type: list
        elements: str
        default: [INBOX]
  host:
    description: The name of this host in expectations and reports. By default its host name.
    type: str
  since:
    description: Seconds before now. Mailboxes that have not changed since then are skipped.
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

- name: Find them in an account
  inbound.mail.delivery_trace:
    tokens: "{{ hostvars['outpost'].observed.observation.sent | map(attribute='token') }}"
    imap:
      - server: imap.example.org
        user: postmaster@example.org
        password: "{{ postmaster_password }}"
"""

RETURN = r"""
traces:
  description: Every copy found.
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
    kind:
      description: V(mailbox), V(imap) or V(log).
      type: str
      sample: mailbox
    file:
      description: The mailbox file or message file, the place in an account, or what the log says.
      type: str
      sample: /var/mail/root
    hops:
      description: The Received fields, the first hop first. A log has none.
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
        at:
          description: The same in seconds since the epoch; V(null) if the server wrote no date.
          type: float
          version_added: "0.9.0"
      sample: [{helo: sender.example.com, address: 203.0.113.25, by: mail.example.org, date: "", at: null}]
missing:
  description: Tokens of messages that were not found.
  returned: success
  type: list
  elements: str
  sample: []
unread:
  description: Why some accounts of O(imap) could not be searched.
  returned: success
  type: list
  elements: str
  sample: ["imap://postmaster@192.0.2.10:993: [AUTHENTICATIONFAILED] Authentication failed."]
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
from functools import partial

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery import imap, mailboxes, postfix_log
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.poll import Look, await_messages

# Seconds for each answer of an IMAP server.
_IMAP_TIMEOUT = 10.0
_ACCOUNT = {
    "server": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int"},
    "encryption": {"type": "str", "choices": list(imap.ENCRYPTIONS), "default": imap.TLS},
    "validate_certs": {"type": "bool"},
    "user": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "folders": {"type": "list", "elements": "str", "default": ["INBOX"]},
}


def postfix_settings(module: AnsibleModule) -> dict[str, str]:
    """Postfix's own name and mailboxes; empty without Postfix."""
    postconf = module.get_bin_path("postconf", opt_dirs=["/usr/sbin", "/usr/local/sbin"])
    if not postconf:
        return {}
    names = ("myhostname", "mail_spool_directory", "virtual_mailbox_base")
    status, output, _errors = module.run_command([postconf, "-x", *names])
    lines = [line.partition(" = ") for line in output.splitlines()] if status == 0 else []
    return {name: value.strip() for name, _equals, value in lines if value.strip()}


def log_lines(module: AnsibleModule, since: float) -> list[str]:
    """What was logged about mail since then, in the journal and in files."""
    lines = postfix_log.lines_of_files()
    journalctl = module.get_bin_path("journalctl")
    if journalctl:
        command = [journalctl, "--quiet", "--no-pager", "--facility=mail", f"--since=@{int(since)}"]
        lines += module.run_command(command)[1].splitlines()
    return lines


def accounts(module: AnsibleModule) -> list[imap.Account]:
    found = []
    for one in module.params["imap"]:
        here = imap.is_loopback(one["server"])
        if one["encryption"] == imap.CLEAR and not here:
            module.fail_json(
                msg=f"imap: encryption 'none' would send the password of {one['user']} to {one['server']} in "
                "cleartext. It is for a server on this host (127.0.0.1); use 'tls' or 'starttls'."
            )
        if one["validate_certs"] is None:
            one["validate_certs"] = not here
        one["port"] = one["port"] or imap.PORTS[one["encryption"]]
        found.append(imap.Account(**one, timeout=_IMAP_TIMEOUT))
    return found


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "tokens": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "mailboxes": {"type": "list", "elements": "path", "default": []},
            # The whole option: nested values are quoted in the host's log, where a password that has a backslash or
            # quotation marks would not be recognised.
            "imap": {"type": "list", "elements": "dict", "default": [], "options": _ACCOUNT, "no_log": True},
            "host": {"type": "str"},
            "since": {"type": "float", "default": 600.0},
            "timeout": {"type": "float", "default": 30.0},
        },
        supports_check_mode=True,
    )
    params = module.params
    # The rest is not secret, and the result needs it.
    module.no_log_values = {one["password"] for one in params["imap"] if one["password"]}
    tokens = list(dict.fromkeys(params["tokens"]))
    wrong = [token for token in tokens if not mailboxes.TOKEN.fullmatch(token)]
    if wrong:
        module.fail_json(
            msg=f"tokens: {wrong} are not tokens of path_check, which have 16 to 64 letters, digits and hyphens."
        )
    settings = postfix_settings(module)
    places = [*params["mailboxes"], *(settings[name] for name in settings if name != "myhostname")]
    host = params["host"] or platform.node()
    since = time.time() - params["since"]
    unread: dict[str, str] = {}

    def in_account(account: imap.Account, missing: list[str]) -> list[observation.Trace]:
        if str(account) in unread:
            return []  # repeating a wrong password locks the account
        try:
            return imap.find(host, account, missing)
        except imap.ImapError as error:
            unread[str(account)] = str(error)
            return []

    def in_files(missing: list[str]) -> list[observation.Trace]:
        return mailboxes.find(host, missing, places, since)

    def in_log(missing: list[str]) -> list[observation.Trace]:
        return postfix_log.find(host, missing, log_lines(module, since)) if settings and missing else []

    looks: list[Look] = [in_files, *(partial(in_account, one) for one in accounts(module))]
    traces = await_messages(tokens, looks, in_log, time.monotonic() + params["timeout"])
    names = sorted({name for name in (settings.get("myhostname"), platform.node(), socket.getfqdn()) if name})
    seen = observation.empty(host)
    seen["traces"] = traces
    seen["mail_hosts"] = [{"host": host, "names": names, "unread": list(unread.values())}]
    found = {trace["token"] for trace in traces}
    module.exit_json(
        changed=False,
        traces=traces,
        missing=[token for token in tokens if token not in found],
        unread=list(unread.values()),
        names=names,
        observation=seen,
    )


if __name__ == "__main__":
    main()
