# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Goes with ARGUMENT_SPEC in plugins/plugin_utils/_providers/options.py.
    DOCUMENTATION = r"""
options:
  endpoint:
    description:
      - The DNS service as a dictionary of the options O(provider) to O(wait_timeout) of this list, without
        O(former_exchanges). So a task can take a description from a variable as it stands.
      - An option in it takes the place of the same option of the task.
      - Its credentials are in no result and in no message of this action.
    type: dict
    version_added: "0.9.0"
  provider:
    description:
      - How the DNS service is written to.
      - V(rfc2136) sends DNS updates, as C(nsupdate) does, to BIND, Knot, PowerDNS and others.
      - V(powerdns) changes zones of PowerDNS by its HTTP API.
      - V(cloudflare) changes zones at Cloudflare.
      - V(route53) changes hosted zones of Amazon Route 53, with boto3.
      - V(octodns) writes through a provider of octoDNS, which has one for most DNS services.
      - V(manual) writes nothing, and returns what to enter there.
    type: str
    choices: [rfc2136, powerdns, cloudflare, route53, octodns, manual]
    default: rfc2136
  server:
    description:
      - Name or address of the primary server of the zones.
      - If it is not given, each zone is written to the primary that its SOA record names.
    type: str
  port:
    description: Port of the server. The default is 53, with O(protocol=tls) 853.
    type: int
  protocol:
    description:
      - V(udp) goes over to TCP where a message does not fit.
      - V(tls) is DNS over TLS (RFC 7858); the certificate has to be valid for O(server).
    type: str
    choices: [udp, tcp, tls]
    default: udp
  ca_path:
    description:
      - File with the certificates that are trusted instead of those of the system, with O(protocol=tls) and where the
        provider is reached at a URL.
    type: path
  key_name:
    description: Name of the TSIG key (RFC 8945) that signs questions and updates.
    type: str
  key_secret:
    description:
      - Secret of the key, in base64, at least 16 bytes.
      - Keep it in a vault or in the environment. It is in no result and in no message of this action.
    type: str
  key_algorithm:
    description:
      - Algorithm of the key.
      - With V(gss-tsig) (RFC 3645) Kerberos makes the key, from the ticket of the user that runs Ansible, or from the
        keytab in E(KRB5_CLIENT_KTNAME). O(server) is then the server's host name. Messages go over TCP.
    type: str
    choices:
      - hmac-md5
      - hmac-sha1
      - hmac-sha224
      - hmac-sha256
      - hmac-sha256-128
      - hmac-sha384
      - hmac-sha384-192
      - hmac-sha512
      - hmac-sha512-256
      - gss-tsig
    default: hmac-sha256
  url:
    description:
      - Where the interface of the DNS service is.
      - With O(provider=powerdns) that of the web server, as V(https://ns1.example.org:8081). The others know their own.
      - The token goes over V(http://) to the loopback address of the controller alone, unless V(allow_cleartext) in
        O(options) is V(true). A user name or password is not taken.
    version_added: "0.2.0"
    type: str
  api_token:
    description:
      - What the service knows this controller by; with O(provider=powerdns) the C(api-key).
      - If it is not given, it is read from the environment of the controller, from E(PDNS_API_KEY) with
        O(provider=powerdns), from E(CLOUDFLARE_API_TOKEN) with O(provider=cloudflare).
      - Keep it in a vault or in the environment. It is in no result and in no message of this action.
    version_added: "0.2.0"
    type: str
  options:
    description:
      - Options that only this provider has; the page of the provider lists them.
      - With O(provider=powerdns) V(server_id), by default V(localhost).
      - With O(provider=powerdns) and O(provider=cloudflare) V(allow_cleartext), by default V(false), whether the token
        may pass a network unencrypted, when O(url) begins with V(http://).
      - With O(provider=cloudflare) V(account_id), the account of the zones if there are several, and V(pending),
        whether to fill in a zone that is not yet delegated to Cloudflare, by default V(false).
      - With O(provider=route53) V(profile), V(region), V(private), V(vpc_id), V(zone_ids), V(access_key_id),
        V(secret_access_key), V(session_token).
      - With O(provider=octodns) the C(class) of the provider, and all that its configuration in octoDNS has.
      - A value C(env/NAME) is read from the variable C(NAME) of the environment of the controller, as octoDNS does it.
    version_added: "0.2.0"
    type: dict
  timeout:
    description:
      - Seconds for one whole answer, repetitions included.
      - A server that answered nothing in that time is given up for all zones.
    type: float
    default: 10.0
  concurrency:
    description: How many zones are handled at once.
    type: int
    default: 32
  prune:
    description:
      - Whether to remove the A and AAAA records of a host of the zone that leaves an MX RRset, if nothing else in the
        zone names it.
      - To know that, the server has to hand out the zone by zone transfer. If it does not, the records stay and are
        listed in RV(ignore:leftover), with the reason.
    type: bool
    default: false
  former_exchanges:
    description:
      - Hosts that left an MX RRset in an earlier run. What O(prune) says of those that leave in this one holds for them
        too.
    type: list
    elements: str
    default: []
    version_added: "0.4.0"
  wait_timeout:
    description:
      - Seconds to wait, after a write, until every authoritative server of the zone answers what was written. V(0)
        does not wait.
      - The servers are those of the zone's NS records, asked on port 53, with O(provider=cloudflare) those that the
        zone was given there. With O(provider=route53) the service itself says when all of them have it.
    type: float
    default: 0.0
  write:
    description:
      - With V(false) nothing is written, and nothing is changed. The task fails if writing would fail, as far as the
        service can say so without a change, and RV(ignore:changes) has what would be written.
      - With O(provider=rfc2136) each update that would be sent is sent with a prerequisite that is never met. BIND,
        Knot and PowerDNS refuse it if the key or the address may not write. A server that looks at the prerequisite
        first, as RFC 2136 describes it, does not say who may write.
      - With the other providers it reads, as in check mode. In check mode it only reads too.
    type: bool
    default: true
    version_added: "0.8.0"
attributes:
  action_group:
    description: >-
      Use C(group/inbound.mail.dns) in C(module_defaults) to say once how the DNS service is written to.
    support: full
    membership:
      - inbound.mail.dns
notes:
  - With O(provider=rfc2136) every zone is changed by one update, which the server makes whole or not at all. Only a
    zone whose changes are longer than a DNS message (64 KiB) takes several. An update says what was read before. If
    another client changed these records in between, the server refuses it, and they are read and written once more.
  - What the other providers can do of that is on their pages; RV(ignore:atomic) says so too.
  - Everything written is read back, since some servers say yes and do nothing.
  - In check mode no update is sent, and the key needs no right to write.
  - Runs on the controller, which needs the Python library dnspython. C(delegate_to) moves nothing.
requirements:
  - dnspython >= 2.6.1, before 3
  - gssapi with O(key_algorithm=gss-tsig)
  - boto3 with O(provider=route53)
  - octodns >= 1.22, and the package of the provider, with O(provider=octodns)
"""
