# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PowerDNS Authoritative Server by its HTTP API (doc.powerdns.com, 'Authoritative Server HTTP API', 'Zones')."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NotRequired, TypedDict, cast
from urllib.parse import quote

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._deps import dns
from .._records.names import name_text
from .._records.rrsets import Change, Goal, Key, RRset, State, changes_towards
from .._records.values import type_text
from .api_base import Hosted
from .base import Capabilities, InvalidOptions, ProviderError
from .http.client import HttpClient, HttpError, about, read_ttl, understood
from .http.url import CLEARTEXT_OPTION

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdatatype import RdataType

    from .options import ArgumentSpec, ProviderOptions

_OPTIONS: ArgumentSpec = {
    "server_id": {"type": "str", "default": "localhost"},
    CLEARTEXT_OPTION: {"type": "bool", "default": False},
}

_NOT_FOUND, _UNPROCESSABLE, _BAD_REQUEST = 404, 422, 400
_UNAUTHORIZED, _FORBIDDEN = 401, 403
# Kinds of zones that are fetched from another server. PowerDNS lets most of them be changed all the same.
_COPIES = frozenset({"slave", "secondary", "consumer"})


class ApiRecord(TypedDict):
    content: str
    disabled: NotRequired[bool]


class ApiKey(TypedDict):
    """What identifies an RRset; the name is absolute."""

    name: str
    type: str


class ApiRRset(ApiKey):
    """ttl: seconds; records: one for each value."""

    ttl: int
    records: list[ApiRecord]


class ApiZone(TypedDict):
    kind: str
    rrsets: list[ApiRRset]


class ApiPatch(ApiKey):
    """What becomes of an RRset; ttl and records only with the changetype REPLACE."""

    changetype: str
    ttl: NotRequired[int]
    records: NotRequired[list[ApiRecord]]


def create(options: ProviderOptions) -> PowerDns:
    """Raises InvalidOptions."""
    validation = ArgumentSpecValidator(_OPTIONS).validate(options["options"] or {})
    problems = [f"options: {message}" for message in validation.error_messages]
    if not options["url"]:
        problems.append("url: the provider powerdns needs it, as https://ns1.example.org:8081")
    if problems:
        raise InvalidOptions(problems)
    server = quote(validation.validated_parameters["server_id"], safe="")
    api = HttpClient(
        "PowerDNS",
        (options["url"] or "").rstrip("/").removesuffix("/api/v1"),
        {"X-API-Key": options["api_token"] or ""},
        options["timeout"],
        options["ca_path"],
        validation.validated_parameters[CLEARTEXT_OPTION],
    )
    return PowerDns(api, f"/api/v1/servers/{server}/zones", options["timeout"])


