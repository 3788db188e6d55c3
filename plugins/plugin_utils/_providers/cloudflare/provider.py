# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloudflare DNS: a batch of changes to the records of a zone in one transaction.

Source: https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/batch/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, cast

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..._deps import dns
from ..._records.names import InvalidName, name_text, parse_name
from ..._records.rrsets import Change, Goal, Key, RRset, State
from ..._records.values import InvalidValue
from ..api_base import Hosted
from ..base import Capabilities, Conflict, InvalidOptions, OutcomeUnknown, ProviderError, turn
from ..http.client import HttpClient, HttpError, about, understood
from ..http.url import CLEARTEXT_OPTION
from ..misfits import misfits
from .records import TYPES, CloudflareRecord, key_of
from .responses import RecordsPage, ZoneDetails, ZonesPage, codes_of, errors_in, is_unauthorized, reason_of
from .zones import ZoneContent

if TYPE_CHECKING:
    from dns.name import Name

    from ..options import ArgumentSpec, ProviderOptions

_OPTIONS: ArgumentSpec = {
    "account_id": {"type": "str"},
    "pending": {"type": "bool", "default": False},
    CLEARTEXT_OPTION: {"type": "bool", "default": False},
}
_URL = "https://api.cloudflare.com/client/v4"

# The limit is 1,200 requests in five minutes; who exceeds it is turned away for as long
# (https://developers.cloudflare.com/fundamentals/api/reference/limits/).
_LONGEST_WAIT = 330.0
# Records, and zones, in one answer; the service may send fewer.
_PAGE = 1000
_ZONES_PAGE = 50
_MOST_PAGES = 5000
# Operations in one batch (https://developers.cloudflare.com/dns/manage-dns-records/how-to/batch-record-changes/).
_BATCH = {"pro": 3500, "business": 3500, "enterprise": 3500}
_SMALLEST_BATCH = 200
# Seconds.
_SHORTEST_TTL = 60
_SHORTEST_TTLS = {"enterprise": 30}

# A record is no longer there (81044), or one is there that keeps ours out: of the same name (81053, 81054, 81056,
# 81057), or the same (81058).
_OVERTAKEN = frozenset({81044, 81053, 81054, 81056, 81057, 81058})
_TOO_MANY_REQUESTS = 429


class _Task(NamedTuple):
    """What the service is asked to do, and the permission that this takes."""

    doing: str
    permission: str


_LOOK = _Task("look for zones", "Zone: Read")
_READ = _Task("read records", "DNS: Edit (or Read, for check mode alone)")
_WRITE = _Task("change records", "DNS: Edit")

_STATUS = {
    "initializing": "is not set up to the end: choose its plan in the dashboard",
    "pending": (
        "is not yet delegated to Cloudflare: enter {name_servers} as its name servers at the registrar. "
        "To fill in the zone before, say so in options.pending"
    ),
    "moved": "is no longer delegated to Cloudflare: enter {name_servers} as its name servers at the registrar again",
}
_TYPE = {
    "partial": "is a partial zone (CNAME setup), whose records other name servers answer: write to those",
    "secondary": "is a secondary zone, whose records are transferred from its primary: write to that",
}


def create(options: ProviderOptions) -> Cloudflare:
    """Raises InvalidOptions."""
    given = options["options"] or {}
    wrong = misfits(_OPTIONS, given)
    validation = ArgumentSpecValidator(_OPTIONS).validate({name: given[name] for name in given if name not in wrong})
    problems = [f"options.{name}: {need}" for name, need in wrong.items()]
    if problems := [*problems, *(f"options: {message}" for message in validation.error_messages)]:
        raise InvalidOptions(problems)
    api = HttpClient(
        "Cloudflare",
        (options["url"] or _URL).rstrip("/"),
        {"Authorization": f"Bearer {options['api_token']}"},
        options["timeout"],
        options["ca_path"],
        validation.validated_parameters[CLEARTEXT_OPTION],
        longest_wait=_LONGEST_WAIT,
    )
    own = validation.validated_parameters
    return Cloudflare(api, own["account_id"], own["pending"])


@dataclass(frozen=True)
class _Zone:
    identifier: str
    plan: str
    name_servers: tuple[str, ...]

    @property
    def path(self) -> str:
        return f"/zones/{self.identifier}/dns_records"


