#!/usr/bin/env python3
"""Receivers of alerts that do as they are told, for the play of deliveries.

receiver.py DIR: HTTP, HTTPS (DIR/right.pem, DIR/wrong.pem: certificate and key), SMTP with STARTTLS and a password,
SMTP without, syslog by UDP, TCP, TLS and unix socket (DIR/log). What comes in is written to DIR/http.jsonl,
DIR/mail.jsonl and DIR/syslog; one JSON line on standard output names the ports. The path of a request says what
happens to it: /ok /busy /broken /redirect /huge /hugefail /drip /mute /headers /twice (refuses each key twice)."""
import asyncio
import http.server
import json
import os
import socket
import socketserver
import ssl
import sys
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

base = sys.argv[1]
lock = threading.Lock()
seen = {}


def note(name, text):
    with lock, open(os.path.join(base, name), "a", encoding="utf-8") as file:
        file.write(text + "\n")


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def endless(self, status, piece, pause):
        self.send_response(status)
        self.end_headers()
        while True:
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(pause)

    def handle_any(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size).decode()
        note("http.jsonl", json.dumps({"method": self.command, "path": self.path, "body": body,
                                       "headers": {k.lower(): v for k, v in self.headers.items()}}))
        what = self.path.split("?")[0]
        if what == "/busy":
            self.answer(429, b"slow down", [("Retry-After", "1234")])
        elif what == "/broken":
            self.answer(500, b"<h1>\x1b[31moops</h1>")
        elif what == "/redirect":
            self.answer(302, headers=[("Location", "/ok")])
        elif what in ("/huge", "/hugefail"):
            self.endless(200 if what == "/huge" else 500, b"x" * 65536, 0)
        elif what == "/drip":
            self.endless(200, b"x", 0.1)
        elif what == "/mute":
            time.sleep(30)
        elif what == "/headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(b"X-Filler: " + b"y" * 4000 + b"\r\n")
        elif what == "/twice":
            key = self.headers.get("Idempotency-Key")
            seen[key] = seen.get(key, 0) + 1
            self.answer(503 if seen[key] <= 2 else 200, b"not yet")
        else:
            self.answer(202, b"ok")

    def do_POST(self):
        try:
            self.handle_any()
        except OSError:
            self.close_connection = True

    do_GET = do_POST

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def context(name):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(os.path.join(base, name))
    return made


def web(tls=None):
    server = Server(("127.0.0.1", 0), Web)
    if tls:
        server.socket = context(tls).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class Letters:
    async def handle_DATA(self, server, session, envelope):
        note("mail.jsonl", json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": bool(session.ssl),
                                       "user": str(session.auth_data or ""),
                                       "data": envelope.content.decode("latin-1")}))
        return "250 kept"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 there is nobody"
        envelope.rcpt_tos.append(address)
        return "250 fine"


def authenticate(server, session, envelope, mechanism, data):
    good = getattr(data, "login", b"") == b"ctvigil" and getattr(data, "password", b"") == b"let me in"
    return AuthResult(success=good, handled=False, auth_data="ctvigil" if good else None)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def smtp(**more):
    port = free_port()
    Controller(Letters(), hostname="127.0.0.1", port=port, **more).start()
    return port


def datagrams(sock):
    while True:
        note("syslog", sock.recv(65536).decode())


def stream(tls=None):
    listener = socket.create_server(("127.0.0.1", 0))

    def one(conn):
        try:
            if tls:
                conn = context(tls).wrap_socket(conn, server_side=True)
            file = conn.makefile("rb")
            while True:
                count = b""
                while not count.endswith(b" "):
                    byte = file.read(1)
                    if not byte:
                        return
                    count += byte
                note("syslog", file.read(int(count)).decode())
        except (OSError, ValueError) as error:
            note("errors", repr(error))

    def loop():
        while True:
            conn, _ = listener.accept()
            threading.Thread(target=one, args=(conn,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    return listener.getsockname()[1]


def main():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    unix.bind(os.path.join(base, "log"))
    for sock in (udp, unix):
        threading.Thread(target=datagrams, args=(sock,), daemon=True).start()
    print(json.dumps({
        "http": web(), "https": web("right.pem"), "wrong": web("wrong.pem"),
        "smtp": smtp(tls_context=context("right.pem"), require_starttls=True, auth_required=True,
                     authenticator=authenticate),
        "bare": smtp(), "udp": udp.getsockname()[1], "tcp": stream(), "tls": stream("right.pem")}), flush=True)
    asyncio.new_event_loop().run_forever()


main()
