# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, each in the file that has the beginning of its id as its name: `ns-lame` in dns/ns.py.

A rule judges by what evidence/ tells it, and never looks at the network. Subjects with several files have a folder.
"""
