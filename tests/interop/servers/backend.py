"""The HTTP/1.1 server behind the proxies of the interop tests.

usage: backend.py PORT DIRECTORY

Serves the files of DIRECTORY and, like `h2 serve`, the routes /echo, /trailers, /early-hints,
/early/N and /delay/MS on 127.0.0.1. It runs until it is ended.
"""

import http.server
import os
import shutil
import socket
import sys
import time

DIRECTORY = sys.argv[2]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024

    def body(self):
        """The request's body, by its length or in chunks."""
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b"\n", b""):
            pass
        return b"".join(pieces)

    def handle_expect_100(self):
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def answer(self, status, body, fields=()):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.startswith("/early/"):
            return self.early(int(path[7:]))
        body = self.body()
        if path == "/echo":
            self.answer(200, body)
        elif path == "/trailers":
            self.trailers()
        elif path == "/early-hints":
            self.send_response_only(103)
            self.send_header("link", "</style.css>; rel=preload; as=style")
            self.end_headers()
            self.wfile.flush()
            self.answer(200, b"a 103 with a link field came before this\n")
        elif path.startswith("/delay/"):
            time.sleep(int(path[7:]) / 1000)
            self.answer(200, f"after {path[7:]} ms\n".encode())
        else:
            self.file(os.path.join(DIRECTORY, os.path.basename(path)))

    do_HEAD = do_POST = do_PUT = do_GET

    def trailers(self):
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.send_header("trailer", "x-body-lines, x-note")
        self.end_headers()
        line = b"trailer fields follow this line\n"
        self.wfile.write(b"%x\r\n%s\r\n0\r\n" % (len(line), line))
        self.wfile.write(b"x-body-lines: 1\r\nx-note: sent after the body\r\n\r\n")

    def early(self, status):
        """Answers before the request's body was read, and closes after a while."""
        self.answer(status, b"status %d\n" % status, [("connection", "close")])
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(2)
        try:
            while self.rfile.read1(65536):
                pass
        except OSError:
            pass
        self.close_connection = True

    def file(self, path):
        try:
            file = open(path, "rb")
        except OSError:
            return self.answer(404, b"no such file\n")
        with file:
            self.send_response(200)
            self.send_header("content-length", str(os.fstat(file.fileno()).st_size))
            self.end_headers()
            if self.command != "HEAD":
                shutil.copyfileobj(file, self.wfile, 256 * 1024)

    def handle(self):
        try:
            super().handle()
        except OSError:  # the proxy went away
            self.close_connection = True

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
