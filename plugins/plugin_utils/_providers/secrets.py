# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the secrets in the options of a task are, so that nothing shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

from .base import InvalidOptions
from .rfc2136.tsig import MIN_SECRET_OCTETS

# The variable of the environment that api_token is read from where a task does not have it.
TOKEN_VARIABLES = {"cloudflare": "CLOUDFLARE_API_TOKEN", "powerdns": "PDNS_API_KEY"}

# A shorter one can be guessed, and censoring it in results (a token `mail`, say) would blot them out.
_MIN_OCTETS = 8
# What a secret is called in the options of libraries.
_SECRET_WORDS = ("auth", "credential", "key", "pass", "secret", "token")
_NO_SECRETS = ("key_name", "key_algorithm", "key_id")
# How octoDNS too writes that a value is in the environment.
_FROM_ENVIRONMENT = "env/"


def with_environment(options: Mapping[str, object]) -> dict[str, object]:
    """The options, with what they leave to the environment: api_token, and 'env/NAME' anywhere in `options`.

    Raises InvalidOptions.
    """
    problems: list[str] = []

    def resolved(value: object, place: str) -> object:
        if isinstance(value, Mapping):
            return {key: resolved(item, f"{place}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [resolved(item, f"{place}[{index}]") for index, item in enumerate(value)]
        if isinstance(value, str) and value.startswith(_FROM_ENVIRONMENT):
            name = value.removeprefix(_FROM_ENVIRONMENT)
            if name not in os.environ:
                problems.append(f"{place}: the environment of the controller has no variable {name}")
            return os.environ.get(name, "")
        return value

    token = options.get("api_token") or os.environ.get(TOKEN_VARIABLES.get(str(options.get("provider") or ""), ""))
    result = {**options, "api_token": token, "options": resolved(options.get("options"), "options")}
    for place, secret in _secrets(result):
        if place != "key_secret" and len(secret) < _MIN_OCTETS:
            problems.append(f"{place} has {len(secret)} characters, fewer than {_MIN_OCTETS}: take a longer one")
    if token and not all("!" <= character <= "~" for character in str(token)):
        problems.append("api_token has a character that is in no token: a space, or the end of a line")
    if problems:
        raise InvalidOptions(problems)
    return result


def secrets(options: Mapping[str, object]) -> set[str]:
    """All that must not be shown; also each line of a key in a file's form, and all as it looks in a URL, since that is
    in messages of libraries. One that is too short to be used was never used, and is left out."""
    found = {
        secret
        for place, secret in _secrets(options)
        if len(secret) >= (MIN_SECRET_OCTETS if place == "key_secret" else _MIN_OCTETS)
    }
    found |= {line for secret in found for line in secret.splitlines() if len(line) >= _MIN_OCTETS}
    return {form for secret in found for form in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))}


def _secrets(options: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name in ("key_secret", "api_token"):
        if options.get(name):
            yield name, str(options[name])
    yield from _secrets_in(options.get("options"), "options", is_secret=False)


def _secrets_in(value: object, place: str, is_secret: bool) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            words = str(key).lower()
            named_so = words not in _NO_SECRETS and any(word in words for word in _SECRET_WORDS)
            yield from _secrets_in(item, f"{place}.{key}", is_secret or named_so)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secrets_in(item, f"{place}[{index}]", is_secret)
    elif is_secret and isinstance(value, str) and value:
        yield place, value
