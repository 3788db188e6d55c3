# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services with an interface over HTTP that are not there."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import dns.rdatatype
import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._providers import powerdns
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.base import Provider, ProviderError
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.cloudflare import provider as cloudflare
from ansible_collections.inbound.mail.plugins.plugin_utils._records.names import parse_name
from ansible_collections.inbound.mail.plugins.plugin_utils._records.rrsets import Change, Key, RRset
from ansible_collections.inbound.mail.plugins.plugin_utils._records.values import parse_value

ZONE = parse_name("example.org")
MX = Key(ZONE, dns.rdatatype.MX)
NEW = Change(MX, None, RRset(MX, 300, frozenset([parse_value(MX.rdtype, "10 mail.example.org")])))


async def read(provider: Provider) -> Any:
    async with provider:
        return await provider.read(ZONE, [MX])


async def write(provider: Provider) -> Any:
    async with provider:
        return await provider.apply(ZONE, [NEW])


@pytest.mark.parametrize(
    ("create", "ask"), [(powerdns.create, read), (powerdns.create, write), (cloudflare.create, read)]
)
def test_service_that_is_not_there(create: Any, ask: Any) -> None:
    """The message says of which zone it is, as a run is about many."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    options = {"url": url, "api_token": "of some length", "options": {}, "timeout": 2.0, "ca_path": None}
    with pytest.raises(ProviderError) as raised:
        asyncio.run(ask(create(options)))
    assert str(raised.value).startswith("zone example.org: ")
    assert f"at {url} cannot be reached" in str(raised.value)
