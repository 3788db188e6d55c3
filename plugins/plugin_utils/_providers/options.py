# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say which DNS service is written to, and how; documented in the fragment `dns_provider`.

Constants alone: compiling a plan reads them, and loads no provider.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypedDict


class OptionSpec(TypedDict, total=False):
    """An option as ansible-core's ArgumentSpecValidator takes it."""

    type: str
    elements: str
    choices: list[str]
    default: object
    required: bool
    no_log: bool


ArgumentSpec = dict[str, OptionSpec]


class ProviderOptions(TypedDict):
    """The validated options of ARGUMENT_SPEC; timeout, wait_timeout: seconds; concurrency: zones at once."""

    provider: str
    server: str | None
    port: int | None
    protocol: str
    ca_path: str | None
    key_name: str | None
    key_secret: str | None
    key_algorithm: str
    url: str | None
    api_token: str | None
    options: dict[str, object] | None
    timeout: float
    concurrency: int
    prune: bool
    former_exchanges: list[str]
    wait_timeout: float
    write: bool


MANUAL = "manual"
USES = {
    "rfc2136": frozenset({"server", "port", "ca_path", "key_name", "key_secret"}),
    "powerdns": frozenset({"url", "api_token", "ca_path", "options"}),
    "cloudflare": frozenset({"url", "ca_path", "api_token", "options"}),
    "route53": frozenset({"url", "ca_path", "options"}),
    "octodns": frozenset({"options"}),
    MANUAL: frozenset[str](),
}
"""By provider: which options it has that not every provider has."""

PROTOCOLS = ("udp", "tcp", "tls")
ALGORITHMS = (
    "hmac-md5",
    "hmac-sha1",
    "hmac-sha224",
    "hmac-sha256",
    "hmac-sha256-128",
    "hmac-sha384",
    "hmac-sha384-192",
    "hmac-sha512",
    "hmac-sha512-256",
)
GSS = "gss-tsig"
"""The algorithm whose keys Kerberos makes (gss_tsig.py)."""
DEFAULT_ALGORITHM = "hmac-sha256"

ARGUMENT_SPEC: ArgumentSpec = {
    "provider": {"type": "str", "choices": list(USES), "default": "rfc2136"},
    "server": {"type": "str"},
    "port": {"type": "int"},
    "protocol": {"type": "str", "choices": list(PROTOCOLS), "default": "udp"},
    "ca_path": {"type": "path"},
    "key_name": {"type": "str"},
    # Credentials are plain strings: a choice that does not hold would print the value.
    "key_secret": {"type": "str", "no_log": True},
    "key_algorithm": {"type": "str", "choices": [*ALGORITHMS, GSS], "default": DEFAULT_ALGORITHM},
    "url": {"type": "str"},
    "api_token": {"type": "str", "no_log": True},
    "options": {"type": "dict", "no_log": True},
    "timeout": {"type": "float", "default": 10.0},
    "concurrency": {"type": "int", "default": 32},
    "prune": {"type": "bool", "default": False},
    "former_exchanges": {"type": "list", "elements": "str", "default": []},
    "wait_timeout": {"type": "float", "default": 0.0},
    "write": {"type": "bool", "default": True},
}
_OF_A_RUN = frozenset({"former_exchanges", "write"})
ENDPOINT_SPEC: ArgumentSpec = {name: option for name, option in ARGUMENT_SPEC.items() if name not in _OF_A_RUN}
"""What describes one DNS service. Which exchangers leave and whether anything is written is for each task to say."""

SPECIAL = frozenset({"server", "port", "ca_path", "key_name", "key_secret", "url", "api_token", "options"})
"""Those without a default, so that it shows whether a task gives them."""


def misplaced(provider: str, given: Collection[str]) -> list[str]:
    """Those of the options given that not every provider has, and this one does not."""
    return sorted(SPECIAL.intersection(given) - USES.get(provider, frozenset()))
