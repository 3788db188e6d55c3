# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.options import ARGUMENT_SPEC

TASKS = Path(__file__).resolve().parents[5] / "roles/mail_dns/tasks/main.yml"


def test_role_hands_on_every_option_of_a_service_and_knows_no_other() -> None:
    tasks = {
        next(key for key in task if "." in key): task for task in yaml.safe_load(TASKS.read_text(encoding="utf-8"))
    }
    arguments = tasks["inbound.mail.dns_records"]["inbound.mail.dns_records"]
    handed_on = {name for name, value in arguments.items() if "mail_dns_endpoints[" in str(value)}
    # These two are of the task and not of one service.
    assert handed_on == set(ARGUMENT_SPEC) - {"former_exchanges", "write"}
    known = tasks["ansible.builtin.fail"]["vars"]["__mail_dns_options"]
    assert set(known) == handed_on
