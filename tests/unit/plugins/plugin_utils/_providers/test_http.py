# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services with an interface over HTTP that are not there, or answer as they should not."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import tracemalloc
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import dns.rdatatype
import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._providers import powerdns
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.base import (
    InvalidOptions,
    Provider,
    ProviderError,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.cloudflare import provider as cloudflare
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.http import client
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.options import ARGUMENT_SPEC
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.registry import provider_of
from ansible_collections.inbound.mail.plugins.plugin_utils._records.names import parse_name
from ansible_collections.inbound.mail.plugins.plugin_utils._records.rrsets import Change, Goal, Key, RRset
from ansible_collections.inbound.mail.plugins.plugin_utils._records.values import parse_value
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from .hostile_http import Authority, Behaviour, Server, drips, json_answer, pours, says

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


GOAL = Goal(MX, frozenset([parse_value(MX.rdtype, "10 mail.example.org")]), exclusive=True)
DEFAULTS = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
TOKEN = "of-some-length-and-secret"
TIMEOUT = 0.5


def options(url: str, **more: Any) -> Any:
    return {"url": url, "api_token": TOKEN, "options": {}, "timeout": TIMEOUT, "ca_path": None, **more}


def outcome(url: str, ask: Any = read, **more: Any) -> str:
    """What the administrator reads when the service is asked."""
    with pytest.raises(ProviderError) as raised:
        asyncio.run(ask(powerdns.create(options(url, **more))))
    return str(raised.value)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service is not asked again for a minute: the first answer is what counts here."""
    monkeypatch.setattr(client, "PATIENCE", 0.0)


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "behave",
    [
        drips(b"", b"H"),
        drips(HEAD, b"A"),
        drips(HEAD, b"A: b\r\n"),
        drips(HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
        drips(HEAD + b"\r\n", b" "),
        drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        drips(b"HTTP/1.1 422 Unprocessable\r\nContent-Length: 100000\r\n\r\n", b" "),
    ],
    ids=["status", "header", "headers", "body", "endless body", "chunks", "continue", "error"],
)
@pytest.mark.parametrize("ask", [read, write])
def test_answer_that_drips_ends_at_timeout(behave: Behaviour, ask: Any) -> None:
    with Server(behave) as server:
        began = time.monotonic()
        message = outcome(f"http://{server.place}", ask)
        assert time.monotonic() - began < 4 * TIMEOUT
    assert message.startswith("zone example.org: PowerDNS at http://127.0.0.1:")
    assert "422" in message or "did not answer: no whole answer within 0.5 s. Check url, timeout" in message


@pytest.mark.parametrize(
    "behave",
    [
        pours(HEAD + b"\r\n", b" " * 65536),
        pours(HEAD + b"Content-Length: 100000000000\r\n\r\n", b" " * 65536),
        pours(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
        pours(HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", b" " * 65536),
    ],
    ids=["endless", "announced", "chunks", "negative chunk"],
)
def test_answer_that_is_too_large_is_not_kept(behave: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(powerdns, "HttpClient", partial(client.HttpClient, largest=8 << 20))
    with Server(behave) as server:
        tracemalloc.start()
        message = outcome(f"http://{server.place}", timeout=10.0)
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert "answers more than 8 MiB. Check url, and the size of the zone." in message
    assert most < 40 << 20


def test_error_that_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(powerdns, "HttpClient", partial(client.HttpClient, largest=1 << 20))
    with Server(pours(b"HTTP/1.1 422 No\r\n\r\n", b'"' * 65536)) as server:
        assert "answers 422" in outcome(f"http://{server.place}", timeout=10.0)


MX_RRSET = {"name": "example.org.", "type": "MX", "ttl": 60}
NASTY = "\x1b]0;owned\x07\x1b[2J\r\n\u202e{{ lookup('pipe', 'id') }}"


@pytest.mark.parametrize(
    "answer",
    [
        json_answer(json.dumps({"error": NASTY}).encode(), "422 Unprocessable"),
        json_answer(b"", "500 \x1b[2Jowned"),
        b"\x1b[2J\x1b]0;owned\x07 what is this\r\n\r\n",
        json_answer(
            json.dumps(
                {
                    "kind": NASTY + "slave",
                    "rrsets": [
                        {
                            "name": "example.org.",
                            "type": "MX",
                            "ttl": 1,
                            "records": [{"content": NASTY, "disabled": True}],
                        }
                    ],
                }
            ).encode()
        ),
    ],
    ids=["error", "reason", "no HTTP", "zone"],
)
def test_text_of_a_service_reaches_no_terminal_as_it_is(answer: bytes) -> None:
    async def plan(provider: Provider) -> Any:
        async with provider:
            await provider.read(ZONE, [MX])
            raise ProviderError("; ".join(await provider.obstacles(ZONE, [])), *await provider.obstacles(ZONE, [GOAL]))

    with Server(says(answer)) as server:
        message = outcome(f"http://{server.place}", plan)
    assert all(line.isprintable() for line in message.split("\n"))
    assert len(message) < 2000


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_token_follows_no_redirect(status: str) -> None:
    with Server(says(json_answer(b"{}"))) as other:
        answer = f"HTTP/1.1 {status}\r\nLocation: http://{other.place}/\r\nContent-Length: 0\r\n\r\n".encode()
        with Server(says(answer)) as server:
            assert f"answers {status[:3]}" in outcome(f"http://{server.place}")
            assert TOKEN in server.requests[0]
        assert other.requests == []


@pytest.mark.parametrize(
    "url", ["http://ns1.example.org:8081", "http://192.0.2.53", "http://127.0.0.1.example.org", "http://[2001:db8::1]"]
)
@pytest.mark.parametrize("create", [powerdns.create, cloudflare.create])
def test_token_is_not_sent_in_cleartext(create: Any, url: str) -> None:
    with pytest.raises(InvalidOptions) as raised:
        create(options(url))
    assert "options.allow_cleartext" in str(raised.value)
    assert TOKEN not in str(raised.value)
    create(options(url, options={"allow_cleartext": True}))


@pytest.mark.parametrize("url", ["http://127.0.0.1:8081", "http://[::1]:8081", "http://localhost:8081", "https://ns1"])
def test_loopback_and_tls_need_no_word(url: str) -> None:
    powerdns.create(options(url))


def test_what_is_for_loopback_does_not_pass_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(says(json_answer(b"{}"))) as proxy, Server(says(json_answer(b"{}"))) as server:
        monkeypatch.setenv("http_proxy", f"http://{proxy.place}")
        outcome(f"http://{server.place}")
        assert proxy.requests == []
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://admin:hunter2secret@ns1.example.org",
        "https://hunter2secret@ns1.example.org",
        "//admin:hunter2secret@ns1.example.org",
        "admin:hunter2secret@ns1.example.org",
        "https://ns1.example.org:hunter2secret@x",
        "https://ns1.example.org/?token=hunter2secret",
        "https://ns1.example.org/#hunter2secret",
        "https:///?hunter2secret",
        "https://ns1.example.org/\nhunter2secret",
    ],
)
@pytest.mark.parametrize("provider", ["powerdns", "cloudflare", "route53"])
def test_password_in_the_url_is_refused_and_not_shown(provider: str, url: str) -> None:
    given = {**DEFAULTS, "provider": provider, "url": url, **({} if provider == "route53" else {"api_token": TOKEN})}
    with pytest.raises(InvalidOptions) as raised:
        provider_of(given)  # type: ignore[arg-type]
    assert "url: " in str(raised.value)
    assert "hunter2secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "flaws", "message"),
    [
        ("127.0.0.1", {"expired": True}, "certificate has expired"),
        ("127.0.0.1", {"self_signed": True}, "self-signed certificate"),
        ("127.0.0.2", {}, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("ns1.example.org", {}, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
)
def test_certificate_is_verified(tmp_path: Path, name: str, flaws: dict[str, bool], message: str) -> None:
    authority = Authority(tmp_path)
    with Server(says(json_answer(b"{}")), authority.context(name, **flaws)) as server:
        said = outcome(f"https://{server.place}", ca_path=str(authority.path))
        assert f"has no valid certificate: {message}" in said
        # Nothing was sent, the token least of all.
        assert server.requests in ([], [""])


def test_certificate_is_for_the_name_that_is_asked_for(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for name, place in (("localhost", "localhost"), ("127.0.0.1", "127.0.0.1")):
        with Server(says(json_answer(b"[]")), authority.context(name)) as server:
            url = f"https://{place}:{server.place.rpartition(':')[2]}"
            assert "answers something that is no zone" in outcome(url, ca_path=str(authority.path))
            assert TOKEN in server.requests[0]
    with Server(says(json_answer(b"[]")), authority.context("ns1.example.org")) as server:
        url = f"https://localhost:{server.place.rpartition(':')[2]}"
        assert "Hostname mismatch" in outcome(url, ca_path=str(authority.path))


def test_certificate_of_an_unknown_authority(tmp_path: Path) -> None:
    with Server(says(json_answer(b"{}")), Authority(tmp_path).context("127.0.0.1")) as server:
        assert "unable to get local issuer certificate" in outcome(f"https://{server.place}")


def test_handshake_that_drips_ends_at_timeout() -> None:
    def behave(connection: socket.socket, ended: threading.Event) -> None:
        # A TLS record of 16,000 octets that comes octet by octet.
        drips(b"\x16\x03\x03\x3e\x80", b"\x02")(connection, ended)

    with Server(behave) as server:
        began = time.monotonic()
        assert "did not answer" in outcome(f"https://{server.place}")
        assert time.monotonic() - began < 4 * TIMEOUT


SCRAPS = [None, True, -1, 1e400, "", "x", [], {}, {"x": 1}, [[]], [{}], "9" * 5000]


@given(st.data())
@seed(17)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_odd_answers_are_messages_for_the_zone(data: st.DataObject) -> None:
    """Whatever JSON comes in place of a zone, it is an error of that zone and no other."""
    zone: Any = {"kind": "Native", "rrsets": [
        {"name": "example.org.", "type": "MX", "ttl": 60, "records": [{"content": "10 a.example.", "disabled": False}]},
    ]}  # fmt: skip
    places: list[tuple[Any, Any]] = [([zone], 0), (zone, "kind"), (zone, "rrsets")]
    places += [(zone["rrsets"], 0), *((zone["rrsets"][0], key) for key in zone["rrsets"][0])]
    places += [(zone["rrsets"][0]["records"], 0), (zone["rrsets"][0]["records"][0], "content")]
    holder, key = data.draw(st.sampled_from(places))
    scrap = data.draw(st.sampled_from(SCRAPS))
    if holder and holder[key] is zone:
        zone = scrap
    else:
        holder[key] = scrap

    async def plan(provider: Provider) -> None:
        async with provider:
            await provider.read(ZONE, [MX])
            await provider.obstacles(ZONE, [GOAL])
            await provider.contents(ZONE)
            await provider.name_servers(ZONE)

    with Server(says(json_answer(json.dumps(zone).encode()))) as server, suppress(ProviderError):
        asyncio.run(plan(powerdns.create(options(f"http://{server.place}"))))


@given(st.data())
@seed(17)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_odd_answers_of_cloudflare_are_messages_for_the_zone(data: st.DataObject) -> None:
    record: Any = {"id": "r", "name": "example.org", "type": "MX", "content": "a.example", "ttl": 60, "priority": 10}
    zone: Any = {"id": "z", "name": "example.org", "status": "active", "type": "full", "name_servers": ["ns1.example"]}
    zone |= {"account": {"id": "a", "name": "b"}, "plan": {"legacy_id": "free"}}
    # The one answer is that for the zone and that for its records.
    answer: Any = {"success": True, "result": [{**record, **zone, "type": "full"}, record]}
    answer |= {"result_info": {"per_page": 100, "total_count": 1}}
    places = [(holder, key) for holder in (answer, *answer["result"], answer["result_info"]) for key in holder]
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(st.sampled_from(SCRAPS))

    async def plan(provider: Provider) -> None:
        async with provider:
            await provider.read(ZONE, [MX])
            await provider.obstacles(ZONE, [GOAL])
            await provider.contents(ZONE)
            await provider.name_servers(ZONE)

    with Server(says(json_answer(json.dumps(answer).encode()))) as server, suppress(ProviderError):
        asyncio.run(plan(cloudflare.create(options(f"http://{server.place}"))))


@given(st.binary(max_size=200), st.booleans())
@seed(17)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_odd_octets_are_messages_for_the_zone(octets: bytes, in_body: bool) -> None:
    with Server(says(json_answer(octets) if in_body else octets)) as server:
        message = outcome(f"http://{server.place}")
    assert message.startswith("zone example.org: ")
    assert message.isprintable()


def test_json_that_is_nested_without_end() -> None:
    with Server(says(json_answer(b"[" * 1_000_000))) as server:
        assert "answers something that is no JSON" in outcome(f"http://{server.place}", timeout=10.0)
