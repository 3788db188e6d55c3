# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module postfix on a real Postfix: with damaged files, on a full or read-only disk, and after it was killed."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inbound.mail.tests.integration.mail_root import MailRoot, Result, entered
from debian_lab import layers, overlay

PASSWORD = "planted-smarthost-password"
CREDENTIALS = {"provider": f"example:{PASSWORD}"}
RELAY = {
    "fqdn": "mx.example.org",
    "domains": [{"name": "example.org", "next_hops": [{"address": "192.0.2.1"}]}],
    "smarthosts": [{"address": "192.0.2.9", "tls": "encrypt", "credentials": "provider"}],
}
CONFIGURATION = Path("etc/postfix")
OURS = "inbound_mail/relay"
Tree = dict[str, tuple[int, bytes]]


def relay(host: MailRoot, state: str = "present", **more: Any) -> Result:
    wanted = {"relay": RELAY, "credentials": CREDENTIALS, "edge": {"message_size": 50_000_000}}
    return host.module("postfix", name="relay", state=state, **{**wanted, **more})


def tree(folder: Path) -> Tree:
    """Every file below it, with its kind and mode, and its bytes or where it leads."""

    def content(path: Path) -> bytes:
        if path.is_symlink():
            return os.readlink(path).encode()
        return path.read_bytes() if path.is_file() else b""

    return {str(path.relative_to(folder)): (path.lstat().st_mode, content(path)) for path in folder.rglob("*")}


def put(folder: Path, files: Tree) -> None:
    """Make the folder so."""
    subprocess.run(["find", folder, "-mindepth", "1", "-delete"], check=True)
    for name, (mode, content) in sorted(files.items()):
        path = folder / name
        if (mode & 0o170000) == 0o040000:
            path.mkdir()
        elif (mode & 0o170000) == 0o120000:
            path.symlink_to(content.decode())
            continue
        else:
            path.write_bytes(content)
        path.chmod(mode & 0o7777)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailRoot]:
    folder = tmp_path_factory.mktemp("postfix")
    with overlay(layers("trixie", ["libsasl2-modules", "postfix"]), folder / "root") as root, entered(root) as host:
        # A line that others wrote and that the module will set, with a byte that is no UTF-8.
        with (root / CONFIGURATION / "main.cf").open("ab") as main_cf:
            main_cf.write(b"# caf\xe9\nmessage_size_limit = 1000000\n")
        host.run("postfix", "start")
        yield host


@pytest.fixture(scope="module")
def trees(host: MailRoot) -> tuple[Tree, Tree]:
    """Without and with the relay's settings."""
    folder = host.path / CONFIGURATION
    before = tree(folder)
    result = relay(host)
    assert result.answer.get("postfix") in ("reloaded", "restarted"), result.text
    return before, tree(folder)


@pytest.fixture
def folder(host: MailRoot, trees: tuple[Tree, Tree]) -> Path:
    """Postfix's configuration with the relay's settings."""
    put(host.path / CONFIGURATION, trees[1])
    return host.path / CONFIGURATION


def instead(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def damage(path: Path) -> object:
        path.unlink()
        return make(path)

    return damage


def without(mark: str) -> Callable[[Path], object]:
    def damage(path: Path) -> object:
        return path.write_bytes(re.sub(mark.encode(), b"", path.read_bytes()))

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: os.truncate(path, path.stat().st_size - 30),
    "empty": lambda path: os.truncate(path, 0),
    "NULs": lambda path: path.write_bytes(b"\0" * path.stat().st_size),
    "directory": instead(Path.mkdir),
    "fifo": instead(os.mkfifo),
    "device": instead(lambda path: path.symlink_to("/dev/zero")),
    "no BEGIN": without("# BEGIN inbound.mail relay.*\n"),
    "no END": without("# END inbound.mail relay.*\n"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("file", "state"), [("main.cf", "present"), ("main.cf", "absent"), ("master.cf", "present")])
def test_a_damaged_file_of_postfix_is_said_or_restored(
    host: MailRoot, trees: tuple[Tree, Tree], folder: Path, file: str, damage: str, state: str
) -> None:
    if file == "master.cf" and b"inbound.mail" not in trees[1][file][1] and damage in ("no BEGIN", "no END"):
        # It has no block, and so no mark to lose.
        (folder / file).write_bytes(trees[1][file][1] + f"# {damage[3:]} inbound.mail relay\n".encode())
    else:
        DAMAGES[damage](folder / file)
    before = tree(folder)
    result = relay(host, state)
    if result.rc:
        assert file in result.message
        assert tree(folder) == before
        return
    # What is restored can be undone as before, and no line of others that is still there is lost.
    assert damage in ("truncated", "empty")
    text = (folder / file).read_bytes()
    assert set(re.findall(rb"(?m)^[a-z].*", before[file][1])) - set(text.splitlines()) <= set(
        re.findall(rb"(?ms)^# BEGIN inbound.mail.*^# END inbound.mail[^\n]*", before[file][1])[0].splitlines()
        if b"# BEGIN" in before[file][1]
        else ()
    )


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        *((f"{OURS}/transport", damage) for damage in DAMAGES if not damage.startswith("no ")),
        *((f"{OURS}/passwords", damage) for damage in ("truncated", "fifo", "device")),
        *((f"{OURS}/mx.example.org.pem", damage) for damage in ("truncated", "empty")),
    ],
)
def test_a_damaged_file_of_ours_is_written_again_and_goes_with_the_rest(
    host: MailRoot, trees: tuple[Tree, Tree], folder: Path, file: str, damage: str
) -> None:
    def apart_from_keys(files: Tree) -> Tree:
        """A key that was lost is made anew."""
        return {name: (mode, b"" if name.endswith(".pem") else content) for name, (mode, content) in files.items()}

    assert trees[1][file][1]
    DAMAGES[damage](folder / file)
    before = tree(folder)
    result = relay(host)
    if result.rc:
        # A directory can have anything in it.
        assert damage == "directory"
        assert f"/{file}" in result.message
        assert tree(folder) == before
        return
    assert result.answer["changed"]
    assert apart_from_keys(tree(folder)) == apart_from_keys(trees[1])
    DAMAGES[damage](folder / file)
    assert relay(host, "absent").answer["changed"]
    assert tree(folder) == trees[0]


