# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fake of Cloudflare's interface for DNS records: python cloudflare_fake.py ADDRESS [CERTIFICATE], on port 80 or 443.

Nothing of Cloudflare's runs anywhere but there, so this is written from the reference, of which it has what is below
/client/v4 here:

  zones            https://developers.cloudflare.com/api/resources/zones/methods/list/
  records          https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/list/
  batches          https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/batch/
                   https://developers.cloudflare.com/dns/manage-dns-records/how-to/batch-record-changes/
  single records   https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/create/
                   https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/delete/
  one per name     https://developers.cloudflare.com/dns/manage-dns-records/troubleshooting/records-with-same-name/
  limits           https://developers.cloudflare.com/fundamentals/api/reference/limits/

The codes and words of errors, which the reference does not list, are those that users of the service report.

The tests have, below /fake: PUT state (replaces zones, records, tokens, page), GET records/ZONE, GET requests (and
forget them), PUT faults: what happens to the next requests, in this order, each {method, and one of status (with errors
and headers), lose (do it, but do not answer), garble (do it, and answer nonsense), first (a batch that somebody else
sends just before)}.
"""

from __future__ import annotations

import copy
import ipaddress
import itertools
import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

BATCH_LIMITS = {"free": 200, "pro": 3500, "business": 3500, "enterprise": 3500}
PROXIABLE = ("A", "AAAA", "CNAME")
# The order in which `content` has what `data` has.
DATA = {
    "CAA": ("flags", "tag", "value"),
    "DS": ("key_tag", "algorithm", "digest_type", "digest"),
    "HTTPS": ("priority", "target", "value"),
    "SMIMEA": ("usage", "selector", "matching_type", "certificate"),
    "SRV": ("priority", "weight", "port", "target"),
    "SSHFP": ("algorithm", "type", "fingerprint"),
    "SVCB": ("priority", "target", "value"),
    "TLSA": ("usage", "selector", "matching_type", "certificate"),
}
STATE: dict[str, Any] = {"zones": [], "records": {}, "tokens": {}, "page": 100}
FAULTS: list[dict[str, Any]] = []
REQUESTS: list[str] = []
LOCK = Lock()
numbers = itertools.count(1)


class Refused(Exception):
    def __init__(self, status: int, code: int, message: str, *chain: tuple[int, str]) -> None:
        super().__init__(message)
        error: dict[str, Any] = {"code": code, "message": message}
        if chain:
            error["error_chain"] = [{"code": code, "message": message} for code, message in chain]
        self.status, self.errors = status, [error]


def authorized(header: str | None) -> dict[str, Any]:
    scheme, _space, token = (header or "").partition(" ")
    if scheme != "Bearer" or not token.isascii() or len(token) < 40:
        raise Refused(400, 6003, "Invalid request headers", (6111, "Invalid format for Authorization header"))
    if token not in STATE["tokens"]:
        raise Refused(403, 9109, "Invalid access token")
    return STATE["tokens"][token]


def zones(token: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    if "zone:read" not in token["permissions"]:
        raise Refused(
            403, 0, "Actor 'com.cloudflare.api.token.1' requires permission 'com.cloudflare.api.account.zone.list'"
        )
    found = [
        zone
        for zone in STATE["zones"]
        if zone["name"] in token["zones"]
        and query.get("name") in (None, zone["name"])
        and query.get("account.id") in (None, zone["account"]["id"])
    ]
    return page_of(found, query, 50)


def page_of(found: list[Any], query: dict[str, str], limit: int) -> dict[str, Any]:
    page, size = int(query.get("page", 1)), min(int(query.get("per_page", 100)), limit)
    shown = found[(page - 1) * size : page * size]
    pages = -(-len(found) // size)
    info = {"page": page, "per_page": size, "count": len(shown), "total_count": len(found), "total_pages": pages}
    return {"result": shown, "result_info": info}


def executed(zone: dict[str, Any], batch: dict[str, Any]) -> dict[str, Any]:
    """All operations, in the documented order, or none: the first error is the answer."""
    listed = {kind: batch.get(kind) or [] for kind in ("deletes", "patches", "puts", "posts")}
    limit = BATCH_LIMITS[zone["plan"]["legacy_id"]]
    if sum(map(len, listed.values())) > limit:
        raise Refused(400, 1004, f"DNS Validation Error: more than {limit} operations in a batch")
    records = copy.deepcopy(STATE["records"][zone["id"]])
    done: dict[str, list[Any]] = {kind: [] for kind in listed}
    for wanted in listed["deletes"]:
        record = one_of(records, wanted["id"])
        records.remove(record)
        done["deletes"].append(record)
    for kind in ("patches", "puts"):
        for wanted in listed[kind]:
            record = one_of(records, wanted["id"])
            records.remove(record)
            fields = {**record, **wanted} if kind == "patches" else {**wanted}
            if "data" not in wanted and "content" in wanted:
                fields.pop("data", None)
            records.append(valid(zone, records, fields))
            done[kind].append(records[-1])
    for wanted in listed["posts"]:
        records.append(valid(zone, records, {**wanted, "id": f"{next(numbers):032x}"}))
        done["posts"].append(records[-1])
    STATE["records"][zone["id"]] = records
    return {"result": done}


def one_of(records: list[dict[str, Any]], identifier: str) -> dict[str, Any]:
    for record in records:
        if record["id"] == identifier:
            return record
    raise Refused(404, 81044, "Record does not exist.")


def valid(zone: dict[str, Any], others: list[dict[str, Any]], wanted: dict[str, Any]) -> dict[str, Any]:
    """As it is kept: a record of the zone that may stand beside the others."""
    record = {
        "ttl": 1,
        "proxied": False,
        "comment": None,
        "tags": [],
        "meta": {},
        **wanted,
        "name": wanted["name"].lower().rstrip("."),
    }
    kind = record["type"]
    if not f".{record['name']}".endswith(f".{zone['name']}"):
        raise Refused(400, 1004, "DNS Validation Error", (9000, "DNS name is invalid."))
    if kind in DATA:
        if set(record.get("data") or {}) != set(DATA[kind]):
            raise Refused(400, 1004, "DNS Validation Error", (9101, f"{kind} needs {', '.join(DATA[kind])} in data."))
        record["content"] = " ".join(str(record["data"][name]) for name in DATA[kind])
    elif kind in ("A", "AAAA"):
        version = {"A": 4, "AAAA": 6}[kind]
        try:
            address = ipaddress.ip_address(record["content"])
        except ValueError:
            address = None
        if address is None or address.version != version:
            message = f"Content for {kind} record must be a valid IPv{version} address."
            raise Refused(400, 1004, "DNS Validation Error", (9005, message))
        record["content"] = str(address)
    elif kind in ("CNAME", "MX", "NS", "PTR"):
        record["content"] = record["content"].lower()
        if record["content"].endswith(".") and record["content"] != ".":
            record["content"] = record["content"].rstrip(".")
    if kind == "MX" and not isinstance(record.get("priority"), int):
        raise Refused(400, 1004, "DNS Validation Error", (9103, "MX records need a priority."))
    if record["proxied"]:
        if kind not in PROXIABLE:
            raise Refused(400, 1004, "DNS Validation Error", (9004, "This kind of record cannot be proxied"))
        record["ttl"] = 1
    shortest = 30 if zone["plan"]["legacy_id"] == "enterprise" else 60
    if record["ttl"] != 1 and not shortest <= record["ttl"] <= 86400:
        message = f"Invalid TTL. Must be between {shortest} and 86400 seconds, or 1 for Automatic."
        raise Refused(400, 9021, message)
    for other in others:
        if other["name"] != record["name"]:
            continue
        if all(other.get(name) == record.get(name) for name in ("type", "content", "priority", "data")):
            raise Refused(400, 81058, "An identical record already exists.")
        kinds = {other["type"], kind}
        if "CNAME" in kinds and kinds <= set(PROXIABLE):
            raise Refused(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")
        if "NS" in kinds and len(kinds) > 1 and record["name"] != zone["name"]:
            raise Refused(400, 81056, "NS records with that host already exist.")
    return record


class Interface(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.handle_any()

    def do_PUT(self) -> None:
        self.handle_any()

    def do_POST(self) -> None:
        self.handle_any()

    def do_DELETE(self) -> None:
        self.handle_any()

    def log_message(self, *words: object) -> None:
        pass

    def handle_any(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        url = urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        with LOCK:
            if parts[0] == "fake":
                self.answer(200, fake(self.command, parts[1:], body))
                return
            if parts[0] == "moved":
                self.answer(302, {}, {"Location": f"/{'/'.join(parts[1:])}?{url.query}"})
                return
            if parts[:2] != ["client", "v4"]:
                self.answer(404, {"message": "no such page"})
                return
            REQUESTS.append(f"{self.command} {self.path.removeprefix('/client/v4')}")
            fault = FAULTS.pop(0) if FAULTS and FAULTS[0]["method"] == self.command else {}
            if "status" in fault:
                errors = fault.get("errors", [])
                self.answer(fault["status"], envelope(None, errors), fault.get("headers", {}))
                return
            try:
                answer = self.answered(parts[2:], query, body, fault.get("first"))
            except Refused as refused:
                self.answer(refused.status, envelope(None, refused.errors))
                return
        if fault.get("lose"):
            self.close_connection = True
        elif fault.get("garble"):
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"<html>")
        else:
            self.answer(200, {**envelope(None, []), **answer})

    def answered(self, parts: list[str], query: dict[str, str], body: Any, first: Any) -> dict[str, Any]:
        token = authorized(self.headers.get("Authorization"))
        if parts == ["zones"] and self.command == "GET":
            return zones(token, query)
        for zone in STATE["zones"]:
            if parts[:3] == ["zones", zone["id"], "dns_records"] and zone["name"] in token["zones"]:
                break
        else:
            raise Refused(404, 7003, "Could not route to the path, perhaps your object identifier is invalid?")
        if parts[3:] == ["batch"] and self.command == "POST":
            if "dns:edit" not in token["permissions"]:
                raise Refused(403, 10000, "Authentication error")
            if first:
                executed(zone, first)
            return executed(zone, body)
        if parts[3:] == [] and self.command == "POST" and "dns:edit" in token["permissions"]:
            return {"result": executed(zone, {"posts": [body]})["result"]["posts"][0]}
        if len(parts) == 4 and self.command == "DELETE" and "dns:edit" in token["permissions"]:
            return {"result": executed(zone, {"deletes": [{"id": parts[3]}]})["result"]["deletes"][0]}
        if parts[3:] == [] and self.command == "GET":
            if token["permissions"].isdisjoint({"dns:read", "dns:edit"}):
                raise Refused(403, 10000, "Authentication error")
            records = sorted(STATE["records"][zone["id"]], key=lambda record: record[query.get("order", "id")])
            asked = {name: query[name] for name in ("type", "name", "content") if name in query}
            found = [record for record in records if asked.items() <= record.items()]
            return page_of(found, query, STATE["page"])
        raise Refused(405, 10405, "Method not allowed for this authentication scheme")

    def answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(text), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(text)


def envelope(result: Any, errors: list[Any]) -> dict[str, Any]:
    return {"result": result, "success": not errors, "errors": errors, "messages": []}


def fake(method: str, parts: list[str], body: Any) -> Any:
    if (method, parts) == ("PUT", ["state"]):
        STATE.update(body)
        for token in STATE["tokens"].values():
            token["permissions"] = set(token["permissions"])
        for zone in STATE["zones"]:
            records = STATE["records"].setdefault(zone["id"], [])
            STATE["records"][zone["id"]] = []
            for number, record in enumerate(records):
                record.setdefault("id", f"{zone['id']}-{number}")
                STATE["records"][zone["id"]].append(valid(zone, STATE["records"][zone["id"]], record))
        return None
    if (method, parts) == ("PUT", ["faults"]):
        FAULTS[:] = body
        return None
    if (method, parts) == ("GET", ["requests"]):
        requests, REQUESTS[:] = list(REQUESTS), []
        return requests
    if method == "GET" and parts[0] == "records":
        return sorted(
            STATE["records"][parts[1]], key=lambda record: (record["name"], record["type"], record["content"])
        )
    raise ValueError(f"no such path: {method} {parts}")


if __name__ == "__main__":
    address, certificate = sys.argv[1], sys.argv[2:]
    server = ThreadingHTTPServer((address, 443 if certificate else 80), Interface)
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate[0])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()
