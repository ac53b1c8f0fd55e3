"""A CRM that costs next to nothing: one answer to everybody, over HTTPS, after a delay.

`python -m bench.stand_in PORT CERTIFICATE MILLISECONDS`. It speaks just enough HTTP/1.1 for
clients that keep their connections, or close them.
"""

import asyncio
import ssl
import sys

_BODY = b'{"tier":"Gold"}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)
_END = b"\r\n\r\n"
_BACKLOG = 4096


class _Connection(asyncio.Protocol):
    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._head = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        while (end := self._head.find(_END)) >= 0:  # a GET ends with its head
            self._head = self._head[end + len(_END) :]
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_ANSWER)


async def serve(port: int, certificate: str, delay: float) -> None:
    """Answer until the process is ended."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(delay), "127.0.0.1", port, ssl=context, backlog=_BACKLOG
    )
    await server.serve_forever()


if __name__ == "__main__":
    _port, _certificate, _milliseconds = sys.argv[1:]
    asyncio.run(serve(int(_port), _certificate, float(_milliseconds) / 1000))
