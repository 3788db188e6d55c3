# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the pictures in docs/images: the page of a verdict on a desk, in the dark and on a phone. `make screenshots`"""

from __future__ import annotations

import tempfile
from pathlib import Path

from chromium import Chromium
from sample import write

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
LOOKS = {
    "verdict-light": {"width": 800, "height": 1350},
    "verdict-dark": {"width": 800, "height": 1350, "dark": True},
    "verdict-phone": {"width": 390, "height": 1350},
}


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Chromium() as browser:
        page = write(Path(folder) / "report.html")
        for name, look in LOOKS.items():
            browser.look(**look)
            browser.open(page)
            (IMAGES / f"{name}.png").write_bytes(browser.picture())
            print(f"docs/images/{name}.png")


if __name__ == "__main__":
    main()
