# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How mail servers are reached, declared in host variables, compiled to one plan: pure Python, no input or output.

cutover/state_file.py alone reads and writes a file: where a cutover stands.
"""
