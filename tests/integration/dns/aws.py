# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that stand in for Amazon Route 53, and a console beside them that is not our code.

moto counts the quota of a change. MiniStack compares a DELETE with what is there, lets a change be PENDING until it was
asked about once, and knows users with their keys and policies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debian_lab.machine import cache_folder
from name_server import Network

PORT = 5000
# What no output may show.
SECRET_KEY = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"
# The number of an account stands for its root user there, who may do everything.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "000000000000", "AWS_SECRET_ACCESS_KEY": SECRET_KEY}

# Reads an operation of boto3's client and its parameters, writes what it answers.
_CONSOLE = """
import boto3, json, sys
clients = {}
for line in sys.stdin:
    service, operation, parameters = json.loads(line)
    if service not in clients:
        clients[service] = boto3.client(service, endpoint_url=sys.argv[1], region_name="us-east-1")
    print(json.dumps(getattr(clients[service], operation)(**parameters), default=str), flush=True)
"""


@dataclass
class Cloud:
    """One of the programs, at an address of its own."""

    network: Network
    folder: Path
    program: str
    address: str = ""
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.address = self.network.new_address()
        program = str(cache_folder().parent / "venv/stand-ins/bin" / self.program)
        options = ["-H", self.address, "-p", str(PORT)] if self.program == "moto_server" else []
        settings = {"BIND_HOST": self.address, "GATEWAY_PORT": str(PORT), "SERVICES": "route53,iam,sts", "AUTH": "true"}
        with (self.folder / "log").open("wb") as log:
            command = self.network.inside(program, *options)
            environment = {**os.environ, **settings}
            self.processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, text=True))
        deadline = time.monotonic() + 60
        while self.network.run("curl", "--silent", "--output", "/dev/null", self.url, check=False).returncode != 0:
            if self.processes[0].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.program} does not answer:\n{self.log}")
            time.sleep(0.02)
        command = self.network.inside(sys.executable, "-c", _CONSOLE, self.url)
        pipe = subprocess.PIPE
        environment = {**os.environ, **CREDENTIALS}
        self.processes.append(subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True))

    @property
    def url(self) -> str:
        return f"http://{self.address}:{PORT}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
            process.communicate()

    def ask(self, service: str, operation: str, **parameters: Any) -> Any:
        console = self.processes[1]
        console.stdin.write(json.dumps([service, operation, parameters]) + "\n")
        console.stdin.flush()
        return json.loads(console.stdout.readline())

    def new_user(self, name: str, policy: str) -> dict[str, str]:
        """One that may do nothing but what the policy allows; returns the credentials."""
        self.ask("iam", "create_user", UserName=name)
        self.ask("iam", "put_user_policy", UserName=name, PolicyName="mail", PolicyDocument=policy)
        key = self.ask("iam", "create_access_key", UserName=name)["AccessKey"]
        return {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}

    # Route 53

    def new_zone(self, name: str, *record_sets: dict[str, Any], vpc: str | None = None) -> str:
        """Returns its id. The order of values, and the way they are written, are left as they are given."""
        more = {"VPC": {"VPCRegion": "eu-central-1", "VPCId": vpc}} if vpc else {}
        reference = str(time.monotonic_ns())
        made = self.ask("route53", "create_hosted_zone", Name=name, CallerReference=reference, **more)
        zone_id = made["HostedZone"]["Id"].rpartition("/")[2]
        for start in range(0, len(record_sets), 500):
            self.change(zone_id, *(("CREATE", item) for item in record_sets[start : start + 500]))
        return zone_id

    def change(self, zone_id: str, *changes: tuple[str, dict[str, Any]]) -> None:
        """As another administrator would."""
        batch = [{"Action": action, "ResourceRecordSet": record_set} for action, record_set in changes]
        self.ask("route53", "change_resource_record_sets", HostedZoneId=zone_id, ChangeBatch={"Changes": batch})

    def record_sets(self, zone_id: str) -> list[dict[str, Any]]:
        """All but the zone's own SOA and NS."""
        found: list[dict[str, Any]] = []
        start: dict[str, str] = {}
        while True:
            page = self.ask("route53", "list_resource_record_sets", HostedZoneId=zone_id, **start)
            found += [item for item in page["ResourceRecordSets"] if item["Type"] not in ("SOA", "NS")]
            if not page["IsTruncated"]:
                return found
            start = {"StartRecordName": page["NextRecordName"], "StartRecordType": page["NextRecordType"]}

    def values(self, zone_id: str, name: str, rdtype: str) -> list[str]:
        """The values of one RRset, sorted; `name` as the service writes it."""
        return sorted(
            record["Value"]
            for item in self.record_sets(zone_id)
            if (item["Name"], item["Type"]) == (name, rdtype)
            for record in item.get("ResourceRecords", [])
        )


def rrset(name: str, rdtype: str, *values: str, ttl: int = 300, **more: Any) -> dict[str, Any]:
    """As the API has it."""
    return {"Name": name, "Type": rdtype, "TTL": ttl, "ResourceRecords": [{"Value": value} for value in values], **more}


def alias(name: str, rdtype: str, target: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": rdtype,
        "AliasTarget": {"HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": target, "EvaluateTargetHealth": False},
    }


def change_request(action: str, name: str, rdtype: str, *values: str) -> str:
    """The body of a request that makes one change."""
    records = "".join(f"<ResourceRecord><Value>{value}</Value></ResourceRecord>" for value in values)
    return (
        '<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch><Changes>'
        f"<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}</Name><Type>{rdtype}</Type><TTL>300</TTL>"
        f"<ResourceRecords>{records}</ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch>"
        "</ChangeResourceRecordSetsRequest>"
    )
