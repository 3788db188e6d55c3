# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Former
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.relay import relay_configuration
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError

OWN = "${config_directory}/inbound_mail/relay/mail.example.org.pem"


def tls_of(former: dict[str, str] | None = None, **declared: str) -> tuple[dict[str, str], str]:
    """The settings that have to do with TLS, and the file of the certificate that has to be made."""
    relay: dict[str, Any] = {
        "fqdn": "mail.example.org", "domains": [], "relay_from": [], "accept_from": [], "smarthosts": [], **declared
    }  # fmt: skip
    configuration = relay_configuration("relay", relay, Former(former or {}))
    settings = {name: value for name, value in configuration.settings.items() if "tls" in name}
    return settings, configuration.self_signed


def test_host_that_says_nothing_of_tls_gets_a_certificate_of_its_own() -> None:
    settings = {"smtp_tls_security_level": "may", "smtpd_tls_security_level": "may", "smtpd_tls_chain_files": OWN}
    assert tls_of() == (settings, "mail.example.org.pem")


@pytest.mark.parametrize(
    "former",
    [
        {"smtpd_tls_security_level": "none"},
        {"smtpd_use_tls": "yes"},
        {"smtpd_tls_cert_file": "/etc/ssl/certs/ssl-cert-snakeoil.pem"},
        {"smtpd_tls_chain_files": "/etc/ssl/mail.pem"},
        {"smtpd_tls_eccert_file": "/etc/ssl/mail.pem"},
    ],
)
def test_what_the_host_says_of_tls_stays(former: dict[str, str]) -> None:
    assert tls_of({**former, "smtp_tls_security_level": "dane"}) == ({}, "")


def test_certificate_that_is_declared_takes_the_place_of_every_other() -> None:
    former = {"smtpd_tls_cert_file": "/old", "smtpd_tls_key_file": "", "smtpd_tls_security_level": "none"}
    settings, self_signed = tls_of(former, tls_certificate="/etc/ssl/mail.pem", tls_key="/etc/ssl/mail.key")

    # The key has to come first.
    assert settings["smtpd_tls_chain_files"] == "/etc/ssl/mail.key, /etc/ssl/mail.pem"
    assert settings["smtpd_tls_security_level"] == "may"
    assert settings["smtpd_tls_cert_file"] == ""
    assert "smtpd_tls_key_file" not in settings
    assert self_signed == ""


def test_host_that_insists_on_tls_goes_on_to_insist() -> None:
    settings, _none = tls_of({"smtpd_tls_security_level": "encrypt"}, tls_certificate="/etc/ssl/mail.pem")
    assert "smtpd_tls_security_level" not in settings


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(InvalidError) as caught:
        tls_of(tls_certificate="mail.pem", tls_key="/etc/ssl/my key")
    assert [problem.option for problem in caught.value.problems] == ["relay.tls_certificate", "relay.tls_key"]

    with pytest.raises(InvalidError) as caught:
        tls_of(tls_key="/etc/ssl/mail.key")
    assert [problem.option for problem in caught.value.problems] == ["relay.tls_key"]
