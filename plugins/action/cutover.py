# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.inbound.mail.plugins.plugin_utils._controller_clock import read_clock
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.next_step import next_step
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.progress import (
    BESIDE,
    MARKS,
    SWITCHED,
    SWITCHING,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.state_file import (
    OtherStates,
    UnreadableProgress,
    read_progress,
    write_progress,
)


class ActionModule(ActionBase):
    """inbound.mail.cutover; documented in plugins/modules/cutover.py."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "cutover": {"type": "dict", "required": True},
                "path": {"type": "path", "required": True},
                "reached": {"type": "str", "choices": list(MARKS)},
                "records": {"type": "list", "elements": "dict", "default": []},
                "found": {"type": "list", "elements": "dict", "default": []},
                "delegation_ttl": {"type": "int", "default": 0},
                "may_wait": {"type": "bool", "default": True},
                "show": {"type": "bool", "default": False},
            }
        )
        cutover, path = options["cutover"], options["path"]
        try:
            held = read_progress(path, cutover)
        except (OtherStates, UnreadableProgress) as error:
            raise AnsibleActionFail(str(error)) from error
        _fail_if_others_wrote(options["found"], cutover["zones"])
        now = read_clock()
        before = progress = held.anchored(now)
        reached = options["reached"]
        # In check mode nothing was reached. A step that was done in an earlier run is not done once more.
        wanted = SWITCHED if reached == SWITCHING else reached
        is_announced = reached != SWITCHED or SWITCHING in progress.times
        is_next = is_announced and progress.next_step(now) == wanted
        if reached and is_next and not self._task.check_mode:
            _fail_if_others_are_not_done(options["records"])
            longest = max(progress.delegation_ttl, options["delegation_ttl"])
            progress = replace(progress, delegation_ttl=longest).reached(reached, now)
            if reached == BESIDE:
                progress = replace(progress, former_ttl=max([progress.former_ttl, *_replaced_ttls(options["records"])]))
        changed = progress != before
        # Where a wait is counted from is written down too, and is no change to the administrator.
        if progress != held and not self._task.check_mode:
            try:
                write_progress(path, progress)
            except OSError as error:
                raise AnsibleActionFail(
                    f"Where the cutover stands cannot be written to {path}: {error.strerror}. Name a file in a "
                    "directory that you can write to (mail_cutover_state)."
                ) from error
        table = progress.table(cutover["changes"], now)
        if options["show"]:
            self._display.display(f"\n{table}\n")
        return {
            "changed": changed,
            "step": progress.next_step(now),
            "next": next_step(progress, now, may_wait=options["may_wait"] and not self._task.check_mode),
            "path": path,
            "wait": progress.seconds_to_wait(now),
            "table": table,
        }


def _fail_if_others_wrote(results: list[dict[str, Any]], moves: list[dict[str, Any]]) -> None:
    """results: of inbound.mail.dns_records in check mode, what it would change.

    What a service has of a zone that is not delegated to it yet leads nobody, and is written over.
    """
    not_led_to = {(endpoint, move["zone"]) for move in moves for endpoint in move["new"]}
    others = [
        f"{change['name']} {change['type']} is {', '.join(change['before']['values'])}"
        for result in results
        for change in result.get("changes", [])
        if (result.get("mail_dns_endpoint"), change["zone"]) not in not_led_to
        and change["before"]
        and (not change["after"] or change["before"]["values"] != change["after"]["values"])
    ]
    if others:
        raise AnsibleActionFail(
            "The records are not those of the former plan, so it is not the state that mail comes from now: "
            f"{'; '.join(others)}. Nothing was changed. Name the plan of the state that is in DNS (mail_cutover_from), "
            "or run inbound.mail.site with the former inventory first."
        )


def _replaced_ttls(results: list[dict[str, Any]]) -> list[int]:
    """The TTLs that records really had, whatever the former plan says."""
    return [change["before"]["ttl"] for result in results for change in result.get("changes", []) if change["before"]]


def _fail_if_others_are_not_done(results: list[dict[str, Any]]) -> None:
    """results: of inbound.mail.dns_records, a task for each endpoint."""
    waiting = [
        f"{row['name']} {row['type']} (zone {row['zone']}, seen at {row['server']})"
        for result in results
        for row in result.get("manual", {}).get("waiting", [])
    ]
    unknown = [
        row["message"]
        for result in results
        if result.get("manual", {}).get("done", True) is not True
        for row in result["manual"]["unknown"]
    ]
    if waiting or unknown:
        raise AnsibleActionFail(
            "These records are entered by hand and are not yet as they have to be: "
            f"{'; '.join(waiting + unknown)}. Until they are, nothing goes on, and mail is taken on the former way and "
            "on the new one. Enter them as shown above, then run this again."
        )
