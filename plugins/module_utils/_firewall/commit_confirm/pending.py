# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit-confirm: a change that the host reverts by itself, unless it is confirmed in time.

What was there before is written to /run, and a timer of systemd is started that restores it; only then is anything
changed. What outlives a reboot is written when the change is confirmed, and only then. So whatever happens in between
(no way back to the host, a controller or a process that dies or hangs, a reboot), the host ends with what it had.

A change is a folder whose name holds its ID, and the state of the change is in what that name ends with, so each step
is one rename. Runs hold the lock of the table meanwhile. The timer's script does not depend on it: it ends what hangs.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm import (
    boot_files,
    lock,
    records,
    revert_script,
    transitions,
)
from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm.transitions import (
    ChangeState,
    Phase,
)
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.nft import table_name
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.table import removal
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_if_present
from ansible_collections.inbound.mail.plugins.module_utils._host.systemd import Systemctl, run_later
from ansible_collections.inbound.mail.plugins.module_utils._validation import file_failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.firewall_host import FirewallHost
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.state import TableChange

FOLDER = lock.FOLDER / "firewall"
_UNIT = "inbound-mail-firewall-revert-"
# Seconds for which a confirmation waits for a run that looks at the table.
_PATIENCE = 10.0


def now() -> float:
    """Seconds that go on in suspend and do not follow the wall clock (clock_gettime(2))."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class TakenOverError(HostError):
    """The host reverts the change that this process works on."""


class PendingChange:
    """The change of a table that waits for its confirmation, if there is one."""

    def __init__(self, host: FirewallHost, name: str) -> None:
        self._host = host
        self._name = name
        # Of releases up to 0.8, whose changes have no ID.
        self._former = FOLDER / name
        self._outcome = lock.FOLDER / f"firewall-{name}.outcome"

    @contextmanager
    def locked(self, doing: str, waits: bool = False) -> Iterator[None]:
        """Hold the table's lock. waits: for a while, if another run has it."""
        with lock.locked(lock.table_lock(self._name), doing, _PATIENCE if waits else 0.0):
            yield

    def state(self) -> ChangeState:
        """Where the latest change is."""
        for end, phase in ((revert_script.REVERTING, Phase.REVERTING), ("", None), (revert_script.CONFIRMED, None)):
            for folder in sorted(FOLDER.glob(f"{self._name}-*{end}")):
                change_id, dot, found = folder.name[len(self._name) + 1 :].partition(".")
                if f"{dot}{found}" != end:
                    continue
                if end == revert_script.CONFIRMED:
                    return ChangeState(self._name, Phase.CONFIRMED, change_id)
                until = records.until(folder)
                armed = Phase.WAITING if (folder / records.LIVE).exists() else Phase.APPLYING
                return ChangeState(self._name, phase or armed, change_id, until)
        change_id, _space, outcome = read_if_present(self._outcome).strip().partition(" ")
        if outcome in (Phase.CONFIRMED.value, Phase.REVERTED.value):
            return ChangeState(self._name, Phase(outcome), change_id)
        return ChangeState(self._name)

    def settle(self) -> None:
        """Finish what was cut off; raises HostError if a change waits for its confirmation. The lock is held."""
        if (self._former / "revert").is_file():
            self._host.commands.must("/bin/sh", str(self._former / "revert"))
            self._stop_timer(self._name)
        state = self.state()
        if state.is_unfinished(now()):
            self.revert(state.change_id)
        elif state.phase in transitions.ARMED:
            self._refuse(state)
        for left in FOLDER.glob(f"{self._name}-*"):
            if left.suffix == revert_script.CONFIRMED:
                self._clean_up(left)
            elif left.suffix == revert_script.UNFINISHED:
                shutil.rmtree(left, ignore_errors=True)

    def _refuse(self, state: ChangeState) -> None:
        try:
            transitions.arm(state, "", 0.0, now())
        except transitions.RefusedStep as refused:
            revert = f"systemctl start {self._unit(state.change_id)}.service"
            raise HostError(
                f"{refused}. Run the task again after that; or confirm the change, if it is yours (state: confirmed, "
                f"change_id: {state.change_id}); or revert it now: {revert}"
            ) from refused

    def arm(self, change: TableChange, timeout: int) -> str:
        """Have it reverted after so many seconds, and return its ID; the change itself is made afterwards."""
        change_id = secrets.token_hex(8)
        began = now()
        state = transitions.arm(self.state(), change_id, began + timeout, began)
        FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self._folder(change_id)
        prepared = folder.with_name(f"{folder.name}{revert_script.UNFINISHED}")
        try:
            prepared.mkdir(mode=0o700)
            for name, text in (
                ("before.nft", removal(table_name(self._name)) + self._host.nft.listing_text(table_name(self._name))),
                ("change.json", records.change_text(change, state.until)),
                ("revert", self._script(change, change_id)),
                ("working", ""),
            ):
                (prepared / name).write_text(text)
            command = revert_script.command(folder)
            if not run_later(self._host.commands, self._unit(change_id), timeout, *command, retried=True):
                raise HostError(
                    "confirm_timeout needs a systemd that runs on the host, to revert the change if it is not "
                    "confirmed. Leave confirm_timeout out, or set it to 0"
                )
        except (HostError, OSError):
            shutil.rmtree(prepared, ignore_errors=True)
            raise
        return change_id

    @contextmanager
    def work(self, change_id: str, begins: bool = False) -> Iterator[None]:
        """Work on a change, which the host may revert meanwhile: then it ends this process, and all that it started.

        begins: whether the change is armed by this. Raises TakenOverError.
        """
        folder = self._folder(change_id)
        prepared = folder.with_name(f"{folder.name}{revert_script.UNFINISHED}")
        previous = signal.signal(signal.SIGTERM, self._end)
        handle = None
        try:
            try:
                handle = os.open((prepared if begins else folder) / "working", os.O_RDONLY)
                if begins:
                    # From now on it can be confirmed. Its timer runs already, and looks for both names.
                    prepared.rename(folder)
            except FileNotFoundError as error:
                raise self._taken_over() from error
            self._host.commands.pass_on(handle)
            yield
        finally:
            self._host.commands.pass_on(None)
            if handle is not None:
                os.close(handle)
            signal.signal(signal.SIGTERM, previous)

    def finish(self, change_id: str, live: records.LiveState) -> None:
        """All of the change is in force, as ``live`` says, and waits for its confirmation."""
        transitions.finish(self.state(), change_id)
        folder = self._folder(change_id)
        try:
            records.write_live(folder, live)
        except FileNotFoundError as error:
            raise self._taken_over() from error

    def to_keep(self, change_id: str) -> records.ToKeep:
        """What the change is to leave for the next boot. Raises HostError."""
        found = records.to_keep(self._folder(change_id))
        if found is None:
            raise HostError(f"change {change_id} of {self._name} cannot be read, so the host reverts it in time")
        return found

    def live(self, change_id: str) -> records.LiveState:
        """What the change left in force; nothing of it before it is finished."""
        return records.read_live(self._folder(change_id))

    def check_confirmable(self, change_id: str, differences: str = "") -> ChangeState:
        """The state that a confirmation leads to. Raises HostError if it comes too late, or for another change."""
        return transitions.confirm(self.state(), change_id, now(), differences)

    @contextmanager
    def boot_files_alone(self) -> Iterator[None]:
        """Be the one run that writes what the next boot loads. Raises HostError."""
        with boot_files.written_alone(FOLDER, f"{self._name}-"):
            yield

    @contextmanager
    def confirming(self, change_id: str) -> Iterator[None]:
        """Write what outlives a reboot; afterwards the change is confirmed. If that fails it is armed as before."""
        folder = self._folder(change_id)
        saved = folder / "boot"
        with self.boot_files_alone():
            try:
                boot_files.save(self._host, self._name, saved)
                yield
                self.check_confirmable(change_id)
                folder.rename(folder.with_name(f"{folder.name}{revert_script.CONFIRMED}"))
            except TakenOverError:
                raise
            except (HostError, OSError) as error:
                if not folder.is_dir():
                    raise self._taken_over() from error
                restored = self._restored(saved)
                if isinstance(error, transitions.RefusedStep):
                    raise
                raise self._not_written(change_id, error, restored) from error
        self._clean_up(folder.with_name(f"{folder.name}{revert_script.CONFIRMED}"))

    def _restored(self, saved: Path) -> str:
        """Restore what the next boot loads; returns a sentence about it."""
        try:
            if saved.is_dir():
                boot_files.restore(self._host, saved)
        except (HostError, OSError) as failure:
            return f"What the next boot loads is not restored yet ({failure})"
        return "What the next boot loads is as it was before"

    def _not_written(self, change_id: str, error: HostError | OSError, restored: str) -> HostError:
        why = file_failure(error) if isinstance(error, OSError) else str(error)
        seconds = max(0, round(self.state().until - now()))
        return HostError(
            f"change {change_id} is not confirmed, as it cannot be written for the next boot: {why}. {restored}, and "
            f"the host reverts the change in {seconds} s. Remove the cause and run the task again after that, or "
            f"confirm it before (state: confirmed, change_id: {change_id})"
        )

    def revert(self, change_id: str) -> None:
        """Revert it now. The lock is held. Raises HostError."""
        scripts = [Path(f"{self._folder(change_id)}{end}") / "revert" for end in (revert_script.REVERTING, "")]
        # The timer may rename the folder in between.
        for script in filter(Path.is_file, [*scripts, *scripts]):
            output = self._host.commands.run("/bin/sh", str(script), "locked")
            if not output.ok and script.is_file():
                raise HostError(f"change {change_id} of {self._name} cannot be reverted: {output.message}")

    def _clean_up(self, confirmed: Path) -> None:
        """After a confirmation. Nothing of it is needed: that it was confirmed is in the folder's name."""
        change_id = confirmed.name[len(self._name) + 1 :].partition(".")[0]
        self._stop_timer(f"{self._name}-{change_id}")
        try:
            self._outcome.write_text(f"{change_id} {Phase.CONFIRMED.value}\n")
        except OSError:
            self._outcome.unlink(missing_ok=True)
        shutil.rmtree(confirmed, ignore_errors=True)

    def _folder(self, change_id: str) -> Path:
        return FOLDER / f"{self._name}-{change_id}"

    def _unit(self, change_id: str) -> str:
        return f"{_UNIT}{self._name}-{change_id}"

    def _stop_timer(self, what: str) -> None:
        # It is gone already if its time has come.
        Systemctl(self._host.commands).run("stop", f"{_UNIT}{what}.timer")

    def _end(self, _signal: int, _frame: FrameType | None) -> None:
        raise self._taken_over()

    def _taken_over(self) -> TakenOverError:
        return TakenOverError(
            f"the change of {self._name} was not finished and confirmed within confirm_timeout, so the host reverts "
            "it. Set confirm_timeout higher if a change takes that long on this host, or find out what delayed the run"
        )

    def _script(self, change: TableChange, change_id: str) -> str:
        return revert_script.text(
            change_id,
            table_name(self._name),
            self._folder(change_id),
            lock.table_lock(self._name),
            self._outcome,
            self._unit(change_id),
            revert_script.steps(change, self._host.nft.path),
        )