class Cloudflare(Hosted):
    """account_id: where the zones are, None if that is clear; pending: whether to write to a zone that is not delegated
    to Cloudflare yet."""

    service = "Cloudflare"
    capabilities = Capabilities(atomic=True, prerequisites=False, types=TYPES)
    lag_hint = "It usually takes seconds: wait longer, or look at https://www.cloudflarestatus.com."

    def __init__(self, api: HttpClient, account_id: str | None, pending: bool) -> None:
        super().__init__(api.timeout)
        self._api = api
        self._account_id = account_id
        self._pending = pending
        self._zones: dict[Name, _Zone] = {}
        self._contents: dict[Name, ZoneContent] = {}
        # With a token that is wrong there is no use in asking for each of a thousand zones.
        self._token_refused: HttpError | None = None

    async def close(self) -> None:
        self._api.close()
        await super().close()

    # Reading

    async def read(self, zone: Name, keys: Collection[Key]) -> State:
        names = {key.name for key in keys}
        # At the zone's own name an alias is answered as the addresses of its target, and keeps no MX out.
        wanted = {*keys, *(Key(name, dns.rdatatype.CNAME) for name in names - {zone})}
        # Whatever else stands at a name keeps a CNAME out.
        whole_names = {key.name for key in keys if key.rdtype == dns.rdatatype.CNAME}
        found = await self._listed(zone, lambda key: key in wanted or key.name in whole_names)
        return {rrset.key: rrset for rrset in found}

    async def contents(self, zone: Name) -> list[RRset]:
        return await self._listed(zone, lambda _key: True)

    async def obstacles(self, zone: Name, goals: Collection[Goal]) -> list[str]:
        with understood(zone, self._api.where):
            return list(self._contents[zone].obstacles(goals))

    async def _listed(self, zone: Name, is_wanted: Callable[[Key], bool]) -> list[RRset]:
        """The zone is listed whole: of one with thousands of records that is a few pages."""
        with understood(zone, self._api.where):
            return await self._listed_in(zone, await self._zone(zone), is_wanted)

    async def _listed_in(self, zone: Name, where: _Zone, is_wanted: Callable[[Key], bool]) -> list[RRset]:
        records: dict[Key, list[CloudflareRecord]] = defaultdict(list)
        page, is_last = 0, False
        while not is_last:
            page += 1
            page_of_records = await self._get(zone, _READ, where.path, page=page, per_page=_PAGE, order="name")
            answer = cast(RecordsPage, page_of_records)
            for record in answer["result"]:
                try:
                    records[key_of(record)].append(record)
                except (InvalidName, InvalidValue):
                    continue  # Of a type that is none of the DNS.
            info = answer["result_info"]
            # A service that always has another page has no more than any zone there.
            is_last = page * info["per_page"] >= info["total_count"] or not answer["result"] or page >= _MOST_PAGES
        content = ZoneContent(zone, dict(records), _SHORTEST_TTLS.get(where.plan, _SHORTEST_TTL))
        self._contents[zone] = content
        rrsets = (content.rrset(key) for key in content.records if is_wanted(key))
        return [rrset for rrset in rrsets if rrset is not None]

    # Writing

    def batches(self, zone: Name, changes: Sequence[Change]) -> list[list[Change]]:
        """By operations. What is at one name stays together."""
        groups = [list(group) for _name, group in groupby(changes, key=lambda change: change.key.name)]
        groups.sort(key=turn)
        size = _BATCH.get(self._zones[zone].plan, _SMALLEST_BATCH)
        batches: list[list[Change]] = []
        room = 0
        for group in groups:
            cost = sum(map(len, self._contents[zone].operations(group).values()))
            if cost > room:
                batches.append([])
                room = size
            batches[-1] += group
            room -= cost
        return batches

    async def apply(self, zone: Name, batch: Sequence[Change]) -> None:
        content = self._contents[zone]
        # Cloudflare knows no condition; but what an earlier batch read back is known.
        if changed := [str(change.key) for change in batch if content.rrset(change.key) != change.before]:
            raise Conflict(self._overtaken(zone, f"{', '.join(changed)} was changed"))
        operations = {kind: listed for kind, listed in content.operations(batch).items() if listed}
        self.traffic.messages += 1
        try:
            with about(zone):
                self._checked(await self._api.write("POST", f"{self._zones[zone].path}/batch", operations))
        except HttpError as error:
            if _OVERTAKEN.intersection(codes_of(error)):
                raise Conflict(self._overtaken(zone, reason_of(error))) from None
            raise self._failure(zone, error, _WRITE) from None

    def _overtaken(self, zone: Name, reason: str) -> str:
        return (
            f"zone {name_text(zone)}: {self._api.where} no longer has what was read ({reason}): another client changed "
            "it between reading and writing, or a service of Cloudflare took the name."
        )

    # Zones

    async def name_servers(self, zone: Name) -> list[Name]:
        """Those that the zone was given at Cloudflare, which are none of its records."""
        with understood(zone, self._api.where):
            given = [parse_name(host) for host in (await self._zone(zone)).name_servers]
        return given or await super().name_servers(zone)

    async def _zone(self, zone: Name) -> _Zone:
        if zone not in self._zones:
            found = await self._found(zone)
            name_servers = found.get("vanity_name_servers") or found.get("name_servers") or []
            problem = _TYPE.get(found["type"]) or (None if self._pending else _STATUS.get(found["status"]))
            if problem:
                problem = problem.format(name_servers=" and ".join(name_servers))
                raise ProviderError(f"zone {name_text(zone)}: it {problem}. Nothing was written in this zone.")
            plan = found.get("plan")
            plan_id = plan.get("legacy_id", "") if plan else ""
            self._zones[zone] = _Zone(found["id"], plan_id, tuple(name_servers))
        return self._zones[zone]

    async def _found(self, zone: Name) -> ZoneDetails:
        """The one of this name, or of several the one that is active."""
        name = name_text(zone)
        query: dict[str, object] = {"name": name, "per_page": _ZONES_PAGE}
        if self._account_id:
            query["account.id"] = self._account_id
        if self._token_refused is not None:
            raise self._failure(zone, self._token_refused, _LOOK)
        answer = cast(ZonesPage, await self._get(zone, _LOOK, "/zones", **query))
        found = [each for each in answer["result"] if each["name"] == name]
        active = [each for each in found if each["status"] == "active"]
        if not found:
            raise ProviderError(
                f"zone {name}: {self._api.where} has no zone of this name for this token. Check the zone's name, and "
                "that it is among the token's zone resources"
                + (", and options.account_id." if self._account_id else ".")
            )
        if len(found) > 1 and len(active) != 1:
            accounts = ", ".join(sorted(f"{each['account']['id']} ({each['account']['name']})" for each in found))
            raise ProviderError(
                f"zone {name}: {self._api.where} has it in several accounts: {accounts}. Say in options.account_id "
                "which one is meant."
            )
        return (active or found)[0]

    # The interface

    async def _get(self, zone: Name, task: _Task, path: str, **query: object) -> Mapping[str, object]:
        """Raises ProviderError."""
        self.traffic.queries += 1
        try:
            return self._checked(await self._api.get(path, **query))
        except HttpError as error:
            if task is _LOOK and is_unauthorized(error):
                self._token_refused = error
            raise self._failure(zone, error, task) from None
        except ProviderError as error:
            raise ProviderError(f"zone {name_text(zone)}: {error}") from None

    def _checked(self, answer: object) -> Mapping[str, object]:
        """Raises OutcomeUnknown."""
        if not isinstance(answer, Mapping) or answer.get("success") is not True:
            raise OutcomeUnknown(f"{self._api.where} does not answer as Cloudflare does. Check url.")
        return answer

    def _failure(self, zone: Name, error: HttpError, task: _Task) -> ProviderError:
        where, reason = f"zone {name_text(zone)}: {self._api.where}", reason_of(error)
        if error.status == _TOO_MANY_REQUESTS:
            when = f"in {error.retry_after:.0f} s" if error.retry_after is not None else "in five minutes"
            return ProviderError(
                f"{where} takes no more requests of this user for now ({reason}). 1,200 are allowed in five minutes, "
                f"all tools and the dashboard together. Run it again {when}."
            )
        if error.status >= 500:
            return ProviderError(f"{where} is out of order ({reason}). Look at https://www.cloudflarestatus.com.")
        if is_unauthorized(error):
            return ProviderError(
                f"{where} does not let this token {task.doing} ({reason}). Check that api_token is an API token that "
                f"has not expired, is allowed from this address, and has the permission {task.permission} for this "
                "zone."
            )
        if not errors_in(error):
            return ProviderError(f"{where} does not answer as Cloudflare does ({reason}). Check url.")
        return ProviderError(f"{where} refuses to {task.doing}: {reason}.")
