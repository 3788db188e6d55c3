# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scenario folder says: `lab.yml` read, merged with what it extends, and checked."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

MANAGEMENT = "mgmt"
CONTROLLER = "controller"
SHARED = Path(__file__).resolve().parents[1]
INTERFACE_NAME_LENGTH = 15  # IFNAMSIZ less the closing NUL

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_SECRET = re.compile(r"@([A-Z][A-Z0-9_]*)@")
RUN_TOKEN = "RUN"


class _Loader(yaml.SafeLoader):
    """YAML 1.2's booleans: `on` is a word, true and false are the booleans."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


class ScenarioError(Exception):
    """Every problem of one scenario, a line each."""

    def __init__(self, folder: Path, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(f"{folder / 'lab.yml'} does not work:\n" + "\n".join(f"  - {problem}" for problem in problems))


@dataclass(frozen=True)
class File:
    content: str
    owner: str = "root"
    group: str = "root"
    mode: int = 0o644


@dataclass(frozen=True)
class Host:
    """A lab host, or the controller, which has a network and a resolver only."""

    name: str
    networks: dict[str, list[str]]  # network -> addresses with prefix length
    routes: dict[str, list[str]] = field(default_factory=dict)  # destination or `default` -> next hops
    resolver: list[str] = field(default_factory=list)
    forward: bool = False
    install: list[str] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)
    run: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Hold:
    """Something that must hold: a command, where it runs, and what must come of it."""

    name: str
    on: str
    run: str
    prints: str | None = None
    matches: str | None = None
    fails: bool = False
    within: float = 0

    def objection(self, status: int, stdout: str, values: dict[str, str]) -> str | None:
        """Why this outcome is not what must hold, or None if it is. `values` fill the `@NAME@` of what is expected."""
        if self.fails != (status != 0):
            return f"expected: {'to fail' if self.fails else 'to succeed'}; got: exit status {status}"
        if self.prints is not None and stdout.strip() != fill(self.prints, values).strip():
            return f"expected: prints {fill(self.prints, values).strip()!r}; got: {stdout.strip()!r}"
        if self.matches is not None and not re.search(fill(self.matches, values), stdout, re.MULTILINE):
            return f"expected: a match of {fill(self.matches, values)!r}; got: {stdout.strip()!r}"
        return None


@dataclass(frozen=True)
class Scenario:
    folder: Path
    networks: list[str]
    hosts: dict[str, Host]
    controller: Host
    hold: list[Hold]
    secrets: frozenset[str]  # the names of the `@NAME@` in use

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def inventory(self) -> Path | None:
        """The administrator's inventory, if the folder has one."""
        return next((path for name in ("inventory.yml", "inventory") if (path := self.folder / name).exists()), None)


def fill(text: str, values: dict[str, str]) -> str:
    """Replace each `@NAME@` that has a value; others stay."""
    return _SECRET.sub(lambda match: values.get(match.group(1), match.group(0)), text)


