# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands before a program that stands in for Route 53, and makes trouble as the API reference says it can come.

aws_front.py ADDRESS URL KIND [NUMBER] < GIVEN: prints 'ready', then a line for each request: when, and which.
pass    everything is passed on
busy    the first NUMBER requests are too many, and the first change comes while another one is made
race    before each of the first NUMBER changes somebody else makes one: the next line of GIVEN
lose    the first change is made, and its answer lost
broken  the first change is made, and answered with an error of the service
pending changes never arrive at all name servers
silent  requests are taken, and never answered
page    it is a web server with a page everywhere
text    it is one that answers with a line of text
quote   no signature is good; the error quotes the request, as the service does
"""

from __future__ import annotations

import sys
import threading
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

ADDRESS, URL, KIND = sys.argv[1:4]
NUMBER = int(sys.argv[4]) if len(sys.argv) > 4 else 0
GIVEN = sys.stdin.read().splitlines()
ERROR = """<?xml version="1.0"?>
<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>{}</Code>
<Message>{}</Message></Error><RequestId>b25f48e8-84fd-11e6-80d9-574e0c4664cb</RequestId></ErrorResponse>"""


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    requests = 0
    changes = 0

    def do_GET(self) -> None:
        self.handle_request(b"")

    def do_POST(self) -> None:
        self.handle_request(self.rfile.read(int(self.headers["Content-Length"])))

    def handle_request(self, body: bytes) -> None:
        is_change = self.command == "POST"
        with self.lock:
            Front.requests += 1
            Front.changes += is_change
            number = Front.changes if is_change else Front.requests
            print(f"{time.monotonic():.3f} {self.command} {self.path}", flush=True)
        if KIND == "silent":
            threading.Event().wait()
        if KIND in ("page", "text"):
            self.answer(200, b"<html><body>It works!</body></html>" if KIND == "page" else b"It works!")
        elif KIND == "quote":
            headers = "\n".join(f"{name.lower()}:{value}" for name, value in self.headers.items())
            text = f"The request signature we calculated does not match. The Canonical String was\n'{headers}'"
            self.answer(403, ERROR.format("SignatureDoesNotMatch", escape(text)).encode())
        elif KIND == "busy" and Front.requests <= NUMBER:
            self.answer(400, ERROR.format("Throttling", "Rate exceeded").encode())
        elif KIND == "busy" and is_change and number == 1:
            text = "The request was rejected because Route 53 was still processing a prior request."
            self.answer(400, ERROR.format("PriorRequestNotComplete", text).encode())
        else:
            if KIND == "race" and is_change and number <= NUMBER:
                self.forward(GIVEN[number - 1].encode())
            status, answer = self.forward(body)
            if KIND == "broken" and is_change and number == 1:
                self.answer(500, ERROR.format("InternalFailure", "An internal error occurred.").encode())
            elif KIND == "lose" and is_change and number == 1:
                self.close_connection = True
            elif KIND == "pending":
                self.answer(status, answer.replace(b"INSYNC", b"PENDING"))
            else:
                self.answer(status, answer)

    def forward(self, body: bytes) -> tuple[int, bytes]:
        connection = HTTPConnection(urlsplit(URL).netloc, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name != "Content-Length"}
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *arguments: object) -> None:
        del arguments


server = ThreadingHTTPServer((ADDRESS, 80), Front)
server.daemon_threads = True
print("ready", flush=True)
server.serve_forever()
