# An HTTP/2 client for interoperability tests of `h2 serve`, made with httpx
# (0.23, on httpcore and h2) and asyncio.
#
#   python3 httpx_client.py ORIGIN CA_FILE SCENARIO
#   python3 httpx_client.py --version
#
# ORIGIN is https://localhost:PORT, or http://localhost:PORT for prior
# knowledge; CA_FILE is a PEM file with the certificate to trust; SCENARIO is
# a key of SCENARIOS below. Exit status: 0 verified (one line says what), 1 a
# difference (the reason is on stderr), 2 usage, 3 the library has no way to
# do that; what it can do of it is checked nevertheless.
import asyncio
import hashlib
import random
import ssl
import sys

import httpx


class Difference(Exception):
    pass


class NotOffered(Exception):
    pass


def check(holds, reason):
    if not holds:
        raise Difference(reason)


class Client:
    def __init__(self, origin, ca_file):
        self.context = ssl.create_default_context(cafile=ca_file)
        self.origin = origin
        self.secure = origin.startswith('https://')
        self.start()

    def start(self):
        # Without HTTP/1.1 as an alternative httpx uses HTTP/2 over cleartext, too.
        self.http = httpx.AsyncClient(http1=self.secure, http2=True, verify=self.context,
                                      timeout=50, trust_env=False)
        self.connections = 0    # TCP connections made so far.
        self.protocols = []     # What ALPN chose on each.

    async def restart(self):
        await self.http.aclose()
        self.start()

    async def trace(self, name, info):
        if name == 'connection.connect_tcp.complete':
            self.connections += 1
        elif name == 'connection.start_tls.complete':
            tls = info['return_value'].get_extra_info('ssl_object')
            self.protocols.append(tls.selected_alpn_protocol())

    def stream(self, method, path, **more):
        return self.http.stream(method, self.origin + path,
                                extensions={'trace': self.trace}, **more)

    def check_protocol(self, response):
        check(response.http_version == 'HTTP/2', f'the protocol is {response.http_version}')
        check(self.protocols == ['h2'] * (self.connections if self.secure else 0),
              f'ALPN chose {self.protocols}')

    async def exchange(self, method, path, **more):
        async with self.stream(method, path, **more) as response:
            await response.aread()
        self.check_protocol(response)
        return response

    async def get(self, path):
        response = await self.exchange('GET', path)
        check(response.status_code == 200, f'{path}: status {response.status_code}')
        return response

    async def sum_of(self, name):
        return (await self.get(f'/{name}.sha256')).text.strip()

    async def get_file(self, name):
        """Gets a file, which is hashed as it comes; returns its size."""
        expected = await self.sum_of(name)
        size, sha256 = 0, hashlib.sha256()
        async with self.stream('GET', f'/{name}') as response:
            async for chunk in response.aiter_raw():
                size += len(chunk)
                sha256.update(chunk)
        self.check_protocol(response)
        check(response.status_code == 200, f'/{name}: status {response.status_code}')
        check(sha256.hexdigest() == expected,
              f'/{name}: SHA-256 {sha256.hexdigest()}, expected {expected}')
        return size

    async def many_at_once(self, count):
        """GET /f0, /f1 ... at once; getting the hashes made the connection."""
        sums = [await self.sum_of(f'f{i}') for i in range(count)]
        files = await asyncio.gather(*(self.get(f'/f{i}') for i in range(count)))
        for i, (file, expected) in enumerate(zip(files, sums)):
            check(len(file.content) == 20000 + i, f'/f{i}: {len(file.content)} bytes')
            check(hashlib.sha256(file.content).hexdigest() == expected, f'/f{i}: wrong SHA-256')
        self.check_one_connection()

    def check_one_connection(self):
        check(self.connections == 1, f'{self.connections} connections')


def same_as_sent(response, body):
    check(response.status_code == 200, f'status {response.status_code}')
    check(len(response.content) == len(body),
          f'{len(response.content)} bytes came back of {len(body)}')
    check(response.content == body, 'the echo differs')


def pseudo_random(size):
    return random.Random(12345).randbytes(size)


async def run_get(client):
    size = await client.get_file('small')
    check(size == 10000, f'{size} bytes')
    return f'{size} bytes with the right SHA-256'


