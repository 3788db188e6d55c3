# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that change together, in a directory of the test's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.files import (
    read_configuration,
    read_text,
    replace_text,
    write_private,
)
from ansible_collections.inbound.mail.plugins.module_utils._host.transaction import FileChanges


@pytest.fixture
def module() -> AnsibleModule:
    with patch_module_args({}):
        return AnsibleModule(argument_spec={})


def seen(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file by name, with its text and mode; of a link, where it leads."""
    return {
        path.name: (os.readlink(path), 0)
        if path.is_symlink()
        else (path.read_text(), stat.S_IMODE(path.stat().st_mode))
        for path in folder.iterdir()
    }


def test_all_are_changed_or_everything_is_as_it_was(module: AnsibleModule, tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text("former\n")
    (tmp_path / "main.cf").chmod(0o640)
    (tmp_path / "table").symlink_to("elsewhere")
    (tmp_path / "goes").write_text("goes\n")
    before = seen(tmp_path)

    for wanted in ("former", "new"):
        with FileChanges(module) as changes:
            changes.stage_own(tmp_path / "table", "row\n", 0o600)
            changes.stage_own(tmp_path / "new", "row\n", 0o644)
            changes.stage(tmp_path / "main.cf", "new\n")
            changes.stage_removal(tmp_path / "goes")
            assert before.items() <= seen(tmp_path).items()
            changes.commit()
            assert (tmp_path / "table").read_text() == "row\n"
            if wanted == "former":
                changes.take_back()
        assert wanted == "new" or seen(tmp_path) == before

    assert seen(tmp_path) == {
        "main.cf": ("new\n", 0o640),
        "table": ("row\n", 0o600),
        "new": ("row\n", 0o644),
    }


def test_the_former_file_itself_comes_back_with_all_that_it_is(module: AnsibleModule, tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.write_text("former\n")
    number = path.stat().st_ino
    with FileChanges(module) as changes:
        changes.stage(path, "new\n")
        changes.commit()
        assert path.stat().st_ino != number
        changes.take_back()
    assert path.stat().st_ino == number


def test_one_that_cannot_be_staged_changes_nothing(module: AnsibleModule, tmp_path: Path) -> None:
    (tmp_path / "first").write_text("former\n")
    (tmp_path / "second").mkdir()
    with FileChanges(module) as changes:
        changes.stage(tmp_path / "first", "new\n")
        with pytest.raises(OSError, match="second"):
            changes.stage_own(tmp_path / "second", "new\n", 0o644)
    assert (tmp_path / "first").read_text() == "former\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_what_a_killed_run_has_left_goes_and_files_of_others_stay(module: AnsibleModule, tmp_path: Path) -> None:
    for name in (
        ".main.cf.inbound_mail-x1",
        ".main.cf.inbound_mail-x2.former",
        ".main.cf.swp",
        ".other.inbound_mail-x",
    ):
        (tmp_path / name).write_text("")
    (tmp_path / ".main.cf.inbound_mail-link").symlink_to("nowhere")
    replace_text(module, tmp_path / "main.cf", "new\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".main.cf.swp", ".other.inbound_mail-x", "main.cf"]


def test_what_another_run_has_unfinished_stays(module: AnsibleModule, tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.write_text("former\n")
    with FileChanges(module) as changes:
        changes.stage(path, "first\n")
        replace_text(module, path, "second\n")
        changes.commit()
        changes.take_back()
    assert path.read_text() == "former\n"


def test_nothing_unfinished_can_be_read_by_other_users(module: AnsibleModule, tmp_path: Path) -> None:
    with FileChanges(module) as changes:
        changes.stage_own(tmp_path / "passwords", "secret\n", 0o600)
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o600}
    write_private(tmp_path / "secret", "text")
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_waited_for(make: object, tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    make(path)  # type: ignore[operator]
    for read in (read_text, read_configuration):
        with pytest.raises(HostError, match=r"main.cf is a (directory|FIFO|device) and has to be a file"):
            read(path)


def test_a_text_that_a_crash_has_taken_is_said(tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.write_bytes(b"biff = no\n" + b"\0" * 4096)
    with pytest.raises(HostError, match="NUL bytes in line 2"):
        read_configuration(path)
    path.write_bytes(b"caf\xe9\n")
    assert read_configuration(path) == "caf\udce9\n"
    assert read_configuration(tmp_path / "nowhere") is None
