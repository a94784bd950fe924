"""Runs a script from standard input as it is written, but for one thing: where it connects to localhost, it reaches the server whose URL is
the first argument. The address stands in the script, and its port may be taken."""

import socket
import sys
from urllib.parse import urlsplit

import aiohttp

server = urlsplit(sys.argv[1])
resolve = aiohttp.DefaultResolver.resolve


async def resolve_to_server(self, host, port=0, family=socket.AF_INET):
    if host != "localhost":
        return await resolve(self, host, port, family)
    address = {"hostname": host, "host": server.hostname, "port": server.port}
    return [address | {"family": socket.AF_INET, "proto": 0, "flags": socket.AI_NUMERICHOST}]


aiohttp.DefaultResolver.resolve = resolve_to_server
exec(compile(sys.stdin.read(), "script", "exec"), {"__name__": "__main__"})
