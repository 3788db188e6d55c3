# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host returns as its observation is taken only for what it was asked: by type, and as its own.

A managed host may be broken or broken into. What it says costs its own part of the verdict, and no other host's.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Callable, Union, cast

from ansible_collections.inbound.mail.plugins.module_utils._addresses import parse_ip
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.mailboxes import TOKEN
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

if TYPE_CHECKING:
    from collections.abc import Collection

_LONGEST_TEXT = 64 * 1024
_MOST_ITEMS = 100_000
_MX_VALUE = re.compile(r"[0-9]{1,5} .*", re.DOTALL)
# Until the year 3000: dates beyond it are in no certificate, and no calendar here has them.
_LATEST = 32_503_680_000.0


class Damaged(ValueError):
    """What is wrong in an observation: where, and what is there."""


class _Maybe:
    """None, or the shape."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


class _Each:
    """A dictionary of any keys, with values of the shape."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


# A dictionary has its keys, those that end with '?' only in some releases; a list has one shape for all items.
Shape = Union[Callable[[object], bool], "dict[str, Any]", "list[Any]", _Maybe, _Each]


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def _moment(value: object) -> bool:
    """Seconds: since the epoch, or that something took."""
    return type(value) in (int, float) and math.isfinite(cast(float, value)) and 0 <= cast(float, value) <= _LATEST


def _date(value: object) -> bool:
    """Seconds since the epoch, also before it: a Received field may have any date."""
    return type(value) in (int, float) and abs(cast(float, value)) < 1e12


def _address(value: object) -> bool:
    return isinstance(value, str) and parse_ip(value) is not None


def _address_or_none(value: object) -> bool:
    return value == "" or _address(value)


def _token(value: object) -> bool:
    return isinstance(value, str) and TOKEN.fullmatch(value) is not None


_ANSWER: dict[str, Shape] = {
    "name": _text,
    "type": _text,
    "status": _text,
    "rcode": _text,
    "authoritative": _flag,
    "values": [_text],
    "ttl": _Maybe(_count),
    "alias": _Maybe(_text),
}
_RESOLVED: dict[str, Shape] = {**_ANSWER, "resolver": _text}
_SERVER: dict[str, Shape] = {
    "name": _text,
    "address": _address_or_none,
    "status": _text,
    "rcode": _text,
    "authoritative": _flag,
    "serial": _Maybe(_count),
    "tcp?": _text,
    "alias?": _text,
    "answers": [_ANSWER],
    "same_as?": _Maybe(_count),
}
_ZONE: dict[str, Shape] = {
    "name": _text,
    "delegated": _Maybe(_flag),
    "parent?": _Maybe({"names": [_text], "glue": _Each([_address])}),
    "bogus?": _text,
    "servers": [_SERVER],
}
_DIALOGUE: dict[str, Shape] = {
    "host": _text,
    "address": _address,
    "port": _count,
    "status": _text,
    "steps": [{"what": _text, "domain": _text, "command": _text, "code": _count, "text": _text, "lines?": [_text]}],
    "ended": _text,
    "greeted_after?": _Maybe(_moment),
    "tls": _Maybe(
        {
            "version": _text,
            "error": _text,
            "weak?": _text,
            "certificate?": _Maybe({"names": [_text], "not_after": _moment}),
        }
    ),
}
_SENT: dict[str, Shape] = {
    "domain": _text,
    "recipient": _text,
    "token": _token,
    "accepted": _flag,
    "at": _moment,
    "attempts": [
        {"exchange": _text, "address": _address, "local_address": _Maybe(_address), "code": _count, "text": _text}
    ],
}
_TRACE: dict[str, Shape] = {
    "host": _text,
    "token": _token,
    "kind?": _text,
    "file": _text,
    "hops": [{"helo": _text, "address": _address_or_none, "by": _text, "date": _text, "at?": _Maybe(_date)}],
}
SHAPE: dict[str, Shape] = {
    "format_version": _count,
    "vantage": _text,
    "at?": _moment,
    "seconds?": _moment,
    "complete?": _flag,
    "damaged?": [{"host": _text, "why": _text}],
    "left_out?": [{"kind": _text, "subject": _text, "number": _count, "limit": _count}],
    "resolvers?": [_text],
    "zones?": [_ZONE],
    "resolved?": [_RESOLVED],
    "inside?": [{**_RESOLVED, "source": _text}],
    "connections?": [
        {
            "source": _text,
            "address": _address,
            "port": _count,
            "status": _text,
            "local_address": _Maybe(_address),
            "seen_as?": _address_or_none,
        }
    ],
    "dialogues?": [_DIALOGUE],
    "policies?": [{"domain": _text, "mode": _text, "error": _text}],
    "pinned?": [{"host": _text, "usages": [_count], "authentic": _flag}],
    "sent?": [_SENT],
    "traces?": [_TRACE],
    "mail_hosts?": [{"host": _text, "names": [_text], "unread?": [_text]}],
}
"""Of an Observation."""

