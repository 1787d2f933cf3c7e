#!/usr/bin/env python3
"""relay.py FROM TO: hands on connections, each end HOST:PORT or the path of a unix socket. Two of them, joined by a
path, lead out of a network namespace."""
import asyncio
import sys


def opener(place):
    if "/" in place:
        return lambda: asyncio.open_unix_connection(place)
    host, port = place.rsplit(":", 1)
    return lambda: asyncio.open_connection(host, int(port))


async def pump(reader, writer):
    try:
        while True:
            data = await reader.read(65536)
            if not data:
                break
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


async def main(begin, end):
    async def accept(reader, writer):
        try:
            other_reader, other_writer = await opener(end)()
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, other_writer), pump(other_reader, writer))

    if "/" in begin:
        server = await asyncio.start_unix_server(accept, begin)
    else:
        host, port = begin.rsplit(":", 1)
        server = await asyncio.start_server(accept, host, int(port))
    async with server:
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:3]))
