# An HTTP/2 client for interoperability tests of `h2 serve`, made with the h2
# library for Python (4.1.0), which knows the protocol; sockets and TLS come
# from the standard library.
#
#   python3 h2_client.py ORIGIN CA_FILE SCENARIO
#   python3 h2_client.py --version
#
# ORIGIN is https://localhost:PORT, or http://localhost:PORT for prior
# knowledge; CA_FILE is a PEM file with the certificate to trust; SCENARIO is
# a key of SCENARIOS below. Exit status: 0 verified (one line says what), 1 a
# difference (the reason is on stderr), 2 usage, 3 the library has no way to
# do that.
import hashlib
import random
import select
import socket
import ssl
import sys
import time
import urllib.parse

import h2
import h2.config
import h2.connection
import h2.events
import h2.exceptions

DEADLINE = time.monotonic() + 55


class Difference(Exception):
    pass


class NotOffered(Exception):
    pass


def check(holds, reason):
    if not holds:
        raise Difference(reason)


class Stream:
    """One request and what came back for it."""

    def __init__(self, path):
        self.path = path
        self.pending = b''      # What is left of the request body.
        self.request_trailers = None
        self.sent = 0
        self.interim = []       # (status, fields) of each 1xx answer.
        self.status = 0
        self.fields = {}
        self.trailers = {}
        self.chunks = []
        self.size = 0
        self.sha256 = hashlib.sha256()
        self.ended = False
        self.reset = None       # Error code of RST_STREAM.

    def body(self):
        return b''.join(self.chunks)


