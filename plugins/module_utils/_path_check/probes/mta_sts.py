# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a domain asks of senders by MTA-STS (RFC 8461): a record that there is a policy, and the policy itself."""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._dns.client import Client
    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.limits import Limits

# RFC 8461, section 3.2: 64 kilobytes are enough for any policy.
_LONGEST = 64 * 1024
_MODE = re.compile(r"^mode:[ \t]*(enforce|testing|none)[ \t]*\r?$", re.MULTILINE)


async def find_policy(client: Client, domain: str, timeout: float, limits: Limits) -> seen.MtaStsPolicy | None:
    """None if no record says that there is one. timeout: seconds for fetching it."""
    records = (await client.resolve(f"_mta-sts.{domain}", "TXT")).values
    if len([one for one in records if re.match(r"v=STSv1[ \t]*;", one)]) != 1:
        return None
    found: seen.MtaStsPolicy = {"domain": domain, "mode": "", "error": ""}
    host = f"mta-sts.{domain}"
    addresses = await client.addresses(host)
    if not addresses:
        found["error"] = f"{host} has no address"
        return found
    public = limits.public(addresses)
    if not public:
        found["error"] = f"the address of {host}, {addresses[0]}, is none of the internet's, so it was not contacted"
        return found
    try:
        text = await asyncio.wait_for(_fetch(host, public[0]), timeout)
    except asyncio.TimeoutError:
        found["error"] = f"no answer within {timeout:g} s"
        return found
    except (OSError, EOFError, ValueError) as error:
        found["error"] = harmless(str(error))
        return found
    mode = _MODE.search(text)
    found["mode"], found["error"] = (mode[1], "") if mode else ("", "the policy has no mode")
    return found


async def _fetch(host: str, address: str) -> str:
    """RFC 8461, section 3.3: by HTTPS from a host whose certificate is good, without going where it redirects to."""
    reader, writer = await asyncio.open_connection(
        address, 443, ssl=ssl.create_default_context(), server_hostname=host, limit=_LONGEST
    )
    try:
        # In this version nothing comes in chunks.
        writer.write(f"GET /.well-known/mta-sts.txt HTTP/1.0\r\nHost: {host}\r\n\r\n".encode("ascii"))
        answer = b""
        while len(answer) <= _LONGEST and (part := await reader.read(_LONGEST)):
            answer += part
    finally:
        writer.transport.abort()
    head, _empty, body = answer[:_LONGEST].partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].decode("ascii", "replace").split(" ", 2)
    if status[1:2] != ["200"]:
        raise ValueError(f"the HTTP answer to the request for the policy is {' '.join(status[1:]) or 'no HTTP'}")
    return body.decode("utf-8", "replace")
