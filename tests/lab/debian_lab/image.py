# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian images, and layers of given packages on them; each is built once and kept in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from debian_lab.machine import LabError, cache_folder, command, locked, mounts_below, say

RELEASES = ("trixie", "bookworm")

# What a small server has before anybody configures it, and the programs that `hold` asks with.
PACKAGES = (
    "bind9-dnsutils",
    "ca-certificates",
    "conntrack",
    "curl",
    "dbus",
    "iproute2",
    "iputils-ping",
    "netcat-openbsd",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "swaks",
    "systemd",
    "systemd-sysv",
    "tcpdump",
)

# In the image, but not running before a host is given it: tests run a release's named by chroot.
DORMANT = {"bind9": "named.service"}

# What roles and givens install. Hosts reach no mirror, so it lies downloaded in the image.
OFFLINE_PACKAGES = (
    "ansible-core",
    "clamav-daemon",
    "dovecot-imapd",
    "dovecot-lmtpd",
    "firewalld",
    "haproxy",
    "iptables",
    "knot",
    "krb5-admin-server",
    "krb5-kdc",
    "libsasl2-modules",
    "nftables",
    "pdns-backend-sqlite3",
    "pdns-server",
    "postfix",
    "postfix-pcre",
    "python3-dnspython",
    "python3-gssapi",
    "rspamd",
    "ufw",
)

# Cannot be there together with ufw, or with Postfix.
OFFLINE_ALONE = (("iptables-persistent",), ("exim4-daemon-light",), ("opensmtpd",))

_INSTALL = "apt-get install --yes --no-install-recommends"
HOOKS = (
    # No service of the image's makes a change at a moment of its own choice, or holds apt's lock.
    'chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer',
    f'chroot "$1" systemctl disable {" ".join(DORMANT.values())}',
    # Settings of the whole machine's kernel cannot be set in a namespace, and `sysctl --system` would fail.
    'cd "$1/usr/lib/sysctl.d"; for f in *.conf; do grep -q "^-*net" $f || ln -s /dev/null "$1/etc/sysctl.d/$f"; done',
    # Every host gets a key of its own.
    'rm "$1"/etc/ssh/ssh_host_*',
    'chroot "$1" apt-get clean && chroot "$1" apt-get update',
    f'chroot "$1" {_INSTALL} --download-only {" ".join(OFFLINE_PACKAGES)}',
    *(f'chroot "$1" {_INSTALL} --download-only {" ".join(packages)}' for packages in OFFLINE_ALONE),
)
OPTIONS = (
    "--mode=root",
    "--variant=minbase",
    "--format=directory",
    f"--include={','.join([*PACKAGES, *DORMANT])}",
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--skip=cleanup/apt",
    *(f"--customize-hook={hook}" for hook in HOOKS),
)


def recipe_hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def image_root(release: str) -> Path:
    """The root folder of a Debian release's image, built if there is none. Not to be written to."""
    if release not in RELEASES:
        raise LabError(f"no image for '{release}'; there are {', '.join(RELEASES)}")
    folder = cache_folder()
    root = folder / f"{release}-{recipe_hash(release, *OPTIONS)}"
    with locked(folder / f"{release}.lock", lambda: f"lab: somebody else builds the image of {release}: waiting"):
        if not root.exists():
            _build_image(release, root)
    return root


def _build_image(release: str, root: Path) -> None:
    say(f"lab: building the image of Debian {release} (once, half a minute)")
    began = time.monotonic()
    for old in root.parent.glob(f"{release}-*"):
        _remove(old)
    unfinished = root.with_name(f"{root.name}.unfinished")
    log = root.parent / f"{release}.log"
    with log.open("w") as output:
        done = subprocess.run(
            ["mmdebstrap", *OPTIONS, release, str(unfinished)], stdout=output, stderr=output, check=False
        )
    if done.returncode != 0:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise LabError(f"mmdebstrap could not build Debian {release}; the end of {log}:\n{last}")
    unfinished.rename(root)
    say(f"lab: image of {release} built in {time.monotonic() - began:.0f} s")


def layers(release: str, packages: list[str]) -> list[Path]:
    """The folders, topmost first, that as lower layers of an overlay make a Debian with these packages given to it."""
    base = image_root(release)
    if not packages:
        return [base]
    packages = sorted(set(packages))
    folder = cache_folder()
    layer = folder / f"{base.name}+{recipe_hash(*packages)}"
    with locked(folder / f"{release}.lock", lambda: f"lab: somebody else builds on {release}: waiting"):
        if not layer.exists():
            unfinished = layer.with_name(f"{layer.name}.unfinished")
            _remove(unfinished)
            try:
                _build_layer(base, unfinished, packages)
                (unfinished / "upper").rename(layer)
            finally:
                _remove(unfinished)
    return [layer, base]


def _build_layer(base: Path, folder: Path, packages: list[str]) -> None:
    """Install packages over `base`; what that changes is in `folder`/upper."""
    say(f"lab: installing {' '.join(packages)} once, as a layer on {base.name}")
    wake = " ".join(DORMANT[package] for package in packages if package in DORMANT)
    script = f"export DEBIAN_FRONTEND=noninteractive; {_INSTALL} {' '.join(packages)}"
    if wake:
        script += f" && systemctl enable {wake}"
    with overlay([base], folder) as root:
        # Nothing is to start while it is installed: policy-rc.d is Debian's way to say so.
        policy = root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        try:
            command(
                *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--pipe"),
                *("--resolv-conf=off", "--timezone=off", "--hostname=localhost", "-D", root, "sh", "-c", script),
            )
        except LabError as error:
            names = " ".join(packages)
            raise LabError(f"a lab host cannot be given {names}; is it in OFFLINE_PACKAGES? {error}") from error
        policy.unlink()


def mount_overlay(lower: list[Path], folder: Path) -> Path:
    """Mount a root of its own over the layers, its changes in `folder`/upper. Returns the root."""
    root, upper, work = folder / "root", folder / "upper", folder / "work"
    for path in (root, upper, work):
        path.mkdir(parents=True)
    # Nothing here outlives the machine's power, so nothing waits for the disk: `volatile` makes a sync a no-op.
    options = f"lowerdir={':'.join(str(path) for path in lower)},upperdir={upper},workdir={work},volatile"
    command("mount", "-t", "overlay", "inbound-mail-lab", "-o", options, root)
    return root


@contextlib.contextmanager
def overlay(lower: list[Path], folder: Path) -> Iterator[Path]:
    """An overlay root for as long as this lasts."""
    root = mount_overlay(lower, folder)
    try:
        yield root
    finally:
        command("umount", root)


def _remove(path: Path) -> None:
    """Remove an image, a layer or what is left of one, unless a lab's hosts live on it."""
    for point in mounts_below(path):
        command("umount", point)
    if path.is_dir() and path.parent == cache_folder() and str(path) not in Path("/proc/self/mounts").read_text():
        shutil.rmtree(path)
