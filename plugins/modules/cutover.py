#!/usr/bin/python
# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cutover
short_description: Keep track of where a cutover stands
version_added: "0.4.0"
author:
  - the inbound.mail contributors (@inbound-mail)
description:
  - Says which step comes next on the way from a former state to the declared one, and for how long something has to be
    waited for before. What was done and when is in a small file, so that a run that was stopped is taken up again.
  - The playbook C(inbound.mail.cutover) does the steps; it is described in C(docs/cutover.md).
extends_documentation_fragment:
  - inbound.mail.attributes
  - inbound.mail.attributes.controller
attributes:
  check_mode:
    support: full
    details: Nothing was reached then, and the file is not written.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  cutover:
    description: What is to be done, as C(cutover) in the plan of M(inbound.mail.plan) with its option O(ignore:former).
    type: dict
    required: true
  path:
    description: The file. It is written with mode V(0600).
    type: path
    required: true
  reached:
    description:
      - The step that was done just now. It is recorded only if it is the next step, so a step that an earlier run did
        stays as it is.
      - V(switching) says that the records are about to be switched.
    type: str
    choices: [beside, delegated, switched, new, verified, switching]
  records:
    description:
      - What M(inbound.mail.dns_records) returned in that step, for each endpoint. The task fails if what is entered by
        hand is not entered yet.
    type: list
    elements: dict
    default: []
  found:
    description:
      - What M(inbound.mail.dns_records) returned in check mode for the records of the former state. The task fails if
        it would change any value.
    type: list
    elements: dict
    default: []
  delegation_ttl:
    description:
      - Seconds for which former name servers may still be asked, as M(inbound.mail.delegation) returned it. The longest
        one counts.
    type: int
    default: 0
    version_added: "0.5.0"
  may_wait:
    description: Whether this run waits for what the next step has to wait for.
    type: bool
    default: true
    version_added: "0.9.0"
  show:
    description: Print the steps, and what is waited for, on the terminal.
    type: bool
    default: false
seealso:
  - module: inbound.mail.plan
  - module: inbound.mail.delegation
"""

EXAMPLES = r"""
- name: Compile what is between the two states
  inbound.mail.plan:
    former: former-plan.json
    stage: new
  register: between
  run_once: true

- name: Look where it stands
  inbound.mail.cutover:
    cutover: "{{ between.plan.cutover }}"
    path: former-plan.json.cutover
    show: true
  run_once: true
"""

RETURN = r"""
step:
  description: What comes next, one of C(beside), C(delegated), C(switched), C(new), C(verified), C(wait) and C(done).
  returned: success
  type: str
  sample: wait
next:
  description:
    - What the playbook does now. C(stage) is the stage that C(inbound.mail.site) brings about, or empty. C(delegation)
      is V(check) or V(wait) if the delegation of zones is checked or waited for, or empty. C(pause) is how many seconds
      it waits, V(0) in check mode and without O(may_wait). C(verify) is whether C(inbound.mail.verify) runs.
  returned: success
  type: dict
  sample: {stage: beside, delegation: "", pause: 0, verify: false}
  version_added: "0.9.0"
wait:
  description: Seconds until the step after C(wait) may begin.
  returned: success
  type: int
  sample: 3589
path:
  description: The file.
  returned: success
  type: str
  sample: /home/admin/former-plan.json.cutover
table:
  description: The steps as text, with what has become of each.
  returned: success
  type: str
  sample: 1  make the new way beside the former one, lower the TTL  next
"""
