# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of a lab: bridges in a namespace that has nothing but them, and a namespace for each host.

No interface of the lab's ever lies in the machine's own namespace, so there is no route in or out.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from debian_lab.machine import command, end
from debian_lab.scenario import CONTROLLER, MANAGEMENT, Host, Scenario

PREFIX = "inboundlab-"
MANAGEMENT_NETWORK = "10.255.0.{}"


def namespaces(lab: str) -> list[str]:
    """The network namespaces of one lab that exist now."""
    names = [line.split()[0] for line in command("ip", "netns", "list").splitlines() if line.strip()]
    return [name for name in names if name.startswith((f"{PREFIX}{lab}-", f"{PREFIX}{lab}."))]


def labs_with_namespaces() -> set[str]:
    names = [line.split()[0] for line in command("ip", "netns", "list").splitlines() if line.strip()]
    return {name.removeprefix(PREFIX).split("-")[0].split(".")[0] for name in names if name.startswith(PREFIX)}


def remove(namespace: str) -> None:
    """Remove a namespace of the lab's, and end what still runs in it, as ssh's shared connections."""
    for pid in command("ip", "netns", "pids", namespace).split():
        if int(pid) != os.getpid():
            end(int(pid), signal.SIGTERM, within=1)
    command("ip", "netns", "delete", namespace)


class Network:
    """The wiring of one lab. Host names include `controller`."""

    def __init__(self, lab: str, scenario: Scenario) -> None:
        self.lab = lab
        self.networks = [MANAGEMENT, *scenario.networks]
        self.hosts = {CONTROLLER: scenario.controller, **scenario.hosts}
        # A dot, which no host name has, keeps it apart from the hosts' namespaces.
        self.switch = f"{PREFIX}{lab}.switch"

    def namespace(self, host: str) -> str:
        return f"{PREFIX}{self.lab}-{host}"

    def management_address(self, host: str) -> str:
        return MANAGEMENT_NETWORK.format(list(self.hosts).index(host) + 1)

    def port(self, host: str, network: str) -> str:
        """The name of the switch's end of a host's cable."""
        return f"port.{list(self.hosts).index(host)}.{self.networks.index(network)}"

    def hardware_address(self, host: str, network: str) -> str:
        """The MAC of a host's interface: the same after a reboot, or its neighbours would send to the old one."""
        return f"02:00:00:00:{list(self.hosts).index(host):02x}:{self.networks.index(network):02x}"

    def create(self) -> None:
        """Make the bridges, and the namespace of every host with its cables in."""
        command("ip", "netns", "add", self.switch)
        # Without a querier on the network, snooping would lose the multicasts that IPv6 finds its neighbours with.
        self._ip(
            self.switch,
            *(f"link add {name} type bridge mcast_snooping 0" for name in self.networks),
            *(f"link set {name} up" for name in self.networks),
        )
        for host in self.hosts:
            self.plug_in(host)

    def plug_in(self, name: str) -> None:
        """Make a host's namespace: interfaces, addresses, routes, and whether it forwards."""
        host, namespace = self.hosts[name], self.namespace(name)
        command("ip", "netns", "add", namespace)
        self._kernel_settings(namespace, host)
        addresses = {MANAGEMENT: [f"{self.management_address(name)}/24"], **host.networks}
        self._ip(
            self.switch,
            *(
                f"link add {self.port(name, net)} type veth"
                f" peer name {net} address {self.hardware_address(name, net)} netns {namespace}"
                for net in addresses
            ),
            *(f"link set {self.port(name, net)} master {net} up" for net in addresses),
        )
        self._ip(
            namespace,
            "link set lo up",
            *(f"link set {net} up" for net in addresses),
            *(
                f"address add {address} dev {net}{' nodad' if ':' in address else ''}"
                for net, those in addresses.items()
                for address in those
            ),
            *(f"route add {destination} via {hop}" for destination, hops in host.routes.items() for hop in hops),
        )

    def unplug(self, name: str) -> None:
        """Remove a host's namespace, with all that its kernel side held: rules, sysctls, connection tracking."""
        # The kernel takes a namespace down in its own time. Until then its cables would hold the switch's ports, which
        # the next plug_in wants.
        networks = [MANAGEMENT, *self.hosts[name].networks]
        self._ip(self.switch, *(f"link delete {self.port(name, net)}" for net in networks))
        remove(self.namespace(name))

    def set_carrier(self, host: str, network: str, up: bool) -> None:
        """Pull a host's cable out of the switch or put it back; its addresses and routes stay."""
        self._ip(self.switch, f"link set {self.port(host, network)} {'up' if up else 'down'}")

    def write_resolver(self) -> None:
        """Give the controller a resolver of its own: `ip netns exec` shows this file as /etc/resolv.conf."""
        folder = self.resolver_folder()
        folder.mkdir(parents=True, exist_ok=True)
        servers = self.hosts[CONTROLLER].resolver
        (folder / "resolv.conf").write_text("".join(f"nameserver {address}\n" for address in servers))

    def resolver_folder(self) -> Path:
        return Path("/etc/netns") / self.namespace(CONTROLLER)

    def _kernel_settings(self, namespace: str, host: Host) -> None:
        # A new namespace takes its IPv4 settings from the machine, so each is set. Duplicate address detection would
        # leave addresses unusable for the first seconds, and nobody here advertises routers.
        forward = int(host.forward)
        settings = {
            "net.ipv4.ip_forward": forward,
            "net.ipv6.conf.all.forwarding": forward,
            "net.ipv6.conf.default.forwarding": forward,
            "net.ipv6.conf.all.disable_ipv6": 0,
            "net.ipv6.conf.default.disable_ipv6": 0,
            "net.ipv6.conf.default.accept_dad": 0,
            "net.ipv6.conf.default.accept_ra": 0,
        }
        command(
            "ip",
            "netns",
            "exec",
            namespace,
            "sysctl",
            "-q",
            "-w",
            *(f"{key}={value}" for key, value in settings.items()),
        )

    def _ip(self, namespace: str, *lines: str) -> None:
        command("ip", "-n", namespace, "-batch", "-", stdin="".join(f"{line}\n" for line in lines))