class PowerDns(Hosted):
    """zones: the path of the server's zones."""

    service = "PowerDNS"
    # A PATCH is a transaction of the backend. What another client writes in between is seen only by reading back.
    capabilities = Capabilities(atomic=True, prerequisites=False)

    def __init__(self, api: HttpClient, zones: str, timeout: float) -> None:
        super().__init__(timeout)
        self._api = api
        self._zones = zones
        # What was read, and must be neither overwritten nor lost: by zone, the RRset as PowerDNS has it.
        self._read: dict[Name, dict[Key, ApiRRset]] = {}
        self._kinds: dict[Name, str] = {}

    async def close(self) -> None:
        self._api.close()
        await super().close()

    async def read(self, zone: Name, keys: Collection[Key]) -> State:
        with understood(zone, self._api.where):
            return await self._read_of(zone, keys)

    async def _read_of(self, zone: Name, keys: Collection[Key]) -> State:
        everything = {key: found for key, found in await self._everything(zone) if key is not None}
        names = {key.name for key in keys}
        # Beside a wanted name: what would keep a CNAME out, or is one.
        self._read[zone] = {key: found for key, found in everything.items() if key.name in names}
        wanted = {*keys, *(Key(name, dns.rdatatype.CNAME) for name in names)}
        wanted |= {key for key in self._read[zone] if Key(key.name, dns.rdatatype.CNAME) in keys}
        rrsets = (_rrset(key, self._read[zone][key]) for key in wanted if key in self._read[zone])
        return {rrset.key: rrset for rrset in rrsets if rrset is not None}

    async def contents(self, zone: Name) -> list[RRset]:
        with understood(zone, self._api.where):
            found = [
                _rrset(key, rrset) if key is not None else _not_of_dns(rrset)
                for key, rrset in await self._everything(zone)
            ]
            return [rrset for rrset in found if rrset is not None]

    async def obstacles(self, zone: Name, goals: Collection[Goal]) -> list[str]:
        """A disabled record would be lost with the RRset; and all that is written, if the zone is a
        copy, with the next transfer."""
        with understood(zone, self._api.where):
            return self._obstacles(zone, goals)

    def _obstacles(self, zone: Name, goals: Collection[Goal]) -> list[str]:
        problems = [
            f"{goal.key} has a record that is disabled ({record['content']}): enable or remove it in PowerDNS"
            for goal in goals
            if (found := self._read[zone].get(goal.key)) is not None
            for record in found.get("records", ())
            if record.get("disabled")
        ]
        if self._kinds[zone].lower() in _COPIES:
            rrsets = (_rrset(key, found) for key, found in self._read[zone].items())
            if changes_towards(goals, {rrset.key: rrset for rrset in rrsets if rrset is not None}):
                problems.append(
                    f"PowerDNS has it as the copy of another server's (kind {self._kinds[zone]}), so the next transfer "
                    "would undo the changes: write them to that server"
                )
        return problems

    async def _everything(self, zone: Name) -> list[tuple[Key | None, ApiRRset]]:
        """The RRsets as PowerDNS has them; no key for a type of its own (ALIAS, LUA)."""
        self.traffic.queries += 1
        try:
            with about(zone):
                answer = cast(ApiZone, await self._api.get(self._path(zone), rrsets="true"))
        except HttpError as error:
            raise ProviderError(self._refused(zone, error)) from None
        self._kinds[zone] = str(answer["kind"])
        return [(_key(rrset["name"], rrset["type"]), rrset) for rrset in answer["rrsets"]]

    async def apply(self, zone: Name, batch: Sequence[Change]) -> None:
        self.traffic.messages += 1
        try:
            # What goes first goes first: PowerDNS looks at the RRsets in this order.
            rrsets = sorted(map(self._patch, batch), key=lambda rrset: rrset["changetype"])
            with about(zone):
                await self._api.write("PATCH", self._path(zone), {"rrsets": rrsets})
        except HttpError as error:
            raise ProviderError(self._refused(zone, error)) from None

    def _patch(self, change: Change) -> ApiPatch:
        about: ApiKey = {"name": change.key.name.to_text(), "type": type_text(change.key.rdtype)}
        if change.after is None:
            return {**about, "changetype": "DELETE"}
        # Comments stay where none are named.
        records: list[ApiRecord] = [{"content": text, "disabled": False} for text in change.after.texts()]
        return {**about, "changetype": "REPLACE", "ttl": change.after.ttl, "records": records}

    def _path(self, zone: Name) -> str:
        # '=2F' for a slash is PowerDNS' own way to write a zone of RFC 2317.
        return f"{self._zones}/{quote(zone.to_text().replace('/', '=2F'), safe='=')}"

    def _refused(self, zone: Name, error: HttpError) -> str:
        where = f"zone {name_text(zone)}: {self._api.where}"
        said = error.body.get("error") if isinstance(error.body, Mapping) else None
        if error.status in (_UNAUTHORIZED, _FORBIDDEN):
            return (
                f"{where} does not let this host in ({error.status}). "
                "Check api_token against api-key in pdns.conf, and that webserver-allow-from has this host's address."
            )
        if error.status == _NOT_FOUND or (said and "Could not find domain" in said):
            return (
                f"{where} does not have this zone (404). Name the zone as PowerDNS has it, or make it there. "
                "If it has it, check url, which has no path, and options.server_id."
            )
        if error.status in (_UNPROCESSABLE, _BAD_REQUEST) and said:
            return f"{where} refuses the change: {said}. Nothing was written in this zone."
        return f"{where} answers {error.status}{f': {said}' if said else ''}. Look in its log."


@lru_cache(maxsize=65536)
def _key(name: str, rdtype: str) -> Key | None:
    try:
        known = dns.rdatatype.from_text(rdtype)
    except dns.rdatatype.UnknownRdatatype:
        return None
    return Key(dns.name.from_text(name).canonicalize(), known)


def _rrset(key: Key, found: ApiRRset) -> RRset | None:
    """None if all records are disabled."""
    values = frozenset(_values(key.rdtype, found["records"]))
    return RRset(key, read_ttl(found["ttl"]), values) if values else None


def _not_of_dns(found: ApiRRset) -> RRset:
    """Something with the names in it that the content may mean, so that nothing they need is removed."""
    words = " ".join(record["content"] for record in found["records"]).replace("'", " ").replace('"', " ").split()
    names = (dns.name.from_text(word).canonicalize().to_wire() for word in words if _may_be_a_name(word))
    key = Key(dns.name.from_text(found["name"]).canonicalize(), dns.rdatatype.NULL)
    return RRset(key, read_ttl(found["ttl"]), frozenset(name for name in names if name))


def _may_be_a_name(word: str) -> bool:
    try:
        dns.name.from_text(word)
    except dns.exception.DNSException:
        return False
    return True


def _values(rdtype: RdataType, records: Iterable[ApiRecord]) -> Iterable[bytes]:
    for record in records:
        if not record.get("disabled"):
            yield _value(rdtype, record["content"])


@lru_cache(maxsize=65536)
def _value(rdtype: RdataType, text: str) -> bytes:
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, dns.name.root, relativize=False)
    return rdata.to_digestable(dns.name.root)