@pytest.mark.parametrize("file", ["inbound_mail", OURS])
def test_a_file_in_the_place_of_the_tables_is_said(
    host: MailRoot, trees: tuple[Tree, Tree], folder: Path, file: str
) -> None:
    put(
        folder, {**trees[0], **({"inbound_mail": (0o040755, b"")} if file == OURS else {}), file: (0o100644, b"theirs")}
    )
    before = tree(folder)
    result = relay(host)
    assert f"/{file} is no directory" in result.message
    assert "Nothing was changed" in result.message
    assert tree(folder) == before


def served(host: MailRoot) -> str:
    """What a client is told now, which says the largest size that Postfix takes."""
    ask = "import smtplib; s = smtplib.SMTP('127.0.0.1'); s.ehlo('x'); print(s.esmtp_features['size'], s.ehlo_resp)"
    return host.run("python3", "-c", ask).stdout


@pytest.mark.usefixtures("folder")
def test_on_a_full_disk_what_was_in_force_stays_in_force(host: MailRoot) -> None:
    """However much room is left: as for no file at all, for the first of them, for all but the last."""
    inside = f"/{CONFIGURATION}"
    host.run("cp", "-a", inside, "/tmp/postfix")
    host.run("mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", inside)
    try:
        host.run("sh", "-c", f"cp -a /tmp/postfix/. {inside}/ && postfix reload")
        # Only programs in the namespace see what is mounted there.
        look = f"cd {inside} && find . ! -name fill -type f -exec sha256sum {{}} + | sort && postconf -n"
        before, in_force = host.run("sh", "-c", look).stdout, served(host)
        failures = 0
        domains = [{"name": f"d{number}.example.org", "next_hops": [{"address": "192.0.2.1"}]} for number in range(200)]
        more = {
            "relay": {**RELAY, "domains": domains, "fqdn": "other.example.org"},
            "edge": {"message_size": 60_000_000},
        }
        for pages in (0, 1, 4, 8, 30):
            host.run(
                "sh",
                "-c",
                f"head -c 2M /dev/zero >{inside}/fill; truncate -s -{pages * 4096} {inside}/fill",
                check=False,
            )
            result = relay(host, **more)
            if not result.rc:
                break
            failures += 1
            assert re.search(r"/etc/postfix/\S+: No space left on device\. Nothing was changed", result.message)
            assert "make sure that the file system is writable and not full" in result.message
            assert host.run("sh", "-c", look).stdout == before
            assert served(host) == in_force
        assert failures >= 3
        assert result.rc == 0
        assert served(host) != in_force
    finally:
        host.run("umount", inside)
        host.run("sh", "-c", "rm -r /tmp/postfix && postfix reload")


@pytest.mark.parametrize("place", ["", "main.cf", OURS])
def test_on_a_read_only_disk_what_was_in_force_stays_in_force(host: MailRoot, folder: Path, place: str) -> None:
    host.run("postfix", "reload")
    inside = f"/{CONFIGURATION}/{place}".rstrip("/")
    before, in_force = tree(folder), served(host)
    host.run("sh", "-c", f"mount --bind {inside} {inside} && mount -o remount,bind,ro {inside}")
    try:
        for state in ("present", "absent"):
            assert relay(host, state, edge={"message_size": 70_000_000}, check_mode=True).answer["changed"]
            result = relay(host, state, edge={"message_size": 70_000_000})
            assert re.search(r"/etc/postfix\S*: (Read-only file system|It is mounted by itself)", result.message)
            assert tree(folder) == before
            assert served(host) == in_force
    finally:
        host.run("umount", inside)


def test_a_run_that_is_killed_leaves_no_secret_that_others_can_read_and_the_next_one_tidies(
    host: MailRoot, trees: tuple[Tree, Tree], folder: Path
) -> None:
    chance = random.Random(1)
    for number in range(6):
        put(folder, trees[0])
        process = subprocess.Popen(host.command(
            "postfix", name="relay", relay=RELAY, credentials=CREDENTIALS, edge={"message_size": 50_000_000 + number}
        ), stdout=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
        time.sleep(chance.uniform(0.2, 1.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        found = host.run("grep", "-rl", PASSWORD, "/etc", "/root", "/tmp", "/var", "/run", check=False).stdout.split()
        assert {
            oct((host.path / path[1:]).stat().st_mode & 0o777) for path in found if not path.startswith("/tmp")
        } <= {"0o600"}
        assert relay(host, edge={"message_size": 50_000_000}).rc == 0
        left = tree(folder)
        assert left.keys() == trees[1].keys()
        assert left["main.cf"] == trees[1]["main.cf"]


def test_the_result_of_a_run_after_a_kill_shows_no_secret(host: MailRoot, folder: Path) -> None:
    """What it has left is a file that holds passwords too."""
    (folder / OURS / ".passwords.inbound_mail-x1").write_text((folder / OURS / "passwords").read_text())
    result = relay(host, edge={"message_size": 80_000_000})
    assert result.answer["changed"]
    assert PASSWORD not in json.dumps(result.answer)
    assert not list((folder / OURS).glob(".*"))
