"""Moves of mail between states of the scenario `cutover`, with a stream of messages from outside all the time.

For the integration tests and the benchmark; run by pytest or a script that has tests/lab on its path.
"""

from __future__ import annotations

import os
import shutil
import smtplib
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from debian_lab import Lab

SCENARIO = Path(__file__).resolve().parent / "scenarios" / "cutover"
SERVERS = {"first": 10, "second": 11}
"""Mail server -> the last number of its addresses."""


def direct(server: str) -> dict[str, Any]:
    """The groups of an inventory in which a server is on the internet itself, behind a firewall."""
    host = {
        "mail_topology": "direct",
        "mail_fqdn": f"{server}.example.org",
        "mail_addresses": [f"198.51.100.{SERVERS[server]}"],
        "mail_firewalls": ["gateway"],
    }
    return _groups(server, host, "mail_firewalls")


def nat(server: str) -> dict[str, Any]:
    host = {
        "mail_topology": "nat",
        "mail_fqdn": f"{server}.example.org",
        # It has both, as it goes back and forth: what it sends may come from either.
        "mail_addresses": [f"192.168.0.{SERVERS[server]}", f"198.51.100.{SERVERS[server]}"],
        "mail_public_addresses": ["203.0.113.1"],
        "mail_gateway": "gateway",
    }
    return _groups(server, host, "mail_gateways")


def relay(server: str) -> dict[str, Any]:
    host = {
        "mail_topology": "relay",
        "mail_fqdn": f"{server}-mailbox.example.org",
        "mail_addresses": [f"198.51.100.{SERVERS[server]}"],
        "mail_relays": ["relay"],
        "mail_firewalls": ["gateway"],
    }
    front = {
        "mail_topology": "direct",
        "mail_fqdn": "mx.example.org",
        "mail_addresses": ["198.51.100.17"],
        "mail_firewalls": ["gateway"],
    }
    return {**_groups(server, host, "mail_firewalls"), "mail_relays": {"hosts": {"relay": front}}}


def _groups(server: str, host: dict[str, Any], devices: str) -> dict[str, Any]:
    gateway = {"mail_addresses": ["203.0.113.1", "198.51.100.1", "192.168.0.1"]}
    return {"mail_servers": {"hosts": {server: host}}, devices: {"hosts": {"gateway": gateway}}}


class Moves:
    """A lab in which mail comes in, and the inventory that says how."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.inventory = folder / "inventory.yml"
        self._common = yaml.safe_load((SCENARIO / "inventory.yml").read_text())
        self._states = 0

    @classmethod
    @contextmanager
    def up(cls, folder: Path) -> Iterator[Moves]:
        """folder: an empty one."""
        shutil.copytree(SCENARIO, folder, dirs_exist_ok=True)
        with Lab.up(folder) as lab:
            yield cls(lab, folder)

    def declare(self, groups: dict[str, Any], dns: str = "old") -> str:
        """Write the inventory of a state, with hosts without a part in mail_retired; dns: the host of the zone.

        Returns the file of its plan.
        """
        self._common["all"]["vars"]["mail_domains"][0]["dns"] = dns
        used = {host for group in groups.values() for host in group["hosts"]}
        retired = {host: None for host in (*SERVERS, "relay") if host not in used}
        inventory = {**self._common, **groups, "mail_retired": {"hosts": retired}}
        self.inventory.write_text(yaml.safe_dump(inventory))
        self._states += 1
        plan = f"state-{self._states}.json"
        self.lab.playbook("inbound.mail.plan", "-e", f"mail_plan_dest={plan}")
        return plan

    def delegate(self, to: str) -> None:
        """What the registrar does: the parent zone names the name servers of `old` or `new`."""
        edit = f"s/ NS [a-z]*\\([12]\\)\\.example/ NS {to}\\1.example/; s/com\\. [0-9]* 300/com. $(date +%s) 300/"
        self.lab.run("registry", f'sed -i "{edit}" /var/lib/bind/org.zone && rndc reload org')

    def cutover(self, former: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.lab.playbook("inbound.mail.cutover", "-e", f"mail_cutover_from={former}", *arguments, **options)


class Stream:
    """Messages from outside at a steady rate, each with a token of its own. A second one counts on from the first."""

    _HOSTS = ("stream", "relay", *SERVERS)
    _SCRIPT = """
