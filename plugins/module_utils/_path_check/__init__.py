# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observes what mail from outside depends on, and judges it.

probes/ look and never judge, observation.py is what they saw, evidence/ answers questions about it, rules/ judge by it
and never look. delivery/ sends test messages and finds them.
"""
