# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module rspamd on a real rspamd whose files were damaged or cannot be written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.inbound.mail.tests.integration.mail_root import MailRoot, entered
from debian_lab import layers, overlay

FOLDER = "/etc/rspamd"
BEGIN, END = "# BEGIN inbound.mail relay", "# END inbound.mail relay"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailRoot]:
    folder = tmp_path_factory.mktemp("rspamd")
    with overlay(layers("trixie", ["rspamd"]), folder / "root") as root, entered(root) as host:
        yield host


@pytest.fixture
def local(host: MailRoot) -> Path:
    """rspamd.conf.local with the line that includes ours. No systemd runs here, so rspamd itself is not started."""
    path = host.path / FOLDER[1:] / "rspamd.conf.local"
    host.run("rm", "-rf", f"{FOLDER}/rspamd.conf.local", f"{FOLDER}/inbound_mail")
    path.write_text("# theirs\n")
    assert "systemctl" in host.module("rspamd", name="relay").message
    assert BEGIN in path.read_text()
    return path


def instead(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def damage(path: Path) -> object:
        path.unlink()
        return make(path)

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "NULs": lambda path: path.write_bytes(b"\0" * 20),
    "no BEGIN": lambda path: path.write_text(path.read_text().replace(BEGIN, "#")),
    "no END": lambda path: path.write_text(path.read_text().replace(END, "#")),
    "directory": instead(Path.mkdir),
    "fifo": instead(os.mkfifo),
    "device": instead(lambda path: path.symlink_to("/dev/zero")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_said_and_stays_as_it_is(host: MailRoot, local: Path, damage: str) -> None:
    DAMAGES[damage](local)
    before = local.lstat()
    for state in ("present", "absent"):
        assert "rspamd.conf.local" in host.module("rspamd", name="relay", state=state).message
        assert (local.lstat().st_ino, local.lstat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("damage", ["NULs", "fifo", "device"])
def test_a_damaged_file_of_ours_goes_with_the_rest(host: MailRoot, local: Path, damage: str) -> None:
    DAMAGES[damage](local.parent / "inbound_mail" / "relay.conf")
    assert host.module("rspamd", name="relay", state="absent").answer["changed"]
    assert local.read_text() == "# theirs\n"
    assert not (local.parent / "inbound_mail").exists()


def test_on_a_read_only_disk_nothing_is_changed(host: MailRoot, local: Path) -> None:
    before = local.read_text()
    host.run("sh", "-c", f"mount --bind {FOLDER} {FOLDER} && mount -o remount,bind,ro {FOLDER}")
    try:
        for options in ({"outgoing": ["192.0.2.1"]}, {"state": "absent"}):
            message = host.module("rspamd", name="relay", **options).message
            assert f"{FOLDER}/" in message
            assert "Read-only file system. Nothing was changed" in message
            assert local.read_text() == before
    finally:
        host.run("umount", FOLDER)
