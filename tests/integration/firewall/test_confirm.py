# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only what was confirmed stays: whatever befalls a run, the rules in force and those of the next boot are proven ones.

systemd's timers are a stand-in's files here, and their time comes when a test says so.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import INTERFACES, PATIENCE, Gateway

INTERLEAVINGS = "ansible_collections.inbound.mail.tests.integration.firewall.interleavings"
# Half of them in each of two namespaces.
COUNT = 500
FORWARD: dict[str, Any] = {
    "name": "mx",
    "action": "forward",
    "source": ["wan"],
    "public_address": "203.0.113.1",
    "targets": [{"address": "192.168.0.10"}],
}
DROP: dict[str, Any] = {"name": "others", "action": "drop", "source": ["lan"], "destination": ["wan"]}

# Notes what is to run later, by the unit's name; a timer that is stopped is forgotten.
_SYSTEMD_RUN = """#!/bin/sh
mkdir -p /mnt/timers
while test "$1" != /bin/sh; do case $1 in --unit=*) unit=${1#--unit=} ;; esac; shift; done
printf '%s\\n' "$3" >/mnt/timers/$unit
"""
_SYSTEMCTL = """#!/bin/sh
case $* in
    --root=/*) exec /mnt/systemctl "$@" ;;
    *stop*.timer) for unit; do :; done; rm -f /mnt/timers/${unit%.timer} ;;
esac
exit 0
"""
# A program that stops the module at its first use, or is stopped itself, after it has noted its own process.
_STOPS_MODULE = """#!/bin/sh
case "$*" in {at}) if mkdir /mnt/once 2>/dev/null; then kill -STOP $PPID; fi ;; esac
exec /mnt/{program} "$@"
"""
_STOPS_ITSELF = """#!/bin/sh
case "$*" in {at}) if mkdir /mnt/once 2>/dev/null; then kill -STOP $$; fi ;; esac
exec /mnt/{program} "$@"
"""


@pytest.fixture
def timed(gateway: Gateway) -> Iterator[Gateway]:
    """A gateway that seems to run systemd."""
    gateway.run("mkdir /run/systemd/system; rm -rf /mnt/timers /mnt/once")
    replaced = {"systemd-run": _SYSTEMD_RUN, "systemctl": _SYSTEMCTL}
    for program, text in replaced.items():
        replace(gateway, f"/usr/bin/{program}", text)
    gateway.apply([FORWARD])
    yield gateway
    fire(gateway)
    gateway.firewall(name="test", state="absent")
    gateway.run(f"umount {' '.join(f'/usr/bin/{program}' for program in replaced)}; rmdir /run/systemd/system")


def replace(gateway: Gateway, path: str, text: str) -> None:
    """Another program in a program's place; the former is in /mnt."""
    name = path.rpartition("/")[2]
    gateway.run(f"cp {path} /mnt/{name}; cat >/mnt/{name}.new; chmod +x /mnt/{name}.new", stdin=text)
    gateway.run(f"mount --bind /mnt/{name}.new {path}")


def fire(gateway: Gateway) -> None:
    """The time of all timers comes."""
    gateway.run('for timer in /mnt/timers/*; do test ! -f "$timer" || { /bin/sh "$timer"; rm -f "$timer"; }; done')