def merge(below: Any, above: Any) -> Any:
    """Mappings are merged key by key; of anything else, what is above wins."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: merge(below[key], value) if key in below else value for key, value in above.items()}}
    return above


def load(folder: Path) -> Scenario:
    """Read and check a scenario folder. Raises ScenarioError with every problem found."""
    folder = folder.resolve()
    if not (folder / "lab.yml").is_file():
        raise ScenarioError(folder, ["there is no lab.yml in this folder; tests/lab/README.md says what to write"])
    return parse(folder, _read(folder, folder / "lab.yml"))


def _read(folder: Path, path: Path) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.YAMLError as error:
        raise ScenarioError(folder, [f"{path} is not YAML: {error}"]) from error
    if not isinstance(data, dict):
        raise ScenarioError(folder, [f"{path} must be a mapping with the keys networks, hosts, controller, hold"])
    wanted = data.pop("extends", None)
    if wanted is None:
        return data
    for base in (path.parent / str(wanted), SHARED / str(wanted)):
        if base.is_file() and base.resolve() != path.resolve():
            return dict(merge(_read(folder, base), data))
    raise ScenarioError(folder, [f"extends: {wanted} is neither in {path.parent} nor in {SHARED}"])


def parse(folder: Path, data: dict[str, Any]) -> Scenario:
    """Check the data of a lab.yml that extends nothing any more. Raises ScenarioError with every problem found."""
    problems: list[str] = []
    _unknown_keys(problems, "lab.yml", data, {"networks", "hosts", "controller", "hold"})
    networks = list(_mapping(problems, "networks", data.get("networks")))
    for name in networks:
        if not _NAME.fullmatch(str(name)) or len(name) > INTERFACE_NAME_LENGTH:
            problems.append(
                f"networks.{name}: the name is an interface's name in every host: small letters, digits and '-', "
                f"at most {INTERFACE_NAME_LENGTH} characters"
            )
        if name in (MANAGEMENT, "lo"):
            problems.append(f"networks.{name}: this interface is in every host already; choose another name")
    hosts = {
        str(name): _host(problems, f"hosts.{name}", str(name), value, networks)
        for name, value in _mapping(problems, "hosts", data.get("hosts")).items()
    }
    if not hosts:
        problems.append("hosts: there are none; a scenario needs at least one")
    problems += [
        f"hosts.{name}: a host name is small letters, digits and '-', at most 40, and not '{CONTROLLER}'"
        for name in hosts
        if not _NAME.fullmatch(name) or len(name) > 40 or name == CONTROLLER
    ]
    controller = _host(problems, CONTROLLER, CONTROLLER, data.get("controller") or {"networks": {}}, networks)
    if controller.install or controller.files or controller.run or controller.forward:
        problems.append("controller: has networks, routes and resolver only; it is no Debian of its own")
    holds = [
        _hold(problems, f"hold[{number}]", value, hosts)
        for number, value in enumerate(_list(problems, "hold", data.get("hold")), start=1)
    ]
    if problems:
        raise ScenarioError(folder, problems)
    texts = [text for host in hosts.values() for text in (*host.run, *(file.content for file in host.files.values()))]
    texts += [hold.run for hold in holds]
    secrets = frozenset(name for text in texts for name in _SECRET.findall(text)) - {RUN_TOKEN}
    return Scenario(folder, networks, hosts, controller, holds, secrets)


def _host(problems: list[str], where: str, name: str, data: Any, networks: list[str]) -> Host:
    data = _mapping(problems, where, data)
    _unknown_keys(problems, where, data, set(Host.__dataclass_fields__) - {"name"})
    joined: dict[str, list[str]] = {}
    for network, addresses in _mapping(problems, f"{where}.networks", data.get("networks")).items():
        if network not in networks:
            problems.append(
                f"{where}.networks.{network}: no such network; networks has {', '.join(networks) or 'none'}"
            )
        joined[network] = _strings(problems, f"{where}.networks.{network}", addresses)
        problems += [
            f"{where}.networks.{network}: '{address}' must be an address with a prefix length, as 192.0.2.1/24"
            for address in joined[network]
            if not _is(ipaddress.ip_interface, address) or "/" not in address
        ]
    routes: dict[str, list[str]] = {}
    for destination, hops in _mapping(problems, f"{where}.routes", data.get("routes")).items():
        if destination != "default" and not _is(ipaddress.ip_network, destination):
            problems.append(f"{where}.routes.{destination}: must be 'default' or a network, as 192.0.2.0/24")
        hops = _addresses(problems, f"{where}.routes.{destination}", hops)
        if len({":" in hop for hop in hops}) != len(hops):
            problems.append(f"{where}.routes.{destination}: one next hop for each of IPv4 and IPv6 at most")
        routes[str(destination)] = hops
    forward = data.get("forward", False)
    if not isinstance(forward, bool):
        problems.append(f"{where}.forward: must be true or false")
    return Host(
        name=name,
        networks=joined,
        routes=routes,
        resolver=_addresses(problems, f"{where}.resolver", data.get("resolver")),
        forward=bool(forward),
        install=_strings(problems, f"{where}.install", data.get("install")),
        files=_files(problems, f"{where}.files", data.get("files")),
        run=_strings(problems, f"{where}.run", data.get("run")),
    )


def _files(problems: list[str], where: str, data: Any) -> dict[str, File]:
    files: dict[str, File] = {}
    for path, value in _mapping(problems, where, data).items():
        value = _mapping(problems, f"{where}.{path}", value)
        _unknown_keys(problems, f"{where}.{path}", value, set(File.__dataclass_fields__))
        if not str(path).startswith("/") or ".." in Path(str(path)).parts:
            problems.append(f"{where}.{path}: must be an absolute path without '..'")
        if not isinstance(value.get("content"), str):
            problems.append(f"{where}.{path}.content: must be text")
        mode = str(value.get("mode", "0644"))
        if isinstance(value.get("mode"), int) or not re.fullmatch(r"[0-7]{3,4}", mode):
            problems.append(f'{where}.{path}.mode: must be octal in quotes, as "0640"')
            continue
        owner, group = str(value.get("owner", "root")), str(value.get("group", "root"))
        files[str(path)] = File(str(value.get("content", "")), owner, group, int(mode, 8))
    return files


def _hold(problems: list[str], where: str, data: Any, hosts: dict[str, Host]) -> Hold:
    data = _mapping(problems, where, data)
    _unknown_keys(problems, where, data, set(Hold.__dataclass_fields__))
    problems += [
        f"{where}.{key}: missing, or not text" for key in ("name", "on", "run") if not isinstance(data.get(key), str)
    ]
    name, on = str(data.get("name", "")), str(data.get("on", ""))
    if on and on not in hosts and on != CONTROLLER:
        problems.append(f"{where} ({name}): on: {on} is no host here; there are {', '.join([*hosts, CONTROLLER])}")
    matches = data.get("matches")
    if matches is not None and not _is(re.compile, matches):
        problems.append(f"{where} ({name}).matches: not a regular expression: {matches!r}")
    prints = data.get("prints")
    if prints is not None and not isinstance(prints, str):
        problems.append(f'{where} ({name}).prints: must be text; put it in quotes: "{prints}"')
    within = data.get("within", 0)
    if isinstance(within, bool) or not isinstance(within, (int, float)) or within < 0:
        problems.append(f"{where} ({name}).within: must be a number of seconds")
        within = 0
    fails = data.get("fails", False)
    if not isinstance(fails, bool):
        problems.append(f"{where} ({name}).fails: must be true or false")
    return Hold(name, on, str(data.get("run", "")), prints, matches, fails is True, float(within))


def _unknown_keys(problems: list[str], where: str, data: dict[Any, Any], known: set[str]) -> None:
    problems += [
        f"{where}: unknown key '{key}'; known are {', '.join(sorted(known))}" for key in data if key not in known
    ]


def _mapping(problems: list[str], where: str, data: Any) -> dict[Any, Any]:
    if data is None:
        return {}
    if not isinstance(data, dict):
        problems.append(f"{where}: must be a mapping")
        return {}
    return data


def _list(problems: list[str], where: str, data: Any) -> list[Any]:
    if data is None:
        return []
    if not isinstance(data, list):
        problems.append(f"{where}: must be a list")
        return []
    return data


def _strings(problems: list[str], where: str, data: Any) -> list[str]:
    values = _list(problems, where, data)
    problems += [f"{where}: '{value}' must be text; put it in quotes" for value in values if not isinstance(value, str)]
    return [str(value) for value in values]


def _addresses(problems: list[str], where: str, data: Any) -> list[str]:
    values = _strings(problems, where, data)
    problems += [f"{where}: '{value}' is no IP address" for value in values if not _is(ipaddress.ip_address, value)]
    return values


def _is(kind: Any, value: Any) -> bool:
    try:
        kind(value)
    except (ValueError, TypeError, re.error):
        return False
    return True
