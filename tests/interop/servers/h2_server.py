"""Python's h2 as a server: one thread per connection.

usage: h2_server.py PORT DIRECTORY STREAMS [CERTIFICATE KEY]

Serves files and the routes of `h2 serve`; SIGTERM lets what is under way finish.
"""

import os
import selectors
import signal
import socket
import ssl
import sys
import threading
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

PORT, DIRECTORY, STREAMS = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
CERTIFICATE = sys.argv[4:]
ENDING = threading.Event()


class Stream:
    def __init__(self, fields):
        self.fields = fields
        self.path = fields[":path"].split("?")[0]
        self.body = bytearray()
        self.ended = False          # the request
        self.answered = False
        self.due = None             # when to answer
        self.out = None             # what is left of the response's body
        self.trailers = None


class Connection(threading.Thread):
    def __init__(self, sock):
        super().__init__()
        self.sock = sock
        self.streams = {}
        self.drained = False
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.local_settings = h2.settings.Settings(client=False, initial_values={
            h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS,
            h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20,
        })

    def run(self):
        try:
            if CERTIFICATE:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*CERTIFICATE)
                context.set_alpn_protocols(["h2"])
                self.sock = context.wrap_socket(self.sock, server_side=True)
            self.h2.initiate_connection()
            self.h2.increment_flow_control_window(1 << 24)
            self.flush()
            while self.turn():
                pass
        except (OSError, h2.exceptions.ProtocolError) as error:
            print(error, file=sys.stderr, flush=True)
        finally:
            try:
                self.flush()
            except OSError:
                pass
            self.sock.close()

    def flush(self):
        if data := self.h2.data_to_send():
            self.sock.settimeout(30)
            self.sock.sendall(data)

    def turn(self):
        self.sock.settimeout(0.01)
        try:
            data = self.sock.recv(1 << 17)
            if not data:
                return False
            for event in self.h2.receive_data(data):
                self.handle(event)
        except (socket.timeout, ssl.SSLWantReadError):
            pass
        now = time.monotonic()
        for number, stream in list(self.streams.items()):
            if stream.due and stream.due <= now:
                stream.due = None
                self.text(number, stream, 200, f"after {stream.path[7:]} ms\n".encode())
            if stream.out is not None and number in self.streams:
                self.send_body(number, stream)
        if ENDING.is_set() and not self.drained:
            self.drained = True
            self.h2.close_connection()
            # h2 forbids all after GOAWAY, though open streams may go on (RFC 9113 §6.8).
            self.h2.state_machine.state = h2.connection.ConnectionState.SERVER_OPEN
        self.flush()
        return not (self.drained and not self.streams)

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            if self.drained:
                return
            stream = self.streams[event.stream_id] = Stream(dict(event.headers))
            if stream.path.startswith("/early/"):
                status = int(stream.path[7:])
                self.text(event.stream_id, stream, status, b"status %d\n" % status)
            elif stream.fields.get("expect") == "100-continue":
                self.h2.send_headers(event.stream_id, [(":status", "100")])
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.stream_id in self.streams:
                self.streams[event.stream_id].body += event.data
        elif isinstance(event, h2.events.StreamEnded):
            stream = self.streams.get(event.stream_id)
            if stream and not stream.answered:
                stream.ended = True
                self.answer(event.stream_id, stream)
        elif isinstance(event, h2.events.StreamReset):
            self.streams.pop(event.stream_id, None)

    def answer(self, number, stream):
        if stream.path == "/echo":
            self.text(number, stream, 200, bytes(stream.body))
        elif stream.path == "/trailers":
            stream.trailers = [("x-body-lines", "1"), ("x-note", "sent after the body")]
            self.text(number, stream, 200, b"trailer fields follow this line\n")
        elif stream.path == "/early-hints":
            self.h2.send_headers(number, [(":status", "103"),
                                          ("link", "</style.css>; rel=preload; as=style")])
            self.text(number, stream, 200, b"a 103 with a link field came before this\n")
        elif stream.path.startswith("/delay/"):
            stream.answered = True
            stream.due = time.monotonic() + int(stream.path[7:]) / 1000
        else:
            try:
                with open(os.path.join(DIRECTORY, os.path.basename(stream.path)), "rb") as file:
                    self.text(number, stream, 200, file.read())
            except OSError:
                self.text(number, stream, 404, b"no such file\n")

    def text(self, number, stream, status, body):
        stream.answered = True
        head = stream.fields[":method"] == "HEAD"
        self.h2.send_headers(number, [(":status", str(status)), ("content-length", str(len(body)))],
                             end_stream=head)
        if head:
            return self.finish(number, stream)
        stream.out = memoryview(body)
        self.send_body(number, stream)

    def send_body(self, number, stream):
        for _ in range(64):  # and then others have their turn
            size = min(self.h2.local_flow_control_window(number),
                       self.h2.max_outbound_frame_size, len(stream.out))
            if size <= 0:
                break
            self.h2.send_data(number, bytes(stream.out[:size]))
            stream.out = stream.out[size:]
        if not stream.out:
            if stream.trailers:
                self.h2.send_headers(number, stream.trailers, end_stream=True)
            else:
                self.h2.send_data(number, b"", end_stream=True)
            self.finish(number, stream)

    def finish(self, number, stream):
        if not stream.ended and stream.path.startswith("/early/"):
            self.h2.reset_stream(number, h2.errors.ErrorCodes.NO_ERROR)
        del self.streams[number]


def main():
    listener = socket.create_server(("127.0.0.1", PORT), backlog=128)
    wake, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGTERM, lambda *_: ENDING.set())
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(wake, selectors.EVENT_READ)
    threads = []
    while not ENDING.is_set():
        for key, _ in selector.select():
            if key.fileobj is listener:
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threads.append(Connection(sock))
                threads[-1].daemon = True
                threads[-1].start()
    listener.close()
    for thread in threads:
        thread.join(10)


main()
