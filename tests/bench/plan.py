"""The compile step alone: 1,000 mail hosts beside 100 of the same kind, ten times as many being the least to expect."""

from __future__ import annotations

import statistics
import time

from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.model import Inventory
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.pipeline import compile_plan
from rows import row

ROUNDS = 5
FEW, MANY = 100, 1000
AIM = 1.5


def servers(count: int) -> Inventory:
    """Direct servers, each with the next two as its smarthosts."""
    hosts = {}
    for number in range(count):
        hosts[f"mx{number}"] = {
            "mail_domains": [{"name": "example.org"}],
            "mail_dns": {"default": {"provider": "manual"}},
            "mail_topology": "direct",
            "mail_fqdn": f"mx{number}.example.org",
            "mail_addresses": [f"9.9.{number // 200}.{number % 200 + 1}"],
            "mail_smarthosts": [f"mx{number + step}.example.org" for step in (1, 2) if number + step < count],
        }
    return Inventory(hosts, {"mail_servers": list(hosts)})


def seconds(inventory: Inventory) -> float:
    start = time.perf_counter()
    compile_plan(inventory)
    return time.perf_counter() - start


def run() -> list[dict]:
    few, many = servers(FEW), servers(MANY)
    few_s, many_s = [], []
    for _round in range(ROUNDS):
        few_s.append(seconds(few) * MANY / FEW)
        many_s.append(seconds(many))
    what = f"plan of {MANY:,} servers with two smarthosts each, median of {ROUNDS}"
    peer = f"{MANY // FEW} times that of {FEW} such servers"
    return [row(what, statistics.median(many_s), peer, statistics.median(few_s), AIM)]
