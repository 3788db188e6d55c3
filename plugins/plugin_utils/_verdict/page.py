# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict as one page of HTML: no script, no outside resources, for light and dark, for large and small screens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import Expectations, complete
from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import (
    ACCEPTED,
    KINDS,
    CheckResult,
    Finding,
    kind_of,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import Hop, Observation
from ansible_collections.inbound.mail.plugins.module_utils._path_check.report import verdict
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

from .connections import tried_connections
from .drawing import drawing, listing
from .markup import safe

_STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1c2024; --soft: #5c6670; --line: #d8dde2; --card: #f6f8fa;
  --error: #b3261e; --warning: #8a5a00; --notice: #2457a6; --unknown: #5c6670; --accepted: #5c6670; --good: #1b7a3d; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --text: #e8eaed; --soft: #9aa4ae; --line: #343a40;
  --card: #1d2125; --error: #ff8a80; --warning: #f0b849; --notice: #8ab4f8; --unknown: #9aa4ae; --accepted: #9aa4ae;
  --good: #6fcf97; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.verdict { margin: .75rem 0 .25rem; padding: .5rem .9rem; border: 2px solid var(--good); border-radius: 4px;
  font-weight: 700; }
.soft { color: var(--soft); margin: 0; } code { font-size: .9em; }
input[name=kind] { position: absolute; opacity: 0; }
.filter { display: inline-block; margin: 1rem .3rem 0 0; padding: .2rem .7rem; border: 1px solid var(--line);
  border-radius: 1rem; cursor: pointer; }
input[name=kind]:checked + .filter { background: var(--text); color: var(--back); }
input[name=kind]:focus-visible + .filter { outline: 2px solid var(--notice); }
article { margin: .75rem 0; padding: .6rem .9rem; background: var(--card); border-left: 4px solid var(--line);
  border-radius: 4px; }
article h3 { margin: 0; font-size: 1rem; } article p { margin: .3rem 0 0; }
.badge { font-weight: 700; text-transform: uppercase; font-size: .8rem; }
.remedy::before { content: "→ "; }
svg { width: 100%; height: auto; } .ways { display: none; } .ways p { margin: .5rem 0 0; }
.ways ul { margin: 0; padding-left: 1.2rem; }
@media (max-width: 40rem) { svg { display: none; } .ways { display: block; } }
.ways .good { color: var(--good); } .ways .bad { color: var(--error); } .ways .unknown { color: var(--unknown); }
.scroll { overflow-x: auto; }
svg text { font: 13px system-ui, sans-serif; fill: var(--text); } svg .title { font-weight: 700; }
svg .host { fill: var(--card); stroke: var(--line); }
svg .way { fill: none; stroke-width: 2; stroke: var(--unknown); } svg .closed { stroke-dasharray: 5 4; }
svg .way.good { stroke: var(--good); } svg .way.bad { stroke: var(--error); }
svg text.good { fill: var(--good); } svg text.bad { fill: var(--error); } svg text.unknown { fill: var(--unknown); }
svg .mark text { fill: var(--back); font-weight: 700; font-size: 12px; text-anchor: middle; }
article:target { outline: 2px solid var(--notice); }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem .3rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: normal; }
"""


def page(result: CheckResult, expectations: Expectations, title: str = "") -> str:
    """result: of inbound.mail.path_check; expectations: what it was told to expect; title: if not by the domains."""
    observation, findings, expectations = result["observation"], result["findings"], complete(expectations)
    title = title or _title(expectations)
    style = _STYLE + "".join(_rules_of_kind(kind) for kind in KINDS)
    tried = tried_connections(observation, expectations)
    picture = f'{drawing(tried, findings)}\n<div class="ways">{listing(tried, findings)}</div>' if tried else ""
    sections = [
        _section("Proven", _list(result.get("proven") or [])),
        _section("Name servers", _table(("zone", "server", "answer", "serial"), _servers(observation))),
        _section("Mail servers", _table(("host", "address", "greeting", "TLS"), _mail_servers(observation))),
        _section("Messages", _table(("recipient", "taken", "way", "found"), _messages(observation))),
    ]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{safe(title)}</title>
<style>{style}</style>
</head>
<body>
<h1>{safe(title)}</h1>
<p class="verdict {kind_of(findings[0]) if findings else ""}">{safe(verdict(result["summary"]))}</p>
<p class="soft">Seen from {safe(observation["vantage"])}{_when(observation)} in {observation["seconds"]:g} s.</p>
{_section("What was reached", picture)}
{_filters(findings)}
<main>
{"".join(_finding(number, finding) for number, finding in enumerate(findings))}
{"".join(sections)}
</main>
</body>
</html>
"""


