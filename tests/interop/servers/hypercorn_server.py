"""hypercorn, with an ASGI application.

usage: hypercorn_server.py PORT DIRECTORY STREAMS [CERTIFICATE KEY]

Serves files and those routes of `h2 serve` that an application of hypercorn 0.13 can have;
SIGTERM lets what is under way finish.
"""

import asyncio
import os
import signal
import sys

import hypercorn.asyncio
import hypercorn.config

DIRECTORY = sys.argv[2]
PIECE = 1 << 18


async def text(send, status, body):
    await send({"type": "http.response.start", "status": status,
                "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    path = scope["path"]
    if path.startswith("/early/"):
        return await text(send, int(path[7:]), f"status {path[7:]}\n".encode())
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    if path == "/echo":
        return await text(send, 200, body)
    if path.startswith("/delay/"):
        await asyncio.sleep(int(path[7:]) / 1000)
        return await text(send, 200, f"after {path[7:]} ms\n".encode())
    if path == "/trailers":
        return await text(send, 200, b"trailer fields cannot follow this line\n")
    if path == "/early-hints":
        return await text(send, 200, b"a 103 cannot come before this\n")
    try:
        with open(os.path.join(DIRECTORY, os.path.basename(path)), "rb") as file:
            await send({"type": "http.response.start", "status": 200, "headers": [
                (b"content-length", str(os.fstat(file.fileno()).st_size).encode())]})
            while piece := file.read(PIECE):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})
    except OSError:
        await text(send, 404, b"no such file\n")


async def main():
    config = hypercorn.config.Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    config.h2_max_concurrent_streams = int(sys.argv[3])
    config.keep_alive_timeout = 60
    config.graceful_timeout = 3
    if len(sys.argv) > 4:
        config.certfile, config.keyfile = sys.argv[4:]
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    await hypercorn.asyncio.serve(application, config, shutdown_trigger=ending.wait)


asyncio.run(main())