def change(gateway: Gateway, flows: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    """The module as the controller brings it to the host, without the confirmation."""
    return gateway.firewall(name="test", interfaces=INTERFACES, flows=flows, confirm_timeout=60, **options)


def confirm(gateway: Gateway, change_id: str) -> dict[str, Any]:
    return gateway.firewall(name="test", state="confirmed", change_id=change_id)


def begun(gateway: Gateway, flows: list[dict[str, Any]]) -> subprocess.Popen[str]:
    """A run that goes on in the background."""
    options = {"name": "test", "interfaces": INTERFACES, "flows": flows, "confirm_timeout": 60}
    process = gateway.start(sys.executable, "-m", "ansible_collections.inbound.mail.plugins.modules.firewall")
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    process.stdin.close()
    process.stdin = None
    return process


def await_stopped(gateway: Gateway) -> int:
    """The process that has been stopped, as soon as it is."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        states = gateway.run("cat /proc/[0-9]*/stat 2>/dev/null || :").stdout
        stopped = re.findall(
            r"^(\d+) \((?:python\S*|nft|conntrack|nft.new|conntrack.new|sh)\) T ", states, re.MULTILINE
        )
        if stopped:
            return int(stopped[0])
    raise AssertionError("no process was stopped")


def nothing_is_left(gateway: Gateway) -> None:
    assert gateway.run("ls -A /run/inbound.mail/firewall").stdout == ""


def test_each_step_with_each_interference() -> None:
    """A kill, a stop or a wait past the timer, a suspend, a second controller, a confirmation of another change."""
    gateway = Gateway()
    try:
        gateway.run("mkdir /run/systemd/system")
        found = json.loads(gateway.run(f"{sys.executable} -m {INTERLEAVINGS}").stdout)
    finally:
        gateway.close()
    assert found["wrong"] == []


def test_interleavings_by_chance() -> None:
    """INBOUND_MAIL_SEED is the first of the seeds; a soak takes others than the tests."""
    seed = int(os.environ.get("INBOUND_MAIL_SEED", "0"))
    gateways = [Gateway(), Gateway()]
    try:
        started = []
        for number, gateway in enumerate(gateways):
            gateway.run("mkdir /run/systemd/system")
            first = str(seed + number * COUNT // 2)
            words = ("--seed", first, "--count", str(COUNT // 2))
            started.append(gateway.start(sys.executable, "-m", INTERLEAVINGS, *words))
        for process in started:
            said, complaints = process.communicate(timeout=300)
            assert process.returncode == 0, complaints
            assert json.loads(said)["wrong"] == []
    finally:
        for gateway in gateways:
            gateway.close()


def test_a_change_is_confirmed_by_its_id_alone(timed: Gateway) -> None:
    change_id = change(timed, [FORWARD, DROP])["change_id"]
    before = timed.state()
    assert f"name it: change_id: {change_id}" in timed.firewall(name="test", state="confirmed")["msg"]
    assert "is not in force and cannot be confirmed" in confirm(timed, "0123456789abcdef")["msg"]
    assert timed.state() == before
    assert confirm(timed, change_id)["confirmed"]
    nothing_is_left(timed)
    # The answer may have been lost on its way.
    assert confirm(timed, change_id)["confirmed"]
    assert not timed.apply([FORWARD, DROP], confirm_timeout=60)["changed"]


def test_a_second_controller_learns_what_waits_and_what_to_do(timed: Gateway) -> None:
    change_id = change(timed, [FORWARD, DROP])["change_id"]
    before = timed.state()
    for options in ({"flows": [DROP]}, {"flows": [DROP], "confirm_timeout": 5}, {"state": "absent"}):
        refused = timed.firewall(name="test", interfaces=INTERFACES, **options)["msg"]
        assert f"change {change_id} of test waits for its confirmation, and the host reverts it in " in refused
        assert f"systemctl start inbound-mail-firewall-revert-test-{change_id}.service" in refused
    assert timed.state() == before
    assert confirm(timed, change_id)["confirmed"]


def test_a_change_that_takes_longer_than_its_timer_is_reverted(timed: Gateway) -> None:
    """The program that ends connections hangs: it is stopped, and the run waits for it."""
    before = timed.state()
    replace(timed, "/usr/sbin/conntrack", _STOPS_ITSELF.format(at="*", program="conntrack"))
    try:
        run = begun(timed, [{**FORWARD, "targets": [{"address": "192.168.0.11"}]}])
        await_stopped(timed)
        assert "192.168.0.11" in timed.rules()
        fire(timed)
        said, _errors = run.communicate(timeout=PATIENCE)
    finally:
        timed.run("umount /usr/sbin/conntrack")
    result = json.loads(said)
    assert "was not finished and confirmed within confirm_timeout" in result["msg"]
    assert timed.state() == before
    nothing_is_left(timed)


@pytest.mark.parametrize("at", ["*--stateless*", "'-f -'"], ids=["before the change", "in the change"])
@pytest.mark.parametrize("wrapper", [_STOPS_MODULE, _STOPS_ITSELF], ids=["module", "nft"])
def test_what_was_stopped_past_the_timer_changes_nothing_afterwards(timed: Gateway, at: str, wrapper: str) -> None:
    before = timed.state()
    replace(timed, "/usr/sbin/nft", wrapper.format(at=at, program="nft"))
    try:
        run = begun(timed, [FORWARD, DROP])
        stopped = await_stopped(timed)
        fire(timed)
        try:
            os.kill(stopped, signal.SIGCONT)
        except ProcessLookupError:
            assert at == "'-f -'"
        run.communicate(timeout=PATIENCE)
    finally:
        timed.run("umount /usr/sbin/nft")
    if at == "'-f -'":
        assert timed.state() == before
        nothing_is_left(timed)
    else:
        # Its timer was not even set then: it went on, and waits.
        assert timed.state()["files"] == before["files"]
        fire(timed)
        assert timed.state() == before


def test_two_runs_at_once(timed: Gateway) -> None:
    replace(timed, "/usr/sbin/nft", _STOPS_MODULE.format(at="'-f -'", program="nft"))
    try:
        run = begun(timed, [FORWARD, DROP])
        stopped = await_stopped(timed)
        refused = change(timed, [DROP])["msg"]
        os.kill(stopped, signal.SIGCONT)
        said, _errors = run.communicate(timeout=PATIENCE)
    finally:
        timed.run("umount /usr/sbin/nft")
    assert f"another run is at work on this firewall: process {stopped}, state: present" in refused
    assert confirm(timed, json.loads(said)["change_id"])["confirmed"]


def test_a_full_disk_leaves_the_change_armed_and_the_next_boot_as_it_was(timed: Gateway) -> None:
    before = timed.state()
    change_id = change(timed, [FORWARD, DROP])["change_id"]
    timed.run(
        "cp -a /etc/inbound.mail /mnt/kept; mount -t tmpfs -o size=16k tmpfs /etc/inbound.mail;"
        "cp -a /mnt/kept/. /etc/inbound.mail; dd if=/dev/zero of=/etc/inbound.mail/fill bs=4k 2>/dev/null || :"
    )
    try:
        refused = confirm(timed, change_id)
        assert "Traceback" not in json.dumps(refused)
        assert f"change {change_id} is not confirmed, as it cannot be written for the next boot: " in refused["msg"]
        assert "/etc/inbound.mail/firewall/test.nft: No space left on device" in refused["msg"]
        assert "What the next boot loads is as it was before, and the host reverts the change in " in refused["msg"]
        assert timed.run("ls /mnt/timers").stdout == f"inbound-mail-firewall-revert-test-{change_id}\n"
        timed.run("rm /etc/inbound.mail/fill")
        fire(timed)
        after = timed.state()
    finally:
        timed.run("umount /etc/inbound.mail; rm -r /mnt/kept")
    assert after["rules"] == before["rules"]
    assert after["sysctls"] == before["sysctls"]
    assert timed.state() == before


def test_rules_that_others_changed_meanwhile_are_not_confirmed(timed: Gateway) -> None:
    before = timed.state()
    change_id = change(timed, [FORWARD, DROP])["change_id"]
    timed.run("nft insert rule inet inbound_mail_test inbound_mail_forward accept")
    assert "the table was changed by other means" in confirm(timed, change_id)["msg"]
    fire(timed)
    assert timed.state() == before


def test_a_change_that_fails_is_reverted_at_once(timed: Gateway) -> None:
    before = timed.state()
    replace(timed, "/usr/sbin/nft", '#!/bin/sh\ncase "$*" in "-f -") exit 1 ;; esac\nexec /mnt/nft "$@"\n')
    try:
        assert "nft refuses the rules" in change(timed, [FORWARD, DROP])["msg"]
    finally:
        timed.run("umount /usr/sbin/nft")
    assert timed.state() == before
    nothing_is_left(timed)


def test_a_revert_that_fails_is_tried_again(timed: Gateway) -> None:
    before = timed.state()
    change_id = change(timed, [FORWARD, DROP])["change_id"]
    replace(timed, "/usr/sbin/nft", "#!/bin/sh\nexit 1\n")
    try:
        timer = f"/mnt/timers/inbound-mail-firewall-revert-test-{change_id}"
        assert timed.run(f"/bin/sh {timer}", check=False).returncode != 0
    finally:
        timed.run("umount /usr/sbin/nft")
    fire(timed)
    assert timed.state() == before
    assert "was reverted, and the rules before it are in force" in confirm(timed, change_id)["msg"]
    nothing_is_left(timed)


def test_what_a_former_release_left_waiting_is_reverted_first(timed: Gateway) -> None:
    timed.run(
        "mkdir -p /run/inbound.mail/firewall/test; cd /run/inbound.mail/firewall;"
        "{ echo 'mv /run/inbound.mail/firewall/test /run/inbound.mail/firewall/test.reverted || exit 0';"
        "echo 'rm -r /run/inbound.mail/firewall/test.reverted'; } >test/revert"
    )
    assert not timed.apply([FORWARD], confirm_timeout=60)["changed"]
    nothing_is_left(timed)
