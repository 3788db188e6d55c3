# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The third-party libraries of the controller side, imported in one place.

A plugin must be importable without them (documentation, `ansible-test sanity`), so who works with them calls
`missing_libraries()` first and says what to install.
"""

from __future__ import annotations

import importlib
from typing import Any

MISSING: list[str] = []

try:
    import dns
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.opcode
    import dns.query
    import dns.rcode
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype
    import dns.rdtypes.ANY.MX
    import dns.rdtypes.ANY.TKEY
    import dns.rdtypes.txtbase
    import dns.rrset
    import dns.tokenizer
    import dns.tsig
    import dns.update
    import dns.xfr
    import dns.zone
except ImportError:
    dns = None  # type: ignore[assignment]
    MISSING.append("dnspython")

__all__ = ["LibraryMissing", "dns", "missing_libraries", "optional_library"]


class LibraryMissing(Exception):
    """A library is not there; the message says what to install."""


def optional_library(module: str) -> Any:
    """A module of a library that only some need, and that takes long to import. Raises LibraryMissing."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        library = missing.partition(".")[0]
        if missing != library:
            raise LibraryMissing(f"The Python library {library} on the controller has no {missing}.") from None
        raise LibraryMissing(_what_to_install([library])) from None
    except ImportError as error:
        library = module.partition(".")[0]
        raise LibraryMissing(
            f"The Python library {library} on the controller cannot be used: {error}. Update what belongs together "
            f"(pip install --upgrade {library})."
        ) from None


def missing_libraries(*wanted: str) -> str | None:
    """What to tell the administrator if one of the `wanted` distributions is not there, else None."""
    missing = [name for name in wanted if name in MISSING]
    return _what_to_install(missing) if missing else None


def _what_to_install(missing: list[str]) -> str:
    return (
        f"The Python library {' and '.join(missing)} is missing on the controller, where this runs: "
        f"install it for the Python that runs Ansible (pip install {' '.join(missing)})."
    )
