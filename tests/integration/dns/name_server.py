# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the real name servers of the tests have in common: a network, a key, a process in a Debian root folder."""

from __future__ import annotations

import base64
import ipaddress
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ADDRESSES = "198.18.0.0/15"
"""Those of the servers: more than all tests together need, and nobody's but theirs (RFC 2544, appendix C.2.2)."""

SOA = "$TTL 300\n@ SOA ns1.{zone}. hostmaster.{zone}. 1 300 60 3600 60\n"


class Network:
    """A network namespace in which nothing is but loopback: any address and port is free there."""

    def __init__(self) -> None:
        # It lives as long as this process, which ends with its standard input.
        self._holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        own = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{self._holder.pid}/ns/net").readlink() == own:
            time.sleep(0.01)
        self._addresses = ipaddress.ip_network(ADDRESSES).hosts()
        self.run("ip", "link", "set", "lo", "up")

    def inside(self, *command: str) -> list[str]:
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *command]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.inside(*command), check=check, capture_output=True, text=True)

    def new_address(self) -> str:
        address = str(next(self._addresses))
        self.run("ip", "address", "add", f"{address}/32", "dev", "lo")
        return address

    def close(self) -> None:
        self._holder.communicate()


def new_secret(octets: int = 32) -> str:
    return base64.b64encode(secrets.token_bytes(octets)).decode()


@dataclass
class Key:
    name: str
    algorithm: str = "hmac-sha256"
    secret: str = field(default_factory=new_secret, repr=False)


@dataclass
class NameServer:
    """A server at an address of its own. root: the release's root folder; folder: an empty one, which the server sees
    as /srv. A subclass writes its configuration and says how it is started."""

    root: Path
    folder: Path
    network: Network
    address: str = ""
    keys: list[Key] = field(default_factory=lambda: [Key("inbound-mail")])
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.address = self.address or self.network.new_address()

    @property
    def key(self) -> Key:
        return self.keys[0]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def launch(self, *command: str, says: str) -> None:
        """Start the server, which logs to standard error, and wait until its log says so."""
        with (self.folder / "log").open("ab") as log:
            began = log.tell()
            self.process = subprocess.Popen(self.inside(*command), stdout=log, stderr=log)
        self.await_log(says, began)

    def await_log(self, text: str, began: int = 0) -> None:
        """Until the text is in the log behind its first `began` octets."""
        deadline = time.monotonic() + 60
        while text not in (self.folder / "log").read_bytes()[began:].decode(errors="replace"):
            if self.process is None or self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the name server did not say '{text}':\n{self.log[-4000:]}")
            time.sleep(0.02)

    def inside(self, *command: str) -> list[str]:
        """The command in the release's root, with `folder` at /srv, for itself alone."""
        mounts = 'mount --bind "$2" "$1/srv" && mount -t tmpfs tmpfs "$1/dev" && mknod "$1/dev/urandom" c 1 9'
        script = f'{mounts} && mknod "$1/dev/null" c 1 3 && root=$1 && shift 2 && exec chroot "$root" "$@"'
        arguments = ["sh", str(self.root), str(self.folder), *command]
        return self.network.inside("unshare", "--mount", "sh", "-c", script, *arguments)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)
            self.process.wait(timeout=60)
            self.process = None

    def clear(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def dig(self, *words: str) -> list[str]:
        """The lines that dig prints, asked of this server; sorted, since a server sends an RRset in any order."""
        command = self.inside("/usr/bin/dig", f"@{self.address}", "+norecurse", "+time=5", "+short", *words)
        return sorted(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines())

    def ttl(self, name: str, rdtype: str) -> int:
        command = self.inside("/usr/bin/dig", f"@{self.address}", "+norecurse", "+noall", "+answer", name, rdtype)
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1])

    def nsupdate(self, zone: str, *lines: str) -> None:
        """Change records as another administrator would, with the key."""
        self.write_key_file()
        script = "\n".join([f"server {self.address}", f"zone {zone}", *lines, "send", ""])
        subprocess.run(self.inside("/usr/bin/nsupdate", "-k", "/srv/key"), input=script, check=True, text=True)

    def write_key_file(self) -> None:
        """At /srv/key, for nsupdate -k."""
        (self.folder / "key").write_text(
            f'key "{self.key.name}" {{ algorithm {self.key.algorithm}; secret "{self.key.secret}"; }};\n'
        )