class Client:
    """One connection, served by a loop in `run_until`."""

    def __init__(self, origin, ca_file):
        url = urllib.parse.urlsplit(origin)
        self.url = url
        self.socket = socket.create_connection((url.hostname, url.port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if url.scheme == 'https':
            context = ssl.create_default_context(cafile=ca_file)
            context.set_alpn_protocols(['h2'])
            self.socket = context.wrap_socket(self.socket, server_hostname=url.hostname)
            check(self.socket.selected_alpn_protocol() == 'h2', 'ALPN is not h2')
        self.socket.setblocking(False)
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding='utf-8'))
        self.h2.initiate_connection()
        self.output = bytearray()
        self.streams = {}
        self.goaways = []
        self.settings_seen = False
        self.run_until(lambda: self.settings_seen)

    def request(self, method, path, fields=(), has_body=False):
        number = self.h2.get_next_available_stream_id()
        stream = self.streams[number] = Stream(path)
        self.h2.send_headers(number, [
            (':method', method), (':scheme', self.url.scheme), (':path', path),
            (':authority', self.url.netloc), *fields], end_stream=not has_body)
        return stream

    def exchange(self, method, path, body=None, trailers=None):
        stream = self.request(method, path, has_body=body is not None)
        if body is not None:
            stream.pending, stream.request_trailers = memoryview(body), trailers
        self.finish(stream)
        return stream

    def finish(self, *streams):
        self.run_until(lambda: all(s.ended or s.reset is not None for s in streams))
        for s in streams:
            check(s.ended, f'{s.path} was reset with code {s.reset}')

    def send_bodies(self):
        for number, s in self.streams.items():
            while len(s.pending) > 0 and s.reset is None:
                size = min(self.h2.local_flow_control_window(number),
                           self.h2.max_outbound_frame_size, len(s.pending))
                if size <= 0:
                    break
                last = size == len(s.pending)
                self.h2.send_data(number, bytes(s.pending[:size]),
                                  end_stream=last and not s.request_trailers)
                s.pending = s.pending[size:]
                s.sent += size
                if last and s.request_trailers:
                    self.h2.send_headers(number, s.request_trailers, end_stream=True)

    def run_until(self, done):
        while not done():
            check(time.monotonic() < DEADLINE, 'not finished after 55 seconds')
            if not self.h2_is_closed():
                self.send_bodies()
            self.output += self.h2.data_to_send()
            try:
                while self.output:
                    del self.output[:self.socket.send(self.output)]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            try:
                data = self.socket.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                select.select([self.socket], [self.socket] if self.output else [], [], 1)
                continue
            check(data, 'the server closed the connection')
            for event in self.h2.receive_data(data):
                self.on_event(event)

    def h2_is_closed(self):
        return bool(self.goaways)

    def on_event(self, event):
        stream = self.streams.get(getattr(event, 'stream_id', None))
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self.settings_seen = True
        elif isinstance(event, h2.events.ConnectionTerminated):
            check(event.error_code == 0, f'GOAWAY with code {event.error_code}')
            self.goaways.append(event)
        elif isinstance(event, h2.events.InformationalResponseReceived):
            fields = dict(event.headers)
            stream.interim.append((int(fields[':status']), fields))
        elif isinstance(event, h2.events.ResponseReceived):
            stream.fields = dict(event.headers)
            stream.status = int(stream.fields[':status'])
        elif isinstance(event, h2.events.DataReceived):
            stream.sha256.update(event.data)
            stream.size += len(event.data)
            if stream.size <= 1 << 22:
                stream.chunks.append(event.data)
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = dict(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = int(event.error_code)

    def get(self, path):
        stream = self.exchange('GET', path)
        check(stream.status == 200, f'{path}: status {stream.status}')
        return stream

    def sum_of(self, name):
        return self.get(f'/{name}.sha256').body().decode().strip()

    def get_file(self, name):
        expected = self.sum_of(name)
        file = self.get(f'/{name}')
        check(file.sha256.hexdigest() == expected,
              f'/{name}: SHA-256 {file.sha256.hexdigest()}, expected {expected}')
        return file.size

    def many_at_once(self, count):
        """GET /f0, /f1 ..., as many at once as the server's limit allows."""
        sums = [self.sum_of(f'f{i}') for i in range(count)]
        files, most = [], 0
        while len(files) < count:
            limit = self.h2.remote_settings.max_concurrent_streams
            self.run_until(lambda: self.h2.open_outbound_streams < limit)
            files.append(self.request('GET', f'/f{len(files)}'))
            most = max(most, self.h2.open_outbound_streams)
        self.finish(*files)
        for i, (file, expected) in enumerate(zip(files, sums)):
            check(file.status == 200, f'/f{i}: status {file.status}')
            check(file.size == 20000 + i, f'/f{i}: {file.size} bytes')
            check(file.sha256.hexdigest() == expected, f'/f{i}: wrong SHA-256')
        return most


def same_as_sent(stream, body):
    check(stream.status == 200, f'status {stream.status}')
    check(stream.size == len(body), f'{stream.size} bytes came back of {len(body)}')
    check(stream.body() == body, 'the echo differs')


def pseudo_random(size):
    return random.Random(12345).randbytes(size)


def run_get(client):
    size = client.get_file('small')
    check(size == 10000, f'{size} bytes')
    return f'{size} bytes with the right SHA-256'


def run_head(client):
    stream = client.exchange('HEAD', '/small')
    check(stream.status == 200, f'status {stream.status}')
    length = stream.fields.get('content-length')
    check(length == '10000', f'content-length {length}')
    check(stream.size == 0, f'a body of {stream.size} bytes')
    return 'content-length 10000 and 0 bytes of body'


def run_echo(client):
    body = pseudo_random(1 << 20)
    same_as_sent(client.exchange('POST', '/echo', body), body)
    return f'{len(body)} bytes there and back'


def run_hundred(client):
    most = client.many_at_once(100)
    check(most == 100, f'only {most} at once')
    return f'100 bodies of 20 KB, {most} at once, 1 connection'


def run_large(client):
    size = client.get_file('large')
    check(size == 52428800, f'{size} bytes')
    return f'{size} bytes with the right SHA-256'


def run_trailers(client):
    stream = client.get('/trailers')
    check(stream.trailers == {'x-body-lines': '1', 'x-note': 'sent after the body'},
          f'trailers: {stream.trailers}')
    return f'{len(stream.trailers)} trailer fields after {stream.size} bytes'


def run_request_trailers(client):
    body = pseudo_random(30000)
    same_as_sent(client.exchange('POST', '/echo', body, [('x-sent-after', 'the body')]), body)
    return f'{len(body)} bytes and 1 trailer field sent, same bytes back'


def run_hints(client):
    stream = client.get('/early-hints')
    check([status for status, _ in stream.interim] == [103], f'interim: {stream.interim}')
    link = stream.interim[0][1].get('link')
    check(link == '</style.css>; rel=preload; as=style', f'link: {link}')
    return f'103 with link {link}, then {stream.status}'


def run_continue(client):
    body = pseudo_random(50000)
    stream = client.request('POST', '/echo', [('expect', '100-continue')], has_body=True)
    client.run_until(lambda: stream.interim or stream.ended or stream.reset is not None)
    check([status for status, _ in stream.interim] == [100], f'interim: {stream.interim}')
    check(not stream.ended, 'ended before the body was sent')
    stream.pending = memoryview(body)
    client.finish(stream)
    same_as_sent(stream, body)
    return f'100 came, then {len(body)} bytes were sent and came back'


def run_early(client):
    size = 4 << 20
    stream = client.exchange('POST', '/early/403', bytes(size))
    check(stream.status == 403, f'status {stream.status}')
    check(stream.size > 0, 'the 403 has no body')
    client.run_until(lambda: stream.reset is not None)
    check(stream.reset == 0, f'RST_STREAM with code {stream.reset}')
    check(stream.sent < size, 'the whole body was taken')
    return (f'403 and RST_STREAM(NO_ERROR) after {stream.sent} bytes of {size}, '
            f'then {client.get_file("small")} bytes, 1 connection')


def run_drain(client):
    streams = [client.request('GET', '/delay/1500') for _ in range(10)]
    start = time.monotonic()
    while time.monotonic() < start + 0.3:
        end = time.monotonic() + 0.05
        client.run_until(lambda: time.monotonic() > end)
    print('under way', flush=True)
    try:
        client.finish(*streams)
    except h2.exceptions.ProtocolError as error:
        # After GOAWAY this version of h2 takes no further frame, not even for
        # streams that the GOAWAY lets finish.
        if 'in state ConnectionState.CLOSED' not in str(error):
            raise
        raise NotOffered(f'h2 {h2.__version__} takes no frames after GOAWAY: {error}')
    check(client.goaways, 'no GOAWAY came')
    for stream in streams:
        check(stream.status == 200, f'status {stream.status}')
    return f'{len(streams)} answers with 200, {len(client.goaways)} GOAWAY, 1 connection'


def run_limit1(client):
    limit = client.h2.remote_settings.max_concurrent_streams
    check(limit == 1, f'the limit is {limit}, not 1')
    most = client.many_at_once(20)
    return f'20 bodies of 20 KB, {most} at a time, 1 connection'


SCENARIOS = {name[4:]: run for name, run in globals().items() if name.startswith('run_')}


def main(arguments):
    if arguments == ['--version']:
        print(h2.__version__)
        return 0
    if len(arguments) != 3 or arguments[2] not in SCENARIOS:
        print('usage: h2_client.py ORIGIN CA_FILE ' + '|'.join(SCENARIOS), file=sys.stderr)
        return 2
    origin, ca_file, scenario = arguments
    try:
        print(SCENARIOS[scenario](Client(origin, ca_file)))
        return 0
    except NotOffered as reason:
        print(f'not offered: {reason}')
        return 3
    except Exception as error:
        print(f'{scenario}: {type(error).__name__}: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
