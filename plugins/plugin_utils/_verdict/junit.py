# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict as JUnit XML, the form in which GitLab, Jenkins and GitHub show the results of tests."""

from __future__ import annotations

from xml.etree import ElementTree

from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import (
    ACCEPTED,
    NEVER,
    UNKNOWN,
    CheckResult,
    Finding,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR
from ansible_collections.inbound.mail.plugins.module_utils._path_check.verdict import RULES
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

_CLASS = "inbound.mail.verify"


def junit(result: CheckResult, fail_on: str = ERROR) -> str:
    """A test case for each rule without a finding, and one for each finding of the others.

    result: of inbound.mail.path_check. A finding that makes the task fail (`fail_on`) is a failure, one that is unknown
    was skipped, all others passed and say so in their output.
    """
    found: dict[str, list[Finding]] = {}
    for finding in result["findings"]:
        found.setdefault(finding["id"], []).append(finding)
    suite = ElementTree.Element("testsuite", name=_CLASS, time=str(result["stats"]["seconds"]))
    for rule in RULES.values():
        if rule.id not in found:
            ElementTree.SubElement(suite, "testcase", classname=_CLASS, name=rule.id)
        for finding in found.get(rule.id, []):
            _add(suite, finding, fail_on)
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        suite.set(name, str(sum(1 for _one in suite.iter(tag))))
    suite.set("errors", "0")
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(suites, encoding="unicode")}\n'


def _add(suite: ElementTree.Element, finding: Finding, fail_on: str) -> None:
    name = _text(f"{finding['id']} {finding['subject']}")
    case = ElementTree.SubElement(suite, "testcase", classname=_CLASS, name=name)
    message, text = _text(finding["message"]), _text(f"{finding['message']} -> {finding['remedy']}")
    if finding["status"] == UNKNOWN:
        ElementTree.SubElement(case, "skipped", message=_text(f"unknown: {finding['message']}"))
    elif finding["status"] == ACCEPTED:
        until = f" until {finding['until']}" if finding.get("until") else ""
        _say(case, f"accepted{until}: {finding['reason']}. {text}")
    elif fail_on != NEVER and finding["severity"] in (ERROR, fail_on):
        ElementTree.SubElement(case, "failure", type=finding["severity"], message=message).text = text
    else:
        _say(case, f"{finding['severity']}: {text}")


def _say(case: ElementTree.Element, text: str) -> None:
    ElementTree.SubElement(case, "system-out").text = _text(text)


def _text(text: str) -> str:
    """XML has no way to write most control characters."""
    return harmless(text, 4000)
