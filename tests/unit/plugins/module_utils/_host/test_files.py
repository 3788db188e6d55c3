# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are replaced, in a directory of the test's own."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_text, replace_text, write_private


@pytest.fixture
def module() -> AnsibleModule:
    with patch_module_args({}):
        return AnsibleModule(argument_spec={})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_replaced_file_keeps_its_mode_and_the_link_to_it(module: AnsibleModule, tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("former\n")
    real.chmod(0o640)
    link.symlink_to(real)

    replace_text(module, link, "new\n", 0o644)

    assert (link.is_symlink(), real.read_text(), mode(real)) == (True, "new\n", 0o640)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_a_new_file_has_the_mode_that_it_is_given(module: AnsibleModule, tmp_path: Path) -> None:
    replace_text(module, tmp_path / "new", "text\n", 0o640)

    assert mode(tmp_path / "new") == 0o640


def test_bytes_that_are_no_text_come_back(module: AnsibleModule, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"caf\xe9\r\n")

    replace_text(module, path, read_text(path) + "more\n")

    assert path.read_bytes() == b"caf\xe9\r\nmore\n"


def test_a_private_file_is_for_its_owner_alone_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("former")
    path.chmod(0o666)

    write_private(path, "new")

    assert (path.read_text(), mode(path)) == ("new", 0o600)


def test_what_cannot_be_written_names_the_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    directory = tmp_path / "taken"
    directory.mkdir()

    with pytest.raises(OSError, match="taken") as raised:
        write_private(directory, "text")

    assert raised.value.errno == errno.EISDIR
    assert list(tmp_path.iterdir()) == [directory]


def test_a_masked_file_is_refused_and_the_device_that_it_leads_to_stays(module: AnsibleModule, tmp_path: Path) -> None:
    """As /etc/sysctl.d/NAME.conf -> /dev/null: to replace what it leads to would take the device from all programs."""
    device, masked = tmp_path / "null", tmp_path / "masked.conf"
    os.mkfifo(device)
    masked.symlink_to(device)

    with pytest.raises(OSError, match=r"leads to .*/null, which is not a regular file") as raised:
        replace_text(module, masked, "text\n")

    assert raised.value.filename == str(masked)
    assert stat.S_ISFIFO(device.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["masked.conf", "null"]
