"""Delays DNS in this network as a long way does, where the kernel has no netem: python delay.py SECONDS ADDRESS...

Questions to port 53 of the addresses are led here (port 5353) by a rule of nft, and go on with a mark that passes it.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from typing import Any

MARK, PORT = 1, 5353
RULES = """
table ip delay {
  chain output {
    type nat hook output priority -100;
    meta mark != %d ip daddr { %s } udp dport 53 dnat to :%d
    meta mark != %d ip daddr { %s } tcp dport 53 dnat to :%d
  }
}
"""


def marked(kind: socket.SocketKind, address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK)
    made.setblocking(False)
    if kind == socket.SOCK_DGRAM:
        made.connect((address, 53))
    return made


class Datagrams(asyncio.DatagramProtocol):
    """Those of the clients of one server; they are told apart behind here by the messages' ids."""

    def __init__(self, address: str, seconds: float) -> None:
        self.address, self.seconds = address, seconds
        self.waiting: dict[int, tuple[bytes, Any]] = {}
        self.number = 0

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.front, _protocol = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, PORT))
        self.back = marked(socket.SOCK_DGRAM, self.address)
        loop.add_reader(self.back, self.answered)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.number = (self.number + 1) % 65536
        self.waiting[self.number] = data[:2], addr
        self.back.send(self.number.to_bytes(2, "big") + data[2:])

    def answered(self) -> None:
        data = self.back.recv(65535)
        own, client = self.waiting.pop(int.from_bytes(data[:2], "big"))
        asyncio.get_running_loop().call_later(self.seconds, self.front.sendto, own + data[2:], client)


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    while data := await reader.read(65535):
        await asyncio.sleep(seconds)
        writer.write(data)
    writer.close()


async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str, seconds: float) -> None:
    await asyncio.sleep(seconds)  # the handshake
    back = marked(socket.SOCK_STREAM, address)
    await asyncio.get_running_loop().sock_connect(back, (address, 53))
    upstream, downstream = await asyncio.open_connection(sock=back)
    await asyncio.gather(pipe(reader, downstream, 0), pipe(upstream, writer, seconds))


async def main(seconds: float, addresses: list[str]) -> None:
    for address in addresses:
        await Datagrams(address, seconds).start()
        await asyncio.start_server(
            lambda reader, writer, address=address: connection(reader, writer, address, seconds), address, PORT
        )
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    among = ", ".join(sys.argv[2:])
    subprocess.run(["nft", "-f", "-"], input=RULES % ((MARK, among, PORT) * 2), text=True, check=True)
    asyncio.run(main(float(sys.argv[1]), sys.argv[2:]))
