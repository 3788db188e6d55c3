# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kerberos realm with a KDC of MIT's, and Debian's own Ansible as a member of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from controller import START, Outcome
from named import Named

PACKAGES = ("ansible-core", "krb5-admin-server", "krb5-kdc", "python3-dnspython", "python3-gssapi")
REALM = "EXAMPLE.TEST"
HOST = "ns1.example.test"
_REPOSITORY = Path(__file__).resolve().parents[3]
_FILES = {
    "krb5.conf": """\
[libdefaults]
  default_realm = {realm}
  dns_canonicalize_hostname = false
  rdns = false
  default_ccache_name = MEMORY:test
[realms]
  {realm} = {{
    kdc = {address}:88
  }}
[domain_realm]
  .example.test = {realm}
[dbmodules]
  {realm} = {{
    db_library = db2
    database_name = /srv/principal
  }}
""",
    "kdc.conf": """\
[kdcdefaults]
  kdc_listen = {address}:88
  kdc_tcp_listen = {address}:88
[realms]
  {realm} = {{
    key_stash_file = /srv/stash
    acl_file = /srv/acl
  }}
""",
    "hosts": "{address} {host}\n",
}


class Realm:
    """With a principal for the name server, whose folder everything is in."""

    def __init__(self, server: Named) -> None:
        self.server = server
        for name, text in _FILES.items():
            text = text.format(realm=REALM, address=server.address, host=HOST)
            (server.folder / name).write_text(text)
        self._run("/usr/sbin/kdb5_util", "create", "-s", "-r", REALM, "-P", "only-for-this-test")
        self.principal(f"DNS/{HOST}", "dns.keytab")
        self._kdc = subprocess.Popen(self.inside("/usr/sbin/krb5kdc", "-n"), stderr=subprocess.DEVNULL)

    def inside(self, *command: str, **environment: str) -> list[str]:
        """In the server's root folder, with the realm, and this collection where Ansible finds it."""
        variables = {
            "KRB5_CONFIG": "/srv/krb5.conf",
            "KRB5_KDC_PROFILE": "/srv/kdc.conf",
            "ANSIBLE_COLLECTIONS_PATH": "/srv/collections",
            "ANSIBLE_STDOUT_CALLBACK": "minimal",
            "HOME": "/srv",
            "LC_ALL": "C.UTF-8",
            **environment,
        }
        words = [f"{name}={value}" for name, value in variables.items()]
        target = "srv/collections/ansible_collections/inbound/mail"
        (self.server.folder / target.removeprefix("srv/")).mkdir(parents=True, exist_ok=True)
        script = (
            f'mount --bind "$2" "$1/srv" && mount --bind "$3" "$1/{target}" &&'
            'mount --bind "$2/hosts" "$1/etc/hosts" &&'
            'mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/dev" && mkdir "$1/dev/shm" &&'
            'mknod "$1/dev/urandom" c 1 9 && mknod "$1/dev/null" c 1 3 &&'
            'root=$1 && shift 3 && exec chroot "$root" "$@"'
        )
        arguments = [str(self.server.root), str(self.server.folder), str(_REPOSITORY), "env", *words, *command]
        return self.server.network.inside("unshare", "--mount", "sh", "-c", script, "sh", *arguments)

    def principal(self, name: str, keytab: str) -> None:
        """A principal, whose key is put into the file."""
        for query in (f"addprinc -randkey {name}", f"ktadd -k /srv/{keytab} {name}"):
            self._run("/usr/sbin/kadmin.local", "-r", REALM, "-q", query)

    def records(self, records: list[dict[str, Any]], *words: str, keytab: str = "", **options: Any) -> Outcome:
        """inbound.mail.dns_records, as the principal whose key is in the file."""
        task = {
            "inbound.mail.dns_records": {"server": HOST, "key_algorithm": "gss-tsig", "records": records, **options}
        }
        play = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
        (self.server.folder / "playbook.yml").write_text(json.dumps(play))
        command = ("ansible-playbook", "-i", "localhost,", "/srv/playbook.yml", *words)
        # Nothing of this machine's Ansible or Python gets in.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE", "PYTHON"))}
        done = subprocess.run(
            self.inside(*command, KRB5_CLIENT_KTNAME=f"/srv/{keytab or 'none'}"),
            env={**environment, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        output = done.stdout + done.stderr
        start = done.stdout.find(" => {")
        assert start >= 0, output
        return Outcome(START.raw_decode(done.stdout, start + 4)[0], output, done.returncode)

    def close(self) -> None:
        self._kdc.kill()
        self._kdc.wait()

    def _run(self, *command: str) -> None:
        done = subprocess.run(self.inside(*command), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