async def run_head(client):
    response = await client.exchange('HEAD', '/small')
    check(response.status_code == 200, f'status {response.status_code}')
    length = response.headers.get('content-length')
    check(length == '10000', f'content-length {length}')
    check(response.content == b'', f'a body of {len(response.content)} bytes')
    return 'content-length 10000 and 0 bytes of body'


async def run_echo(client):
    body = pseudo_random(1 << 20)
    same_as_sent(await client.exchange('POST', '/echo', content=body), body)
    return f'{len(body)} bytes there and back'


async def run_hundred(client):
    await client.many_at_once(100)
    return f'100 bodies of 20 KB at once, {client.connections} connection'


async def run_large(client):
    size = await client.get_file('large')
    check(size == 52428800, f'{size} bytes')
    return f'{size} bytes with the right SHA-256'


async def run_trailers(client):
    response = await client.get('/trailers')
    raise NotOffered('httpx drops the trailers of a response; '
                     f'its {len(response.content)} bytes of body came')


async def run_request_trailers(client):
    raise NotOffered('httpx has no way to send trailers')


async def run_hints(client):
    response = await client.get('/early-hints')
    raise NotOffered(f'httpx drops 1xx answers; the {response.status_code} came')


async def run_continue(client):
    body = pseudo_random(50000)
    same_as_sent(await client.exchange('POST', '/echo', content=body,
                                       headers={'expect': '100-continue'}), body)
    raise NotOffered('httpx does not wait for 100; '
                     f'{len(body)} bytes sent with the expect field came back')


async def run_early(client):
    await client.get_file('small')

    async def early(size, seconds):
        response = await client.exchange('POST', '/early/403', content=bytes(size),
                                         timeout=seconds)
        check(response.status_code == 403, f'status {response.status_code}')
        check(response.content, 'the 403 has no body')

    # Of 4 MiB only what flow control permits can be sent before the 403.
    # httpcore 0.16 sends all before it looks for an answer, and waits for
    # WINDOW_UPDATE even after RST_STREAM; a body that fits shows the 403.
    size = 4 << 20
    problem = None
    try:
        await early(size, 3)
    except (httpx.ReadTimeout, httpx.LocalProtocolError, httpx.RemoteProtocolError) as error:
        problem = type(error).__name__
        await client.restart()
        await client.get_file('small')
        await early(10000, 20)
    then = f'then {await client.get_file("small")} bytes, 1 connection'
    client.check_one_connection()
    if problem:
        raise NotOffered(f'httpx shows no answer before the whole body is sent ({problem}); '
                         f'403 for a request of 10000 bytes, {then}')
    return f'403 for a request of {size} bytes, {then}'


async def run_drain(client):
    await client.get_file('small')

    async def say():
        await asyncio.sleep(0.3)
        print('under way', flush=True)

    try:
        answers = await asyncio.gather(say(), *(client.get('/delay/1500') for _ in range(10)))
    except (httpx.RemoteProtocolError, httpx.LocalProtocolError) as error:
        # The first is httpcore's, the second comes from h2, which takes no
        # further frame after GOAWAY.
        if not ('ConnectionTerminated' in str(error) and 'error_code:0' in str(error)
                or 'in state ConnectionState.CLOSED' in str(error)):
            raise
        raise NotOffered(f'httpx gives up every request when GOAWAY comes: {error}')
    client.check_one_connection()
    return f'{len(answers) - 1} answers with 200, 1 connection'


async def run_limit1(client):
    try:
        await client.many_at_once(20)
    except httpx.LocalProtocolError as error:
        if 'Max outbound streams is 1' not in str(error):
            raise
        raise NotOffered(f'httpx has no queue for the limit of the server: {error}')
    return f'20 bodies of 20 KB in turn, {client.connections} connection'


SCENARIOS = {name[4:]: run for name, run in globals().items() if name.startswith('run_')}


async def run(origin, ca_file, scenario):
    return await asyncio.wait_for(SCENARIOS[scenario](Client(origin, ca_file)), 55)


def main(arguments):
    if arguments == ['--version']:
        print(httpx.__version__)
        return 0
    if len(arguments) != 3 or arguments[2] not in SCENARIOS:
        print('usage: httpx_client.py ORIGIN CA_FILE ' + '|'.join(SCENARIOS), file=sys.stderr)
        return 2
    try:
        print(asyncio.run(run(*arguments)))
        return 0
    except NotOffered as reason:
        print(f'not offered: {reason}')
        return 3
    except Exception as error:
        print(f'{arguments[2]}: {type(error).__name__}: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
