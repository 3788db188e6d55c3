# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The DNS endpoints that all hosts share: who hosts the zones, and what is wrong with that before a server is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._providers.http.url import url_problem
from ..._providers.options import ENDPOINT_SPEC, GSS, misplaced
from ..problems import Several, Unfit
from .readers import described
from .schema import unknown_key

CREDENTIALS = frozenset(name for name, option in ENDPOINT_SPEC.items() if option.get("no_log"))
"""The options of an endpoint that are secret: nothing here reads them."""

_EXAMPLE = "Write endpoints by name, as {default: {provider: rfc2136, server: 192.0.2.53}}"
_NUMBERS = {"int": int, "float": float}


def endpoints(value: object) -> dict[str, str]:
    """mail_dns: key -> provider. No other option is kept, credentials least of all; no message shows a value.

    Raises Unfit with everything that is wrong in it.
    """
    if not isinstance(value, Mapping):
        raise Unfit(f"is {described(value)}, not a dictionary", _EXAMPLE)
    problems, found = [], {}
    for key, options in value.items():
        if not isinstance(options, Mapping):
            problems.append(Unfit(f"{key}: is {described(options)}, not a dictionary", _EXAMPLE))
            continue
        problems += _problems(str(key), options)
        found[str(key)] = str(options.get("provider") or ENDPOINT_SPEC["provider"]["default"])
    if problems:
        raise Several(problems)
    return found


def endpoint_problems(value: object) -> list[str]:
    """All that is wrong in it, each with its remedy; a text each."""
    try:
        endpoints(value)
    except Several as several:
        return [f"{unfit.message}. {unfit.remedy}" for unfit in several.problems]
    except Unfit as unfit:
        return [f"{unfit.message}. {unfit.remedy}"]
    return []


def _problems(key: str, options: Mapping[str, Any]) -> Iterator[Unfit]:
    for name, value in options.items():
        if name not in ENDPOINT_SPEC:
            yield unknown_key(str(name), ENDPOINT_SPEC, f"{key}: ")
        elif name not in CREDENTIALS and value is not None:
            yield from _value_problems(f"{key}.{name}", value, ENDPOINT_SPEC[name])
    provider = options.get("provider") or ENDPOINT_SPEC["provider"]["default"]
    if provider not in ENDPOINT_SPEC["provider"]["choices"]:
        return
    # Whether a secret is empty is not known here.
    given = {str(name) for name, value in options.items() if name not in CREDENTIALS and value not in (None, "")}
    for name in misplaced(provider, given):
        yield Unfit(f"{key}.{name}: the provider {provider} has no use for it", "Leave it out")
    url = options.get("url")
    if "url" in given and isinstance(url, str) and (problem := url_problem(url)):
        yield Unfit(f"{key}.url: {problem}", "Write it as https://ns1.example.org:8081")
    if not options.keys() <= ENDPOINT_SPEC.keys():
        return  # what seems missing may be there under a misspelt name
    if provider == "powerdns" and "url" not in given:
        yield Unfit(
            f"{key}: has no 'url', which the provider powerdns needs", "Add it, as https://ns1.example.org:8081"
        )
    if provider == "rfc2136" and options.get("key_algorithm") != GSS:
        if "key_name" in given and "key_secret" not in options:
            yield Unfit(f"{key}: has no 'key_secret', and a TSIG key needs both", "Add it, or leave 'key_name' out")
        if "key_secret" in options and "key_name" not in options:
            yield Unfit(f"{key}: has no 'key_name', and a TSIG key needs both", "Add it, or leave 'key_secret' out")


def _value_problems(place: str, value: object, spec: Mapping[str, Any]) -> Iterator[Unfit]:
    if "choices" in spec:
        if value not in spec["choices"]:
            yield Unfit(
                f"{place}: there is no such {place.rpartition('.')[2]}", f"Write one of {', '.join(spec['choices'])}"
            )
    elif spec["type"] in _NUMBERS:
        try:
            number = _NUMBERS[spec["type"]](value)
        except (TypeError, ValueError, OverflowError):
            yield Unfit(f"{place}: is not a number", "Write a number")
            return
        if place.endswith(".port") and not 1 <= number <= 65535:
            yield Unfit(f"{place}: is no port", "Write one of 1 to 65535")
    elif spec["type"] in ("str", "path") and not isinstance(value, str):
        yield Unfit(f"{place}: is {described(value)}, not text", "Write one text")
