# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script by which a host reverts a change: without Ansible, without Python, whatever became of the run.

Its first step is to rename the change's folder, and the last step of a confirmation is to rename the same folder: one
of the two finds it gone. What is still at work on the change then is ended, so that it cannot go on after the revert,
even where it was stopped. Every step can be done again: a script that was cut off is run anew.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import sysctls
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import together

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.state import TableChange

UNFINISHED, REVERTING, CONFIRMED = ".prepared", ".reverted", ".confirmed"
"""What the name of a change's folder ends with where it is not armed."""

# Processes at work have the file 'working' open, and so have those that they started. After a second each is killed,
# which ends a stopped one too. One that the kernel does not let go makes no further step itself.
_SCRIPT = """\
#!/bin/sh
# Reverts change {change_id} of {table}, unless it was confirmed. Written by Ansible (inbound.mail.firewall).
# 'locked': the caller holds the lock of the table.
change={folder}
reverted=$change{reverting}
for state in "$change{unfinished}" "$change"; do
    mv -T "$state" "$reverted" 2>/dev/null
done
test -d "$reverted" || exit 0
if test "$1" != locked; then
    signal=TERM tries=0
    while test $tries -lt 200; do
        found=
        for file in /proc/[0-9]*/fd/*; do
            if test "$file" -ef "$reverted/working"; then
                process=${{file#/proc/}}
                kill -$signal "${{process%%/*}}" 2>/dev/null
                found=yes
            fi
        done
        test "$found" || break
        sleep 0.05
        tries=$((tries + 1))
        test $tries -lt 20 || signal=KILL
    done
    exec 9<>{lock}
    flock -w 10 9
    echo "process $$, which reverts change {change_id}" >{lock}
    test -d "$reverted" || exit 0
fi
failed=
if test -d "$reverted/boot"; then /bin/sh "$reverted/boot/restore" "$reverted/boot" || failed=yes; fi
{steps}
# systemd runs this again after a failure.
test -z "$failed" || exit 1
echo {change_id} reverted >{outcome}
rm -rf "$reverted"
systemctl --no-block stop {unit}.timer 2>/dev/null
exit 0
"""


def text(change_id: str, table: str, folder: Path, lock: Path, outcome: Path, unit: str, steps: Iterable[str]) -> str:
    """steps: shell commands; the change's files are in $reverted, and $failed has the script run again."""
    return _SCRIPT.format(
        change_id=change_id,
        table=table,
        folder=quote(str(folder)),
        lock=quote(str(lock)),
        outcome=quote(str(outcome)),
        unit=unit,
        reverting=REVERTING,
        unfinished=UNFINISHED,
        steps="\n".join(steps),
    )


def command(folder: Path) -> tuple[str, ...]:
    """What the timer runs: the script, wherever the change's folder is by then; nothing if it was confirmed."""
    places = " ".join(quote(f"{folder}{end}/revert") for end in (UNFINISHED, "", REVERTING))
    confirmed = quote(f"{folder}{CONFIRMED}")
    find = f'for script in {places}; do if test -e "$script"; then exec /bin/sh "$script"; fi; done'
    return ("/bin/sh", "-c", f"{find}; rm -rf {confirmed}")


def steps(change: TableChange, nft: str) -> list[str]:
    """From what the change makes to what was there before. Sysctls that make the host route come after the rules, and
    go before them. nft: its path.
    """
    settings = [
        (value, _sysctl_step(key, value, change))
        for key, value in sorted(change.before.sysctls.items())
        if change.after.sysctls.get(key) != value and value
    ]
    before, after = change.before.openings, change.after.openings
    changed = [title for title, text in before.items() if text != after[title]]
    return [
        *(step for value, step in settings if value == "0"),
        *(change.managers[title].script(together(before[title], after[title])) for title in changed),
        f"{nft} -f $reverted/before.nft || failed=yes",
        *(change.managers[title].script(before[title]) for title in changed),
        *(step for value, step in settings if value != "0"),
    ]


def _sysctl_step(key: str, value: str, change: TableChange) -> str:
    """Not where another table has been confirmed meanwhile that needs it otherwise, nor where it is gone."""
    place, file = quote(sysctls.path(key)), quote(str(sysctls.SYSCTL_FILE))
    step = f"test ! -e {place} || echo {quote(value)} >{place}"
    entry = f"{key} = {change.after.sysctls.get(key)}"
    if entry in change.before.sysctl_file.splitlines():
        return step
    return f"grep -qxF {quote(entry)} {file} 2>/dev/null || {{ {step}; }}"
