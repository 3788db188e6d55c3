# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Debian hosts in namespaces of one machine. README.md beside this package says how to use it."""

from debian_lab.image import RELEASES, image_root, layers, overlay
from debian_lab.lab import Lab
from debian_lab.machine import LabError
from debian_lab.scenario import Scenario, ScenarioError, load

__all__ = ["RELEASES", "Lab", "LabError", "Scenario", "ScenarioError", "image_root", "layers", "load", "overlay"]
