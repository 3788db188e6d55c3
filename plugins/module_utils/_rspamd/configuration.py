# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a relay wants of rspamd, as text in rspamd's own format (UCL).

The text is merged below what the host says itself in local.d and override.d, so that the administrator's word is the
last. Sources: rspamd's documentation of the modules antivirus, force_actions, milter_headers and settings.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.inbound.mail.plugins.module_utils._addresses import Network
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader

VIRUS = "CLAM_VIRUS"

# Set from what the scan found, so a sender's own lines of these names are taken out.
_HEADERS = """\
milter_headers {
  use = ["authentication-results", "x-spamd-bar", "x-spam-level", "x-spam-status"];
}
"""
_ANTIVIRUS = """\
antivirus {
  inbound_mail {
    type = "clamav";
    servers = "%s";
    symbol = "CLAM_VIRUS";
    action = "reject";
    message = 'Virus found: "${VIRUS}"';
    # The whole message: by default a part that says it is text is not looked at.
    scan_mime_parts = false;
  }
}
"""
_WAIT_FOR_ANTIVIRUS = """\
force_actions {
  rules {
    inbound_mail_antivirus_away {
      expression = "CLAM_VIRUS_FAIL";
      action = "soft reject";
      message = "Mail cannot be scanned for viruses now, try again later";
      honor_action = ["reject"];
    }
  }
}
"""
# No score reaches it; the action stays there for viruses.
_OUTGOING = """\
settings {
  inbound_mail_outgoing {
    priority = low;
    ip = [%s];
    apply {
      actions {
        reject = 100000;
        "rewrite subject" = 100000;
        "add header" = 100000;
        greylist = 100000;
      }
    }
  }
}
"""


@dataclass(frozen=True)
class RspamdConfiguration:
    """outgoing: networks whose mail is not judged as spam; antivirus: the path of clamd's socket, or nothing."""

    outgoing: tuple[Network, ...] = ()
    antivirus: str = ""
    wait_for_antivirus: bool = True

    def text(self) -> str:
        parts = ["# Written by Ansible (inbound.mail): a change here is overwritten. Yours go to local.d.\n", _HEADERS]
        if self.antivirus:
            parts.append(_ANTIVIRUS % self.antivirus)
        if self.antivirus and self.wait_for_antivirus:
            parts.append(_WAIT_FOR_ANTIVIRUS)
        if self.outgoing:
            parts.append(_OUTGOING % ", ".join(f'"{network}"' for network in self.outgoing))
        return "".join(parts)


def checked_socket(check: OptionReader, option: str, path: str) -> str:
    """A socket's path that needs no quoting."""
    if not path.startswith("/") or any(character in path for character in '"\\$\n'):
        check.report(option, f"{path!r} is not the path of a socket", "Write an absolute one, without quotation marks")
    return path
