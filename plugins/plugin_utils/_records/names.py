# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain names as people write them, to `dns.name.Name` and back."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from .._deps_names import dns

if TYPE_CHECKING:
    from dns.name import IDNACodec, Name

# IDNA 2003, which Python itself has, writes these as other letters (ß as ss) or drops them; IDNA 2008 (RFC 5891) keeps
# them. The domain reached would be another one than meant.
_DEVIATIONS = frozenset("ßς\u200c\u200d")


# The other full stops of IDNA (RFC 3490, section 3.1).
_DOTS = dict.fromkeys(map(ord, "\u3002\uff0e\uff61"), ".")
_LABEL = re.compile(r"(?:\\.|[^.\\])+")


class InvalidName(ValueError):
    """The text is no domain name; the message says why."""


def idna_codec(text: str) -> IDNACodec:
    """What turns `text` into A-labels: IDNA 2008 if the library `idna` is there, else IDNA 2003 (RFC 3490)."""
    if dns.name.have_idna_2008:
        return dns.name.IDNA_2008_Practical
    if not _DEVIATIONS.isdisjoint(text):
        raise InvalidName(
            f"'{text}' has a letter that only IDNA 2008 knows: install the Python library idna, or write A-labels"
        )
    return dns.name.IDNA_2003_Practical


def ascii_name(text: str) -> str:
    """The name with A-labels in place of labels with other letters. Raises InvalidName, UnicodeError, DNSException.

    Label by label: in a whole name with such letters dnspython takes escaped octets (`\\228`) for letters too, and so
    makes another name of it.
    """
    if text.isascii():
        return text
    codec = idna_codec(text)

    def a_label(match: re.Match[str]) -> str:
        label = match[0]
        if label.isascii():
            return label
        if "\\" in label:
            raise InvalidName(f"'{text}' has a label with both letters and escapes: write its A-label")
        return codec.encode(label).decode("ascii")

    return _LABEL.sub(a_label, text.translate(_DOTS))


@lru_cache(maxsize=65536)
def parse_name(text: str) -> Name:
    """A fully qualified, lower-case name of A-labels, from text with or without the final dot.

    Nothing is made relative: `mail` is the top-level name `mail.`, never `mail` in some zone.
    Raises InvalidName.
    """
    stripped = text.strip()
    if not stripped:
        raise InvalidName("the name is empty")
    if stripped == "@":
        raise InvalidName("'@' stands for nothing here: write the whole name")
    if len(stripped.split()) > 1:
        raise InvalidName(f"'{text}' has a space in it")
    if _is_address(stripped):
        raise InvalidName(f"'{text}' is an address where a name belongs")
    try:
        return dns.name.from_text(ascii_name(stripped), dns.name.root).canonicalize()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise InvalidName(f"'{text}' is no domain name: {error}") from None


@lru_cache(maxsize=65536)
def name_text(name: Name) -> str:
    """The name as results show it: lower case, without the final dot; the root is '.'."""
    return name.to_text(omit_final_dot=True).lower()


def in_order(name: Name) -> tuple[bytes, ...]:
    """To sort names in lower case by, in canonical order (RFC 4034, section 6.1)."""
    return name.labels[::-1]


def _is_address(text: str) -> bool:
    # An address has a colon or ends in a digit: most names need no closer look, which takes longer.
    if ":" not in text and not text.rstrip(".")[-1:].isdigit():
        return False
    try:
        ipaddress.ip_address(text.rstrip("."))
    except ValueError:
        return False
    return True
