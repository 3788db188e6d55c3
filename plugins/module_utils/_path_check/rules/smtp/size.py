# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the size of messages that a server announces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import WARNING, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


_SIZE = re.compile(r"SIZE ([0-9]{1,20})", re.IGNORECASE)


@rule(
    "size-differs",
    WARNING,
    "RFC 1870, sections 4 and 6.1",
    "The server announces a message size in its answer to EHLO that is not the declared one. A message that it "
    "accepts and a server behind it rejects is returned to its sender address, which may be forged.",
    "Set the declared size on the server.",
)
def size_differs(case: Case) -> Iterator[Found]:
    for dialogue, offered in case.smtp.offers():
        declared = case.smtp.message_size(dialogue)
        limits = [int(match[1]) for match in map(_SIZE.fullmatch, offered) if match]
        # Without a number it says nothing (RFC 1870, section 4).
        if declared is None or not limits or limits[0] == declared:
            continue
        takes = f"messages of up to {limits[0]} bytes" if limits[0] else "messages of any size"
        yield Found(
            where(dialogue),
            f"It accepts {takes}; mail_message_size is {declared} bytes.",
            f"Set {declared} there (Postfix: message_size_limit; the roles mail_relay and mail_server do it; "
            "Exchange: MaxMessageSize of the receive connector), or declare its size.",
            expected=f"SIZE {declared}",
            observed=f"SIZE {limits[0]}",
            places=[dialogue["address"]],
        )
