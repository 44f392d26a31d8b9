"""An HTTP server that answers at once, but for one stall of all its
connections:

    stalling.py AFTER SECONDS

It prints its port, and SECONDS after its first request it stands still for
STALL_SECONDS.
"""
import asyncio
import sys
import time

AFTER = float(sys.argv[1])
STALL = float(sys.argv[2])
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Peer(asyncio.Protocol):
    stall_at = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        now = time.monotonic()
        if Peer.stall_at is None:
            Peer.stall_at = now + AFTER
        if now > Peer.stall_at:
            Peer.stall_at = float("inf")
            time.sleep(STALL)
        self.transport.write(ANSWER)


async def main():
    server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
