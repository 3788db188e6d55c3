#!/usr/bin/python
# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rspamd
short_description: Configure rspamd to scan a relay's mail, and undo it
version_added: "0.4.0"
author:
  - the inbound.mail contributors (@inbound-mail)
description:
  - Configures rspamd to add its results to mail, to scan it with ClamAV if wanted, and not to judge as spam what the
    relay's own servers send.
  - All of it stands in a file of its own, C(inbound_mail/NAME.conf), that one line in C(rspamd.conf.local) includes.
    Nothing else of rspamd's configuration is touched. Settings in C(local.d) and C(override.d) take
    precedence.
  - The new configuration is first tried on a copy, by C(rspamadm configtest). A running rspamd is reloaded. If it does
    not accept mail then, the previous configuration is restored and the module fails.
  - rspamd and ClamAV themselves have to be installed; the role P(inbound.mail.mail_relay#role) does that. They are
    started, rspamd also at boot.
extends_documentation_fragment:
  - inbound.mail.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
requirements:
  - rspamd 3.0 or later, started by systemd
  - clamd, with O(antivirus)
options:
  name:
    description: The owner of the settings.
    type: str
    default: mail
  outgoing:
    description:
      - Addresses or networks of the servers whose mail to the outside the relay carries. It is scanned for viruses, and
        neither rejected nor marked because of a score.
    type: list
    elements: str
    default: []
  antivirus:
    description: Whether every message goes through ClamAV. One with a virus is rejected.
    type: bool
    default: false
  clamd_socket:
    description: Where clamd listens. rspamd's user has to be allowed to write to it.
    type: path
    default: /run/clamav/clamd.ctl
  antivirus_timeout:
    description:
      - How long to wait for clamd to answer, in seconds. Right after its installation it has no signatures, and
        downloading them takes minutes.
    type: int
    default: 600
  unavailable:
    description:
      - What becomes of mail while clamd does not answer. With V(tempfail) it is deferred, with V(accept) it goes on
        without a scan for viruses.
    type: str
    choices: [tempfail, accept]
    default: tempfail
  config_directory:
    description: The directory of C(rspamd.conf).
    type: path
    default: /etc/rspamd
  state:
    description:
      - V(present) sets what is declared; V(absent) removes everything of O(name) and restores what was there.
        rspamd stays installed and goes on running.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: inbound.mail.postfix
"""

EXAMPLES = r"""
- name: Scan for spam and viruses, and exempt what our own server sends from spam scores
  inbound.mail.rspamd:
    name: relay
    outgoing: [192.0.2.10]
    antivirus: true

- name: Configure Postfix to use it
  inbound.mail.postfix:
    name: milter
    settings:
      smtpd_milters: "{ inet:127.0.0.1:11332, default_action=tempfail }"

- name: Restore the previous configuration of rspamd
  inbound.mail.rspamd:
    name: relay
    state: absent
"""

RETURN = r"""
problems:
  description: Everything that is wrong, with what to do about it.
  returned: failure
  type: list
  elements: dict
  contains:
    option:
      description: The option, or the file.
      type: str
    message:
      description: What is wrong.
      type: str
    remedy:
      description: What to do.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._rspamd.reconcile import run
from ansible_collections.inbound.mail.plugins.module_utils._scanner import TEMPFAIL, UNAVAILABLE
from ansible_collections.inbound.mail.plugins.module_utils._validation import AS_ROOT, InvalidError, file_failure


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "default": "mail"},
            "outgoing": {"type": "list", "elements": "str", "default": []},
            "antivirus": {"type": "bool", "default": False},
            "clamd_socket": {"type": "path", "default": "/run/clamav/clamd.ctl"},
            "antivirus_timeout": {"type": "int", "default": 600},
            "unavailable": {"type": "str", "choices": list(UNAVAILABLE), "default": TEMPFAIL},
            "config_directory": {"type": "path", "default": "/etc/rspamd"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except InvalidError as invalid:
        module.fail_json(msg=str(invalid), problems=[vars(problem) for problem in invalid.problems])
    except HostError as failure:
        module.fail_json(msg=str(failure))
    except OSError as failure:
        module.fail_json(msg=f"{file_failure(failure)}. {AS_ROOT}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