def _title(expectations: Expectations) -> str:
    domains = [one["name"] for one in expectations["records"] if one["type"] == "MX"]
    return f"Mail for {listed(list(dict.fromkeys(domains)), 3)}" if domains else "Mail path"


def _when(observation: Observation) -> str:
    if not observation.get("at"):
        return ""  # early releases did not say when
    return datetime.fromtimestamp(observation["at"], timezone.utc).strftime(" on %Y-%m-%d at %H:%M UTC")


def _rules_of_kind(kind: str) -> str:
    return (
        f".verdict.{kind} {{ border-color: var(--{kind}); }} .mark.{kind} circle {{ fill: var(--{kind}); }}\n"
        f"article.{kind} {{ border-left-color: var(--{kind}); }} .{kind} .badge {{ color: var(--{kind}); }}\n"
        f"#only-{kind}:checked ~ main article:not(.{kind}) {{ display: none; }}\n"
    )


def _filters(findings: Sequence[Finding]) -> str:
    """What there is of each kind; choosing one hides the others."""
    if not findings:
        return ""
    counts = {kind: sum(1 for one in findings if kind_of(one) == kind) for kind in KINDS}
    choices = [("all", len(findings)), *((kind, count) for kind, count in counts.items() if count)]
    return "\n".join(
        f'<input type="radio" name="kind" id="only-{kind}"{" checked" if kind == "all" else ""}>'
        f'<label class="filter" for="only-{kind}">{kind} {count}</label>'
        for kind, count in choices
    )


def _finding(number: int, finding: Finding) -> str:
    kind = kind_of(finding)
    if finding["status"] == ACCEPTED:
        until = f", until {finding['until']}" if finding.get("until") else ""
        remedy = f'<p class="soft">Accepted{safe(until)}: {safe(finding["reason"])}</p>'
    else:
        remedy = f'<p class="remedy">{safe(finding["remedy"])}</p>'
        if finding.get("until"):
            was = f"Accepted until {finding['until']}, which has passed: {finding['reason']}"
            remedy += f'<p class="soft">{safe(was)}</p>'
    return (
        f'<article class="{kind}" id="finding-{number}">'
        f'<h3><span class="badge">{kind}</span> {safe(finding["subject"])}</h3>'
        f"<p>{safe(finding['message'])}</p>{remedy}"
        f'<p class="soft"><code>{safe(finding["id"])}</code>, {safe(finding["source"])}</p></article>\n'
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>\n{content}</section>\n" if content else ""


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{safe(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{safe(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{head}</th>" for head in heads)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>' if body else ""


def _servers(observation: Observation) -> Iterable[Sequence[object]]:
    for zone in observation["zones"]:
        for server in zone["servers"]:
            answer = server["rcode"] or server["status"]
            serial = "" if server["serial"] is None else server["serial"]
            yield zone["name"], f"{server['name']} {server['address']}", answer, serial


def _mail_servers(observation: Observation) -> Iterable[Sequence[object]]:
    for one in observation["dialogues"]:
        greeting = next((step["text"] for step in one["steps"]), one["ended"] or one["status"])
        tls = one.get("tls")
        yield one["host"], one["address"], greeting, tls["version"] or tls["error"] if tls else ""


def _messages(observation: Observation) -> Iterable[Sequence[object]]:
    for sent in observation["sent"]:
        traces = [one for one in observation["traces"] if one["token"] == sent["token"]]
        way = "; ".join(" → ".join(_hop(hop, sent["at"]) for hop in one["hops"]) for one in traces)
        found = ", ".join(f"{one['host']}:{one['file']}" for one in traces)
        yield sent["recipient"], "yes" if sent["accepted"] else "no", way, found or "nowhere"


def _hop(hop: Hop, start: float) -> str:
    at = hop.get("at")
    when = "" if at is None else f" after {int(at) - int(start)} s"
    return f"{hop['by']} saw {hop['address'] or hop['helo']}{when}"
