# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix import validation

SERVICES = """\
smtp       inet  n       -       y       -       -       smtpd
submission inet  n       -       y       -       -       smtpd -o smtpd_relay_restrictions=reject
pickup     unix  n       -       y       60      1       pickup
"""
SUBMISSION = "submission/inet/smtpd_relay_restrictions = reject\n"
NAMES = ["smtpd_relay_restrictions"]


@pytest.mark.parametrize("item", ["0.0.0.0/0", "[::]/0", "128.0.0.0/1", "static:all"])
def test_mynetworks_of_everybody(item: str) -> None:
    problems = validation.open_relay_problems(f"127.0.0.0/8 {item}")

    assert [problem.message for problem in problems] == [f"{item} lets any client relay through this host"]


@pytest.mark.parametrize(
    "mynetworks", ["", "127.0.0.0/8, [::1]/128, 10.0.0.0/8", "192.0.2.1 cidr:/etc/postfix/networks", "!0.0.0.0/0"]
)
def test_mynetworks_of_ones_own(mynetworks: str) -> None:
    assert validation.open_relay_problems(mynetworks) == []


def test_domain_in_two_address_classes() -> None:
    listed = {"mydestination": {"example.org", "example.net"}, "virtual_mailbox_domains": {"example.org"}}
    (problem,) = validation.address_class_problems(listed, "mydestination")

    assert problem.option == "main.cf: virtual_mailbox_domains"
    assert "example.org" in problem.message
    assert "mail_local_delivery" in problem.remedy


def test_submission_may_have_restrictions_of_its_own() -> None:
    assert validation.master_problems(SERVICES, SUBMISSION, NAMES) == []


@pytest.mark.parametrize("service", ["smtp", "192.0.2.1:smtp", "25", "[2001:db8::1]:25"])
def test_option_on_port_25_that_overrules_ours(service: str) -> None:
    services = SERVICES.replace("smtp ", f"{service} ", 1)
    overrides = f"{service}/inet/smtpd_relay_restrictions = permit\n{service}/inet/smtpd_tls_security_level = may\n"

    (problem,) = validation.master_problems(services, overrides + SUBMISSION, NAMES)

    assert problem.message.startswith("-o smtpd_relay_restrictions=permit")


@pytest.mark.parametrize("service", ["smtp/unix", "relay/unix"])
def test_option_of_a_transport_that_overrules_ours(service: str) -> None:
    ours = {"smtp_tls_policy_maps": "x", "smtp_tls_security_level": "may"}
    overrides = f"{service}/smtp_tls_policy_maps =\n{service}/smtp_tls_security_level = encrypt\n"
    overrides = overrides.replace("=\n", "= \n")

    (problem,) = validation.master_problems(SERVICES, overrides + "other/unix/smtp_tls_policy_maps = x\n", ours)

    assert problem.option == f"master.cf: {service}"
    assert problem.message.startswith("-o smtp_tls_policy_maps=")


def test_level_of_a_transport_that_overrules_dane() -> None:
    overrides = "smtp/unix/smtp_tls_security_level = may\nrelay/unix/smtp_tls_security_level = encrypt\n"
    (problem,) = validation.master_problems(SERVICES, overrides, {"smtp_tls_security_level": "dane"})

    assert problem.option == "master.cf: smtp/unix"


def test_tables_of_ours_that_are_files() -> None:
    settings = """\
alias_maps = hash:/etc/aliases
relayhost =
smtpd_recipient_restrictions = check_recipient_access pcre:/a, reject_rbl_client z.test, check_policy_service unix:x
transport_maps = proxy:hash:/b, texthash:/c ldap:/d, inline:{e=f}
virtual_alias_maps = hash:/b
"""
    names = ["relayhost", "smtpd_recipient_restrictions", "transport_maps", "virtual_alias_maps"]
    assert validation.file_tables(settings, names) == [
        ("smtpd_recipient_restrictions", "pcre:/a"),
        ("transport_maps", "hash:/b"),
        ("transport_maps", "texthash:/c"),
    ]


@pytest.mark.parametrize(
    ("said", "reasons"),
    [
        (
            "postmap: fatal: open database /b.db: No such file or directory",
            ["open database /b.db: No such file or directory"],
        ),
        (
            "postmap: warning: x\npostmap: fatal: unsupported dictionary type: hash",
            ["unsupported dictionary type: hash"],
        ),
        ("postmap: fatal: bad string length 0 < 1: setgid_group = ", []),
        ("", []),
    ],
)
def test_reasons_of_a_table(said: str, reasons: list[str]) -> None:
    assert validation.reasons_of_table(said, "hash:/b") == reasons


def test_nobody_listens_on_port_25() -> None:
    (problem,) = validation.master_problems(SERVICES.partition("\n")[2], SUBMISSION, NAMES)

    assert "does not listen" in problem.message
    # Who only sends mail needs no SMTP server.
    assert validation.master_problems(SERVICES.partition("\n")[2], SUBMISSION, {"smtp_helo_timeout": "9s"}) == []


def test_unknown_parameter_of_ours() -> None:
    warnings = """\
postconf: warning: /etc/postfix/main.cf: unused parameter: mesage_size_limit=1
postconf: warning: /etc/postfix/main.cf: unused parameter: somebody_elses=1
"""
    (problem,) = validation.unknown_setting_problems(warnings, ["mesage_size_limit", "relayhost"])

    assert problem.option == "settings.mesage_size_limit"


def test_list_items() -> None:
    assert validation.list_items("$myhostname, mail.test, , localhost  x") == [
        "$myhostname",
        "mail.test",
        "localhost",
        "x",
    ]
    assert validation.list_items(" , ") == []


def test_restriction_that_the_smtp_server_does_not_know() -> None:
    smtpd = b"\0permit_mynetworks\0reject_unauth_destination\0check_client_access\0reject\0"
    settings = {
        "smtpd_client_restrictions": "permit_mynetworks, greylist check_client_access cidr:/permit_x, reject",
        "smtpd_sender_restrictions": "reject_unauth_destinatio, permit_own",
        "relayhost": "permit_nothing",
    }

    problems = validation.unknown_restriction_problems(settings, smtpd, ["permit_own"])

    assert [str(problem) for problem in problems] == [
        "settings.smtpd_sender_restrictions: this Postfix has no restriction reject_unauth_destinatio. "
        "See man 5 postconf for the right name"
    ]


def test_tables_are_read_without_proxymap() -> None:
    settings = """\
local_recipient_maps = proxy:unix:passwd.byname hash:/etc/aliases
proxy_read_maps = proxy:unix:passwd.byname
relayhost =
virtual_mailbox_maps = proxy:mysql:/etc/postfix/a.cf, proxy:mysql:/etc/postfix/b.cf
"""

    assert validation.without_proxymap(settings) == [
        "local_recipient_maps=unix:passwd.byname hash:/etc/aliases",
        "virtual_mailbox_maps=mysql:/etc/postfix/a.cf, mysql:/etc/postfix/b.cf",
    ]
