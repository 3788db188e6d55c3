# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Integration tests run as root, with real servers: on loopback, in a Debian root folder, or on lab hosts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

from debian_lab import image_root


@pytest.fixture(scope="session")
def debian_root() -> Callable[[str], Path]:
    """The root folder of a Debian release's image: `debian_root("bookworm")`.

    It is shared and kept: run its programs by chroot (BIND is in it) and write nothing into it.
    """
    return image_root