import signal, smtplib, sys, time
rate = float(sys.argv[1])
stopped = []
# A message that was taken is written down before the end.
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
with open("/root/tokens", "a+", buffering=1) as tokens:
    tokens.seek(0)
    number = first = len(tokens.readlines())
    start = time.monotonic()
    while not stopped:
        time.sleep(max(0, start + (number - first) / rate - time.monotonic()))
        token = f"token-{number:06}"
        with smtplib.SMTP("127.0.0.1", timeout=60) as smtp:
            message = f"Subject: {token}\\r\\n\\r\\nhello\\r\\n"
            smtp.sendmail("alice@example.com", ["postmaster@example.org"], message)
        tokens.write(f"{token}\\n")
        number += 1
"""

    def __init__(self, lab: Lab, rate: float) -> None:
        self._lab = lab
        script = lab.root("stream") / "root" / "stream.py"
        script.write_text(self._SCRIPT)
        before = int(lab.run("stream", "touch /root/tokens; wc -l </root/tokens").stdout)
        lab.run("stream", f"systemd-run --unit=stream --property=Restart=no python3 /root/stream.py {rate}")
        lab.await_run("stream", f"test $(wc -l </root/tokens) -gt {before}", within=30)

    def end(self) -> set[str]:
        """Returns all tokens that the sender's Postfix ever took, when none is on its way any more."""
        self.sent()
        self._lab.run("stream", "systemctl stop stream")
        for host in self._HOSTS:
            folders = " ".join(
                f"/var/spool/postfix/{queue}" for queue in ("maildrop", "incoming", "active", "deferred")
            )
            # Nobody waits for the time at which a host tries again by itself.
            empty = f'postqueue -f 2>/dev/null; test "$(find {folders} -type f 2>/dev/null | wc -l)" = 0'
            self._lab.await_run(host, empty, within=120)
        return set(self._lab.run("stream", "cat /root/tokens").stdout.split())

    def sent(self) -> int:
        """How many there are up to now; LabError if the stream has broken off."""
        self._lab.run("stream", "systemctl is-active stream || { journalctl --no-pager -u stream; exit 1; }")
        return int(self._lab.run("stream", "wc -l </root/tokens").stdout)

    def whereabouts(self) -> str:
        """For whoever looks for a message: the queue of each host, and the end of its log."""
        show = "systemctl is-active stream; postqueue -p | tail -20; journalctl --no-pager -o short-precise | tail -30"
        return "\n".join(f"{host}:\n{self._lab.run(host, show, check=False).stdout}" for host in self._HOSTS)

    def bounced(self) -> str:
        """What the sender's log says of messages that came back, or that were given up."""
        log = "journalctl --no-pager -o cat -t postfix/smtp -t postfix/bounce -t postfix/qmgr"
        return self._lab.run("stream", f"{log} | grep -E 'status=(bounced|expired)|non-delivery' || true").stdout


def session(lab: Lab, host: str, address: str) -> smtplib.SMTP:
    """An SMTP session from a host, held by this process."""

    def connect() -> smtplib.SMTP:
        with open(f"/run/netns/{lab.network.namespace(host)}", encoding="utf-8") as namespace:
            os.setns(namespace.fileno(), os.CLONE_NEWNET)
        return smtplib.SMTP(address, local_hostname="sender.example.com", timeout=60)

    # A namespace is that of a thread; a socket stays in the one that it was made in.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(connect).result()


def arrived(lab: Lab) -> Counter[str]:
    """How many times each token is in the mailboxes of all servers."""
    show = "touch /var/mail/root; sed -n 's/^Subject: \\(token-[0-9]*\\)$/\\1/p' /var/mail/root"
    return Counter(token for server in SERVERS for token in lab.run(server, show).stdout.split())
