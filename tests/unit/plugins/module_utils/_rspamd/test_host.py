# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written for rspamd, in a directory of the test's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.inbound.mail.plugins.module_utils._rspamd.host import Files, RspamdHost


def test_rspamds_user_can_read_it_whatever_the_umask_is(tmp_path: Path) -> None:
    configuration = tmp_path / "rspamd"
    configuration.mkdir(mode=0o755)
    with patch_module_args({}):
        module = AnsibleModule(argument_spec={})
    before = os.umask(0o077)
    try:
        RspamdHost(module, str(configuration))._write_all("relay", Files("# included\n", "# ours\n"))
    finally:
        os.umask(before)
    modes = {
        str(path.relative_to(configuration)): stat.S_IMODE(path.stat().st_mode) for path in configuration.rglob("*")
    }
    assert modes == {"rspamd.conf.local": 0o644, "inbound_mail": 0o755, "inbound_mail/relay.conf": 0o644}
