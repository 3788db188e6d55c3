# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the module: what is there, what is wanted, and the way from the one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.files import printable
from ansible_collections.inbound.mail.plugins.module_utils._owned_lines import DamagedBlockError
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OWNER, OptionReader
from ansible_collections.inbound.mail.plugins.module_utils._rspamd.configuration import (
    RspamdConfiguration,
    checked_socket,
)
from ansible_collections.inbound.mail.plugins.module_utils._rspamd.host import (
    Files,
    RspamdHost,
    clamd_unreachable,
)
from ansible_collections.inbound.mail.plugins.module_utils._rspamd.include import with_include, without_include
from ansible_collections.inbound.mail.plugins.module_utils._scanner import TEMPFAIL
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError, Problem

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


class RspamdOptions(TypedDict):
    """The module's options."""

    name: str
    outgoing: list[str]
    antivirus: bool
    clamd_socket: str
    antivirus_timeout: int
    unavailable: str
    config_directory: str
    state: str


class RspamdResult(TypedDict):
    """What the module returns."""

    changed: bool
    diff: list[dict[str, str]]


def run(module: AnsibleModule) -> RspamdResult:
    """Bring rspamd to what the module's parameters say; returns the result. Raises InvalidError, HostError."""
    params: RspamdOptions = module.params
    owner, present = params["name"], params["state"] == "present"
    host = RspamdHost(module, params["config_directory"])
    before = host.read(owner)
    after = _files(params, before)
    clamd = params["clamd_socket"] if present and params["antivirus"] else ""
    start_clamd = bool(clamd) and bool(clamd_unreachable(clamd))
    written = after != before or host.reload_is_pending(owner)
    start = present and not (host.installed and host.is_in_service())
    result: RspamdResult = {"changed": written or start or start_clamd, "diff": _diff(host, owner, before, after)}
    if not result["changed"]:
        return result
    if not host.installed:
        if module.check_mode:
            return result
        raise HostError(f"rspamd is not installed (no rspamadm, or nothing in {host.config_directory}): install it")
    if written:
        refusal = host.refusal(owner, after)
        if refusal:
            remedy = "Correct what it names in rspamd's configuration"
            raise InvalidError([Problem("rspamd", f"it refuses the new configuration: {refusal}", remedy)])
    if not module.check_mode:
        # What mail is going to wait for has to be there first.
        if start_clamd:
            host.start_clamd(clamd, params["antivirus_timeout"])
        if written:
            host.put_live(owner, after)
        if start:
            host.put_in_service()
    return result


def _files(params: RspamdOptions, before: Files) -> Files:
    owner, check = params["name"], OptionReader()
    if not OWNER.fullmatch(owner):
        check.report("name", f"{owner!r} cannot name a file and a block", "Use a to z, 0 to 9 and _")
        check.finish()
    try:
        if params["state"] == "absent":
            return Files(without_include(before.local, owner), None)
        wanted = RspamdConfiguration(
            outgoing=tuple(check.trusted_networks("outgoing", params["outgoing"])),
            antivirus=checked_socket(check, "clamd_socket", params["clamd_socket"]) if params["antivirus"] else "",
            wait_for_antivirus=params["unavailable"] == TEMPFAIL,
        )
        check.finish()
        return Files(with_include(before.local, owner, f"$LOCAL_CONFDIR/inbound_mail/{owner}.conf"), wanted.text())
    except DamagedBlockError as error:
        remedy = "Put that line back, or delete the block"
        raise InvalidError([Problem("rspamd.conf.local", str(error), remedy)]) from error


def _diff(host: RspamdHost, owner: str, before: Files, after: Files) -> list[dict[str, str]]:
    files = [(host.local, before.local, after.local), (host.ours(owner), before.ours, after.ours)]
    return [
        {
            "before_header": str(path),
            "after_header": str(path),
            "before": printable(old or ""),
            "after": printable(new or ""),
        }
        for path, old, new in files
        if old != new
    ]
