# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the controller that describe the inside of a network, and so are for this user alone."""

from __future__ import annotations

import os
from pathlib import Path

from ..module_utils._host import files


def write_private(path: str, text: str) -> None:
    """In one step, with mode 0600. Where the path is a link, what it leads to is written. Raises OSError."""
    files.write_private(Path(os.path.realpath(path)), text)