# Which host the entries of a list are from.
_WHOSE = {"inside": "source", "connections": "source", "traces": "host", "mail_hosts": "host"}


def sound(value: object) -> seen.Observation:
    """The observation without what does not belong into one. Raises Damaged."""
    found = _shaped(value, SHAPE, "observation")
    for zone in found.get("zones", ()):
        _check_zone(zone)
    for answer in [*found.get("resolved", ()), *found.get("inside", ())]:
        _check_answer(answer)
    return cast("seen.Observation", found)


def received(
    value: object, host: str, kinds: Collection[str], tokens: Collection[str] | None = None
) -> seen.Observation:
    """What `host` was asked for: the lists that are named by `kinds`, about itself; of messages those with the tokens.

    A damaged or forged observation becomes an empty one that says so.
    """
    try:
        found = sound(value)
        if found["format_version"] != seen.FORMAT_VERSION:
            raise Damaged(f"format_version is {found['format_version']}, not {seen.FORMAT_VERSION}")
        _check_origin(cast("dict[str, Any]", found), host, kinds, tokens)
    except Damaged as error:
        empty = seen.empty(host)
        empty["damaged"] = [{"host": host, "why": harmless(str(error))}]
        return empty
    return found


def _check_origin(found: dict[str, Any], host: str, kinds: Collection[str], tokens: Collection[str] | None) -> None:
    if found["vantage"] != host:
        raise Damaged(f"it is from '{found['vantage']}'")
    for kind in seen.LISTS:
        if found.get(kind) and kind not in kinds:
            raise Damaged(f"it has '{kind}', which the host was not asked for")
        whose = _WHOSE.get(kind)
        for entry in found.get(kind, ()) if whose else ():
            if entry[whose] != host:
                raise Damaged(f"in '{kind}' it speaks for '{entry[whose]}'")
    for trace in found.get("traces", ()) if tokens is not None else ():
        if trace["token"] not in (tokens or ()):
            raise Damaged("in 'traces' it has a message that was not looked for")


def _check_zone(zone: dict[str, Any]) -> None:
    servers = zone["servers"]
    for server in servers:
        same = server.get("same_as")
        if same is not None and same >= len(servers):
            raise Damaged(f"a name server of {zone['name']} refers to one that is not there")
        for answer in server["answers"]:
            _check_answer(answer)


def _check_answer(answer: dict[str, Any]) -> None:
    rdtype = answer["type"]
    for value in answer["values"]:
        if rdtype in ("A", "AAAA"):
            address = parse_ip(value)
            fits = address is not None and (address.version == 6) == (rdtype == "AAAA")
        else:
            fits = rdtype != "MX" or _MX_VALUE.fullmatch(value) is not None
        if not fits:
            raise Damaged(f"a value of type {rdtype} is '{value}'")


def _shaped(value: object, shape: Any, place: str) -> Any:
    """Raises Damaged."""
    if isinstance(shape, _Maybe):
        return None if value is None else _shaped(value, shape.shape, place)
    if isinstance(shape, list):
        if not isinstance(value, list) or len(value) > _MOST_ITEMS:
            raise Damaged(f"{place} is no list that fits")
        return [_shaped(item, shape[0], place) for item in value]
    if isinstance(shape, (dict, _Each)):
        if not isinstance(value, dict) or len(value) > _MOST_ITEMS:
            raise Damaged(f"{place} is no dictionary that fits")
        if isinstance(shape, _Each):
            if not all(_text(key) for key in value):
                raise Damaged(f"{place} has a key that is no text")
            return {key: _shaped(item, shape.shape, place) for key, item in value.items()}
        return _with_keys(value, shape, place)
    if not shape(value):
        raise Damaged(f"{place} is {harmless(repr(value), 60)}")
    return value


def _with_keys(value: dict[Any, object], shape: dict[str, Any], place: str) -> dict[str, Any]:
    found = {}
    for key, inner in shape.items():
        name = key.rstrip("?")
        if name in value:
            found[name] = _shaped(value[name], inner, f"{place}.{name}")
        elif name == key:
            raise Damaged(f"{place} has no '{name}'")
    return found
