# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a server offers AUTH after TLS only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import WARNING, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "auth-without-tls",
    WARNING,
    "RFC 4954, section 4",
    "The server offers AUTH on port 25 before TLS: passwords may pass in cleartext.",
    "Offer AUTH only after STARTTLS, or only on the submission ports.",
)
def auth_without_tls(case: Case) -> Iterator[Found]:
    for dialogue, offered in case.smtp.offers():
        # Some write it with a sign of equality, for clients of long ago.
        logins = [word for word in offered if re.match(r"AUTH[ =]", word, re.IGNORECASE)]
        if logins:
            yield Found(
                where(dialogue),
                f"It offers {logins[0]} without TLS.",
                "Allow logins only after STARTTLS (Postfix: smtpd_tls_auth_only = yes), or only on ports 465 and 587.",
                observed=logins,
                places=[dialogue["address"]],
            )
