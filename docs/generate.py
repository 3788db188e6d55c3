# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what the documents repeat from the code, between `<!-- NAME -->` and `<!-- end of NAME -->`: `make docs`.

A unit test compares: a document that no longer says what the code does fails it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from textwrap import wrap
from typing import Any

import yaml
from ansible_collections.inbound.mail.plugins.doc_fragments.dns_provider import ModuleDocFragment
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case
from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import merged
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import Rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.verdict import RULES, judge
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.options import ARGUMENT_SPEC, ENDPOINT_SPEC
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.domains import (
    DOMAIN_KEYS,
    EXCHANGER_KEYS,
    RECIPIENT_KEYS,
    ZONE_KEYS,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.edge import (
    CLIENT_LIMIT_KEYS,
    LOAD_BALANCER_KEYS,
    POSTSCREEN_KEYS,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.scanners import SCANNER_KEYS
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.schema import KeySpec
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.smarthosts import SMARTHOST_KEYS
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.variables import (
    DEVICES,
    GROUPS,
    INSIDERS,
    MAIL_HOSTS,
    RELAYS,
    SERVERS,
    VANTAGES,
    VARIABLES,
    Variable,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.render.diagram import mermaid
from ansible_collections.inbound.mail.tests.unit.plugins.module_utils._path_check.faults import FAULTS, with_fault
from ansible_collections.inbound.mail.tests.unit.plugins.module_utils._path_check.sound import VANTAGE

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent

DOMAIN = "example.org"

# What the types of options are called in the tables of the declaration.
TYPES = {
    "str": "text",
    "int": "number",
    "float": "number",
    "bool": "true or false",
    "dict": "dictionary",
    "path": "path",
}

WHERE = {
    GROUPS: "all hosts",
    MAIL_HOSTS: "servers, relays",
    (SERVERS,): "servers",
    (RELAYS,): "relays",
    DEVICES: "gateways, firewalls",
    (*GROUPS, VANTAGES, INSIDERS): "every host",
}


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def variables() -> str:
    return table(
        ("Variable", "On", "Type", "Default", "Meaning"),
        [(f"`{one.name}`", WHERE[one.groups], one.type, _default(one), one.meaning) for one in VARIABLES],
    )


def _default(variable: Variable) -> str:
    return _value(variable.default)


def _value(default: object) -> str:
    return "" if default in (None, (), {}, "") else f"`{str(default).lower()}`"


def keys(described: Mapping[str, KeySpec]) -> str:
    rows = [
        (f"`{name}`" + (", required" if key.required else ""), key.type, key.meaning) for name, key in described.items()
    ]
    return table(("Key", "Type", "Meaning"), rows)


def endpoint_options() -> str:
    """As the pages of the modules have them, with the defaults that the role mail_dns gives some."""
    pages = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    of_role = yaml.safe_load((ROOT / "roles/mail_dns/defaults/main.yml").read_text(encoding="utf-8"))
    rows = []
    for name in ENDPOINT_SPEC:
        kind = ", ".join(f"`{one}`" for one in pages[name].get("choices", ())) or TYPES[pages[name]["type"]]
        default = of_role.get(f"mail_dns_{name}", ARGUMENT_SPEC[name].get("default"))
        described = pages[name]["description"]
        rows.append(
            (f"`{name}`", kind, _value(default), _markdown([described] if isinstance(described, str) else described))
        )
    return table(("Option", "Type", "Default", "Meaning"), rows)


def _markdown(sentences: Iterable[str]) -> str:
    """Ansible's markup as Markdown: O(provider=powerdns), V(true), RV(ignore:leftover)."""
    marked = re.sub(r"\b(?:[VOCE]|RV)\((?:ignore:)?([^()]+)\)", r"`\1`", " ".join(sentences))
    return re.sub(r"`(\w+)=(\w+)`", r"`\1: \2`", marked)


def modules() -> str:
    names = sorted(path.stem for path in (ROOT / "plugins/modules").glob("[a-z]*.py"))
    pages = {name: import_module(f"ansible_collections.inbound.mail.plugins.modules.{name}") for name in names}
    return table(
        ("Module", "What it does"),
        [(f"`{name}`", yaml.safe_load(page.DOCUMENTATION)["short_description"]) for name, page in pages.items()],
    )


def roles() -> str:
    specs = {path.parts[-3]: path for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml"))}
    described = {
        name: yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["short_description"]
        for name, path in specs.items()
    }
    return table(("Role", "What it does"), [(f"[`{name}`](roles/{name}/)", what) for name, what in described.items()])


def rules() -> str:
    rows = [(f"[`{one.id}`](#{one.id})", one.severity, one.what) for _id, one in sorted(RULES.items())]
    return table(("Id", "Severity", "What was found"), rows)


def examples() -> str:
    """Every rule with what it says of a fault that the unit tests put into a sound domain."""
    found: dict[str, dict[str, Any]] = {}
    # First the faults that only one rule speaks of.
    for fault in sorted(FAULTS, key=lambda one: len(one.split())):
        observation, expect = with_fault(fault)
        networks = ["203.0.113.0/24"]
        case = Case(expect, merged([observation]), domain=DOMAIN, public_networks=networks, egress_targets=[VANTAGE])
        for finding in judge(case, [], date(2026, 11, 23)):
            found.setdefault(finding["id"], finding)
    return "\n\n".join(_example(RULES[name], found[name]) for name in sorted(RULES))


def _example(rule: Rule, finding: Mapping[str, Any]) -> str:
    kind = "UNKNOWN" if finding["status"] == "unknown" else finding["severity"].upper()
    lines = [f"{kind}  {rule.id}  {finding['subject']}", *wrap(finding["message"], 105)]
    lines += wrap(f"-> {finding['remedy']}", 105)
    example = "\n".join(f"    {line}" if number == 0 else f"        {line}" for number, line in enumerate(lines))
    return f"### {rule.id}\n\n{rule.what} Source: {rule.source}. {rule.hint}\n\n{example}"


def drawing(plan: Path) -> str:
    """The network of an example, as GitHub and GitLab show it."""
    return f"```mermaid\n{mermaid(json.loads(plan.read_text(encoding='utf-8')))}```"


PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "../README.md": {"modules": modules, "roles": roles},
    "checks.md": {"rules": rules, "examples": examples},
    "declaration.md": {
        "variables": variables,
        "keys of mail_domains": lambda: keys(DOMAIN_KEYS),
        "keys of an exchanger": lambda: keys(EXCHANGER_KEYS),
        "keys of recipients": lambda: keys(RECIPIENT_KEYS),
        "keys of mail_scanner": lambda: keys(SCANNER_KEYS),
        "keys of mail_smarthosts": lambda: keys(SMARTHOST_KEYS),
        "keys of mail_client_limits": lambda: keys(CLIENT_LIMIT_KEYS),
        "keys of mail_load_balancer": lambda: keys(LOAD_BALANCER_KEYS),
        "keys of mail_postscreen": lambda: keys(POSTSCREEN_KEYS),
        "keys of mail_zones": lambda: keys(ZONE_KEYS),
        "options of mail_dns": endpoint_options,
    },
    **{
        f"../examples/{plan.parent.name}/README.md": {"drawing": lambda plan=plan: drawing(plan)}
        for plan in sorted(ROOT.glob("examples/*/plan.json"))
    },
}


def generated(name: str, text: str) -> str:
    """The text of the document of that name, with every generated part as the code has it now."""
    for part, write in PARTS[name].items():
        pattern = re.compile(f"(<!-- {part} -->\n).*?(<!-- end of {part} -->)", re.DOTALL)
        content = write()
        text, count = pattern.subn(lambda match, content=content: f"{match[1]}{content}\n{match[2]}", text)
        if count != 1:
            raise ValueError(f"docs/{name} has {count} places for '{part}' instead of one")
    return text


if __name__ == "__main__":
    for name in PARTS:
        page = (DOCS / name).resolve()
        page.write_text(generated(name, page.read_text(encoding="utf-8")), encoding="utf-8")
        print(page.relative_to(ROOT))
