"""SMTP servers at every address of this network, each of which thinks so long before each reply: SECONDS for the first
address of a /16, half of that for the others. python slow_listener.py SECONDS"""

from __future__ import annotations

import asyncio
import contextlib
import sys

OWN = "@example.org>"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    pause = seconds if writer.get_extra_info("sockname")[0].endswith(".0.1") else seconds / 2

    async def say(*lines: str) -> None:
        await asyncio.sleep(pause)
        writer.write("".join(f"{line}\r\n" for line in lines).encode())

    with contextlib.suppress(OSError):
        await say("220 mail.example.org ESMTP")
        while line := (await reader.readline()).decode().strip():
            if line.startswith("EHLO"):
                await say("250-mail.example.org", "250 8BITMIME")
            elif line.startswith("RCPT"):
                await say("250 ok" if "<postmaster" in line and OWN in line else "550 5.1.1 no")
            elif line == "QUIT":
                await say("221 bye")
                break
            else:
                await say("250 ok")
    writer.close()


async def main(seconds: float) -> None:
    async with await asyncio.start_server(
        lambda reader, writer: serve(reader, writer, seconds), "0.0.0.0", 25, backlog=1000
    ) as server:
        print("ready", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
