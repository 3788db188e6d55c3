#!/usr/bin/python
# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postfix
short_description: Configure Postfix as a relay or a mail server, and undo it
version_added: "0.1.0"
author:
  - the inbound.mail contributors (@inbound-mail)
description:
  - Sets parameters of C(main.cf) and the lookup tables that they name, as a O(relay), as a O(server), or one by one.
  - Nothing else in C(main.cf) or C(master.cf) is touched. Parameters and services of this module stand in a block of
    their own; a line for one of them that was there before is commented out where it stands. What is no longer declared
    is restored, and O(state=absent) restores the files byte for byte.
  - The new configuration is first tried on a copy, by C(postconf), C(postmap), C(postfix check) and an SMTP server
    process of its own. What any of them rejects never reaches the Postfix that is running. The same applies to a
    configuration that would be an open relay.
  - A running Postfix is reloaded, or restarted where the interfaces that it listens on change. If it does not take the
    new configuration over, the previous one is restored and the module fails.
  - Postfix has to be installed; the roles P(inbound.mail.mail_relay#role) and P(inbound.mail.mail_server#role)
    install it.
extends_documentation_fragment:
  - inbound.mail.attributes
attributes:
  check_mode:
    support: full
    details:
      - Where Postfix is not installed yet, the prediction starts from an empty C(main.cf).
      - C(postfix check) is left out, because it creates directories that are missing in the queue.
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
requirements:
  - Postfix 3.5 or later
  - openssl, where a certificate has to be made
  - systemd, where a domain has a lifetime in the queue of its own
options:
  name:
    description:
      - The owner of the settings. Several owners can set different parameters on one host.
    type: str
    default: mail
  relay:
    description:
      - Accept mail for some domains from outside, relay it to their servers, and reject all other mail.
      - Owns V(mynetworks), V(mydestination), V(relay_domains) and V(smtpd_relay_restrictions) among others. Tables and
        client restrictions that the host has already stay in effect after ours.
    type: dict
    suboptions:
      fqdn:
        description: The relay's own name, with which it greets.
        type: str
        required: true
      domains:
        description: The domains that it takes mail for. Names below a domain are not included.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description: The domain.
            type: str
            required: true
          next_hops:
            description: Where its mail goes, in the order in which they are tried. No MX is looked up.
            type: list
            elements: dict
            required: true
            suboptions: &hop
              host:
                description: What the host is called, for the reader.
                type: str
              address:
                description: Its IPv4 or IPv6 address, or its name. No MX is looked up for a name.
                type: str
                required: true
              port:
                description: The TCP port.
                type: int
                default: 25
              tls:
                description:
                  - V(may) encrypts where the other side can, V(encrypt) sends nothing in cleartext, V(secure)
                    demands a certificate of an authority in C(tls_ca) for C(tls_name) besides. What cannot be handed
                    over so waits in the queue.
                  - When left out, V(encrypt) where C(credentials) are given, and V(may) otherwise.
                type: str
                choices: [may, encrypt, secure]
                version_added: "0.3.0"
              tls_name:
                description: The name that the certificate is for, with V(secure); if left out, that in C(address).
                type: str
                version_added: "0.3.0"
          recipients:
            description: The recipients of the domain that it accepts mail for. All others are rejected at once.
            type: dict
            version_added: "0.3.0"
            suboptions:
              validation:
                description:
                  - V(static) takes those in C(addresses) and C(maps), and postmaster; also while the servers are away.
                  - V(callout) asks the server at the first message to a recipient and keeps the answer on disk. While
                    the server is away, mail to recipients that it was never asked about is deferred.
                  - V(none) takes all of them. What the server refuses then comes back as a bounce.
                type: str
                choices: [none, static, callout]
                default: none
              addresses:
                description: The recipients, as C(info@example.org) or C(info).
                type: list
                elements: str
                default: []
              maps:
                description: Lookup tables on the relay with further recipients, as C(texthash:/etc/postfix/people).
                type: list
                elements: str
                default: []
          queue_lifetime:
            description:
              - How long a message to the domain may wait in the queue, as V(14d). It may be longer or shorter than
                O(edge.queue_lifetime), which all other mail has.
              - A message to several domains waits for as long as any of those may that it was not delivered to yet.
                Bounces have O(edge.bounce_lifetime), whatever the domain.
              - C(maximal_queue_lifetime) becomes the longest lifetime of all. What has a shorter one is sent back by a
                program that a timer of systemd starts every ten minutes.
            type: str
            version_added: "0.7.0"
      callout_reject_code:
        description: The answer to a recipient whom the server does not know, with C(validation) V(callout).
        type: int
        choices: [450, 550]
        default: 550
        version_added: "0.3.0"
      relay_from:
        description: Addresses or networks of the servers whose mail to the outside it carries.
        type: list
        elements: str
        default: []
      accept_from:
        description:
          - Networks that may deliver from outside. When empty, any client may.
          - The hosts of O(relay.relay_from) always may.
        type: list
        elements: str
        default: []
      scanner:
        description:
          - What every message from outside and from the servers goes through before it is handed on.
          - Milters that the host has already stay in effect after it.
        type: dict
        version_added: "0.4.0"
        suboptions:
          type:
            description:
              - V(rspamd) is the rspamd of this host, as M(inbound.mail.rspamd) sets it; V(milter) any milter. They see
                a message while its sender waits, so that what they refuse never bounces.
              - V(smtp) is an SMTP filter that gets the message from the queue, and brings it back to port 25 of this
                host from the same IP address; what comes from there is not sent to it again.
            type: str
            choices: [rspamd, milter, smtp]
            required: true
          address:
            description:
              - Where a V(milter) listens, as V(inet:192.0.2.5:8891) or V(unix:/path). Where Postfix's SMTP server is
                confined to a directory, as on Debian, the path is one below it.
              - The IP address and port of the V(smtp) filter, as V(192.0.2.5:10025).
            type: str
          unavailable:
            description:
              - What becomes of mail while the scanner is away. With V(tempfail) it is deferred, with V(accept) it
                goes on without a scan.
              - Mail for an SMTP filter that is away waits in the queue; V(accept) is refused there.
            type: str
            choices: [tempfail, accept]
            default: tempfail
      smarthosts: &smarthosts
        description:
          - Where mail for the outside goes, in the order in which they are tried.
          - When empty, C(relayhost) stays as the host has it; Postfix delivers by MX when that is empty too.
        type: list
        elements: dict
        default: []
        suboptions:
          <<: *hop
          credentials:
            description: The entry of O(credentials) to log in with (SASL).
            type: str
            version_added: "0.3.0"
      sender_smarthosts: &sender_smarthosts
        description: Other smarthosts for the mail of some senders, to any recipient outside.
        type: list
        elements: dict
        default: []
        version_added: "0.3.0"
        suboptions:
          domain:
            description: The domain of the envelope sender. Names below it are not included.
            type: str
            required: true
          smarthosts: *smarthosts
      send_from: &send_from
        description:
          - The host's own addresses that its mail leaves from, one IPv4 and one IPv6 address at most.
          - When empty, the kernel chooses, or C(smtp_bind_address) of C(main.cf).
        type: list
        elements: str
        default: []
        version_added: "0.3.0"
      addresses: &addresses
        description:
          - The host's own addresses on which others reach it. Before a change goes live it is asked whether Postfix
            would answer there.
          - One that the host has not at the moment, as the address of a pair, is not asked for.
          - When empty, one of the host's addresses is enough.
        type: list
        elements: str
        default: []
        version_added: "0.9.0"
      tls_ca: &tls_ca
        description:
          - A PEM file on the host with the certificates of the authorities that V(secure) next hops are checked
            against. No other authority is trusted then.
        type: path
        version_added: "0.3.0"
      tls_certificate: &tls_certificate
        description:
          - A PEM file on the host with the certificate for STARTTLS and its intermediate certificates.
          - When left out, what C(main.cf) says of TLS stays. If it says nothing, a self-signed certificate is made,
            which is enough against eavesdropping (RFC 7435). Delete its file below C(inbound_mail) to get a new one.
        type: path
      tls_key: &tls_key
        description: The PEM file of its key, without a password; may be left out if it stands in the same file.
        type: path
  server:
    description:
      - Accept mail for some domains, from any client or from relays only, and relay for none.
    type: dict
    suboptions:
      fqdn:
        description: The server's own name, with which it greets.
        type: str
        required: true
      domains:
        description: The domains that it takes mail for.
        type: list
        elements: str
        required: true
      accept_from:
        description:
          - Addresses or networks of the relays. All other clients are rejected, except for hosts in C(mynetworks) and
            authenticated users. When empty, any client may deliver.
        type: list
        elements: str
        default: []
      smarthosts: *smarthosts
      sender_smarthosts: *sender_smarthosts
      send_from: *send_from
      addresses: *addresses
      tls_ca: *tls_ca
      tls_certificate: *tls_certificate
      tls_key: *tls_key
      local_delivery:
        description:
          - Add the domains to C(mydestination), so that every user of the host has an address in them.
          - Set it to V(false) where Postfix knows its domains already, as virtual mailboxes for example.
        type: bool
        default: true
  edge:
    description:
      - How a relay or a server stands at the edge. What is not given is left as Postfix has it.
      - Every relay and server is protected from SMTP smuggling as far as its Postfix can, whatever is given here.
    type: dict
    version_added: "0.4.0"
    suboptions:
      message_size:
        description: How many bytes a message may have (C(message_size_limit)).
        type: int
      client_limits:
        description: How much one client may do; V(0) is no limit.
        type: dict
        suboptions:
          connections:
            description: Connections at one time.
            type: int
          connections_per_minute:
            description: Connections in a minute.
            type: int
          messages_per_minute:
            description: Messages in a minute.
            type: int
          recipients_per_minute:
            description: Recipients in a minute.
            type: int
          exempt:
            description: Addresses or networks without limits, besides C(mynetworks).
            type: list
            elements: str
            default: []
      postscreen:
        description:
          - Put postscreen in front of the SMTP server on port 25. A client that talks before the greeting is rejected.
            If there is a hand-made postscreen in C(master.cf), only what it lacks is added.
        type: dict
        suboptions:
          dnsbl:
            description: Block lists that are asked for each new client.
            type: list
            elements: dict
            default: []
            suboptions:
              name:
                description: The domain of the list.
                type: str
                required: true
              weight:
                description: What an entry in it counts; of a list of good clients a negative number.
                type: int
                default: 1
              answers:
                description: Which answers count, as V(127.0.0.[2..11]); all if left out.
                type: str
          dnsbl_threshold:
            description: The sum of weights at which a client is refused.
            type: int
            default: 1
          exempt:
            description: Addresses or networks that go straight to the SMTP server, besides C(mynetworks).
            type: list
            elements: str
            default: []
      tls_outgoing:
        description:
          - V(dane) hands mail to hosts with TLSA records over TLS only, and only to a certificate that they name (RFC
            7672). For all others it is V(may), which encrypts where the other side can.
          - V(dane) needs resolvers that validate DNSSEC; a change is refused where those of the host do not.
          - When left out, C(smtp_tls_security_level) stays as the host has it, V(may) if it has none.
        type: str
        choices: [may, dane]
      tls_required:
        description:
          - Accept no cleartext mail on port 25, also not from the host itself. Only for a O(server) that takes mail
            from its relays alone (O(server.accept_from)), as other clients may not encrypt (RFC 3207, section 4).
        type: bool
        default: false
      hide_received:
        description:
          - Take the C(Received) lines of hosts inside out of mail that leaves for the outside. Those that name private
            addresses, the given C(addresses) or a user of this host go; mail to the servers keeps all of them.
        type: dict
        suboptions:
          addresses:
            description: Addresses of hosts inside that are not private.
            type: list
            elements: str
            default: []
      proxy_port:
        description:
          - A TCP port besides 25 on which a load balancer hands connections over, each with the client's address in
            front (PROXY protocol). Limits, logs and C(Received) lines have that address then.
          - Postfix accepts no connection without such a header there, and believes any. So no client may relay there by
            its address, whatever C(mynetworks) says; close the port to all hosts but the balancer.
        type: int
      queue_lifetime:
        description:
          - How long a message may wait in the queue, as V(5d). It counts for all mail of the host but that to domains
            which have one of their own in O(relay.domains).
        type: str
      bounce_lifetime:
        description: The same for bounces.
        type: str
  credentials:
    description:
      - Logins at smarthosts by name, each written as C(username:password). The file that holds them is readable by
        root alone.
      - Postfix needs Cyrus SASL's plug-ins to log in, on Debian C(libsasl2-modules), on RHEL C(cyrus-sasl-plain).
    type: dict
    default: {}
    version_added: "0.3.0"
  settings:
    description:
      - Parameters of C(main.cf) to set besides, by name. The values V(true) and V(false) become V(yes) and V(no).
    type: dict
    default: {}
  config_directory:
    description: Postfix's configuration directory.
    type: path
    default: /etc/postfix
  state:
    description:
      - V(present) sets what is declared; V(absent) removes everything of O(name) and restores what was there.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: inbound.mail.firewall
  - module: inbound.mail.rspamd
"""

EXAMPLES = r"""
- name: Configure a relay in front of the server 192.0.2.10
  inbound.mail.postfix:
    name: relay
    relay:
      fqdn: mail.example.org
      domains:
        - name: example.org
          next_hops:
            - {host: mailbox, address: 192.0.2.10}
      relay_from: [192.0.2.10]

- name: Configure the server behind it
  inbound.mail.postfix:
    name: server
    server:
      fqdn: mailbox.example.org
      domains: [example.org]
      accept_from: [198.51.100.17]
      smarthosts:
        - {host: relay, address: 198.51.100.17}

- name: Accept messages of up to 50 MB
  inbound.mail.postfix:
    name: limits
    settings:
      message_size_limit: 52428800

- name: Restore the previous configuration of Postfix
  inbound.mail.postfix:
    name: relay
    state: absent
"""

RETURN = r"""
settings:
  description: Parameters of C(main.cf) that changed, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The parameter.
      type: str
    before:
      description: Its value before; null if C(main.cf) did not set it.
      type: str
    after:
      description: Its value now; null if C(main.cf) does not set it.
      type: str
  sample:
    - {name: myhostname, before: null, after: mail.example.org}
services:
  description: Services of C(master.cf) that changed, sorted by name.
  returned: success
  type: list
  elements: str
  version_added: "0.4.0"
  sample: [dnsblog/unix, smtp/inet, smtpd/pass, tlsproxy/unix]
tables:
  description: Lookup tables, and a program beside them, that changed, sorted by name.
  returned: success
  type: list
  elements: str
  sample: [relay_domains, transport]
units:
  description: Units of systemd that changed, sorted by name.
  returned: success
  type: list
  elements: str
  version_added: "0.7.0"
  sample: [inbound-mail-expiry-relay@etc-postfix.service, inbound-mail-expiry-relay@etc-postfix.timer]
postfix:
  description: What was done to a running Postfix.
  returned: success
  type: str
  choices: [none, reloaded, restarted]
running:
  description: Whether Postfix runs; a Postfix that does not run is configured and not started.
  returned: success
  type: bool
enabled:
  description: Whether systemd starts Postfix at boot.
  returned: success
  type: bool
problems:
  description: Everything that is wrong, with what to do about it.
  returned: failure
  type: list
  elements: dict
  contains:
    option:
      description: The option, or the place in Postfix's configuration.
      type: str
    message:
      description: What is wrong.
      type: str
    remedy:
      description: What to do.
      type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import (
    LIMITS,
    NONE,
    OUTGOING,
    TLS_LEVELS,
    VALIDATIONS,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.reconcile import run
from ansible_collections.inbound.mail.plugins.module_utils._scanner import TEMPFAIL, TYPES, UNAVAILABLE
from ansible_collections.inbound.mail.plugins.module_utils._validation import AS_ROOT, InvalidError, file_failure


def main() -> None:
    hops: dict[str, Any] = {
        "type": "list",
        "elements": "dict",
        "options": {
            "host": {"type": "str"},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "default": 25},
            "tls": {"type": "str", "choices": list(TLS_LEVELS)},
            "tls_name": {"type": "str"},
        },
    }
    # What smarthosts call their credentials is no secret.
    named = {"credentials": {"type": "str", "no_log": False}}
    smarthosts = {**hops, "default": [], "options": {**hops["options"], **named}}
    strings = {"type": "list", "elements": "str", "default": []}
    # A path is no secret.
    certificate = {"tls_certificate": {"type": "path"}, "tls_key": {"type": "path", "no_log": False}}
    client = {
        "smarthosts": smarthosts,
        "sender_smarthosts": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {"domain": {"type": "str", "required": True}, "smarthosts": smarthosts},
        },
        "send_from": strings,
        "addresses": strings,
        "tls_ca": {"type": "path"},
    }
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "default": "mail"},
            "relay": {
                "type": "dict",
                "options": {
                    "fqdn": {"type": "str", "required": True},
                    "domains": {
                        "type": "list",
                        "elements": "dict",
                        "required": True,
                        "options": {
                            "name": {"type": "str", "required": True},
                            "next_hops": {**hops, "required": True},
                            "recipients": {
                                "type": "dict",
                                "options": {
                                    "validation": {
                                        "type": "str",
                                        "choices": list(VALIDATIONS),
                                        "default": NONE,
                                    },
                                    "addresses": strings,
                                    "maps": strings,
                                },
                            },
                            "queue_lifetime": {"type": "str"},
                        },
                    },
                    "scanner": {
                        "type": "dict",
                        "options": {
                            "type": {"type": "str", "choices": list(TYPES), "required": True},
                            "address": {"type": "str"},
                            "unavailable": {"type": "str", "choices": list(UNAVAILABLE), "default": TEMPFAIL},
                        },
                    },
                    "callout_reject_code": {"type": "int", "choices": [450, 550], "default": 550},
                    "relay_from": strings,
                    "accept_from": strings,
                    **client,
                    **certificate,
                },
            },
            "server": {
                "type": "dict",
                "options": {
                    "fqdn": {"type": "str", "required": True},
                    "domains": {"type": "list", "elements": "str", "required": True},
                    "accept_from": strings,
                    **client,
                    **certificate,
                    "local_delivery": {"type": "bool", "default": True},
                },
            },
            "edge": {
                "type": "dict",
                "options": {
                    "message_size": {"type": "int"},
                    "client_limits": {
                        "type": "dict",
                        "options": {
                            **{limit: {"type": "int"} for limit in LIMITS},
                            "exempt": strings,
                        },
                    },
                    "postscreen": {
                        "type": "dict",
                        "options": {
                            "dnsbl": {
                                "type": "list",
                                "elements": "dict",
                                "default": [],
                                "options": {
                                    "name": {"type": "str", "required": True},
                                    "weight": {"type": "int", "default": 1},
                                    "answers": {"type": "str"},
                                },
                            },
                            "dnsbl_threshold": {"type": "int", "default": 1},
                            "exempt": strings,
                        },
                    },
                    "hide_received": {"type": "dict", "options": {"addresses": strings}},
                    "proxy_port": {"type": "int"},
                    "tls_outgoing": {"type": "str", "choices": list(OUTGOING)},
                    "tls_required": {"type": "bool", "default": False},
                    "queue_lifetime": {"type": "str"},
                    "bounce_lifetime": {"type": "str"},
                },
            },
            # Of its own and not in relay or server: what is nested is written to the host's log, quoted, and a secret
            # with a quotation mark in it is not found there.
            "credentials": {"type": "dict", "default": {}, "no_log": True},
            "settings": {"type": "dict", "default": {}},
            "config_directory": {"type": "path", "default": "/etc/postfix"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        mutually_exclusive=[("relay", "server")],
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except InvalidError as invalid:
        module.fail_json(msg=str(invalid), problems=[vars(problem) for problem in invalid.problems])
    except HostError as failure:
        module.fail_json(msg=str(failure))
    except OSError as failure:
        module.fail_json(msg=f"{file_failure(failure)}. {AS_ROOT}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
