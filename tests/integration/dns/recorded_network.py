# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network whose DNS responses are recorded: the codec is held against dnspython with each that the tests meet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from name_server import Network

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dns_reference import compare


class RecordedNetwork(Network):
    def __init__(self) -> None:
        super().__init__()
        script = str(Path(__file__).with_name("recorder.py"))
        self._recorder = subprocess.Popen(
            self.inside(sys.executable, script), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._recorder.stdout is not None
        assert self._recorder.stdout.readline() == "ready\n"

    def close(self) -> None:
        responses, _errors = self._recorder.communicate()
        super().close()
        for line in responses.split():
            compare(bytes.fromhex(line))
