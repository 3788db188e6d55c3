# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Integration tests run as root, with real servers: on loopback, in a Debian root folder, or on lab hosts."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

from ansible_collections.inbound.mail.tests.integration import labs
from debian_lab import image_root, layers, overlay


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shard", metavar="i/n", help="of the labs' tests, only those of every n-th lab from the i-th on")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    """Mark what needs a lab, so that the rest can run beside it, and bring labs in their order."""
    lab = {item: labs.lab_of(item.nodeid) for item in items if hasattr(item.module, "Lab")}
    for item in lab:
        item.add_marker(pytest.mark.lab)
    items.sort(key=lambda item: labs.order(lab[item]) if item in lab else (-1, ""))
    shard = config.getoption("--shard")
    if shard:
        ours = labs.share(set(lab.values()), shard)
        config.hook.pytest_deselected(items=[item for item in items if lab.get(item) not in ours])
        items[:] = [item for item in items if lab.get(item) in ours]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With -n, tests of one lab go to one process, in order. xdist's loadgroup finds no group with pytest 9.2."""
    from xdist.scheduler import LoadScopeScheduling

    class LabScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return labs.lab_of(nodeid)

    return LabScheduling(config, log)


@pytest.fixture(scope="session")
def debian_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """The root folder of a Debian release's image: `debian_root("bookworm")`, or with packages that its apt cache
    holds (OFFLINE_PACKAGES): `debian_root("trixie", "knot")`.

    It is shared: run its programs by chroot (BIND is in it) and write nothing into it.
    """
    roots: dict[tuple[str, ...], Path] = {}
    with contextlib.ExitStack() as mounted:

        def root(release: str, *packages: str) -> Path:
            if not packages:
                return image_root(release)
            wanted = (release, *packages)
            if wanted not in roots:
                folder = tmp_path_factory.mktemp("root")
                roots[wanted] = mounted.enter_context(overlay(layers(release, [*packages]), folder))
            return roots[wanted]

        yield root


@pytest.fixture
def kernel_log() -> Iterator[Callable[[], str]]:
    """Asked, it gives what the kernel has logged since, also of packets in other network namespaces."""
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    # Tests with a lab run beside those without.
    fcntl.flock(log, fcntl.LOCK_EX)
    of_all = Path("/proc/sys/net/netfilter/nf_log_all_netns")
    before = of_all.read_text()
    os.lseek(log, 0, os.SEEK_END)

    def logged() -> str:
        records = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                records += os.read(log, 8192)
        return records.decode()

    try:
        of_all.write_text("1")
        yield logged
    finally:
        of_all.write_text(before)
        os.close(log)
