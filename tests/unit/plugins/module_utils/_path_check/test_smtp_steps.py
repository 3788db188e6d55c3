# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server offers in its answer to EHLO, as this release and earlier ones record it."""

from __future__ import annotations

from typing import Any

from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_steps import offered

from .sound import step


def dialogue(text: str, code: int = 250, **more: Any) -> Any:
    return {"steps": [step("banner", "", "", 220, "mail ESMTP"), {**step("ehlo", "", "EHLO x", code, text), **more}]}


def test_lines_are_taken_as_they_are() -> None:
    """Also where a line has the sign that joins lines for people, and where the text is cut off."""
    lines = ["mail.example.org", "SIZE 10240000", "XNOTE a / b", *(f"X{number}" for number in range(90))]
    assert offered(dialogue(" / ".join(lines)[:400] + "...", lines=lines)) == lines[1:]


def test_observations_of_earlier_releases_are_read() -> None:
    assert offered(dialogue("mail.example.org / SIZE 10240000 / STARTTLS")) == ["SIZE 10240000", "STARTTLS"]
    assert offered(dialogue("mail.example.org / SIZE 10240000 / STAR...")) is None


def test_refused_ehlo_offers_nothing() -> None:
    assert offered(dialogue("5.5.1 not today", code=502)) is None
    assert offered({**dialogue(""), "steps": []}) is None
