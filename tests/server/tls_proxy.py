"""What stands in front of a server in the open: it takes TLS off, and hands the bytes on."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import trustme


class TlsProxy:
    """Listens on a free port of this machine; `upstream` is the port that it hands on to."""

    def __init__(self, certificate: trustme.LeafCert) -> None:
        self.upstream = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def base(self) -> str:
        """The public address."""
        return f"https://localhost:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads or accepts
            one.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            try:
                outside = self._context.wrap_socket(plain, server_side=True)
            except OSError:  # it does not accept our certificate; others may
                plain.close()
                continue
            inside = socket.create_connection(("127.0.0.1", self.upstream))
            self._sockets += [outside, inside]
            for pair in ((outside, inside), (inside, outside)):
                thread = threading.Thread(target=_hand_on, args=pair)
                self._threads.append(thread)
                thread.start()


def _hand_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def tls_proxy(certificate: trustme.LeafCert) -> Iterator[TlsProxy]:
    """Yield a proxy, and take it down at the end."""
    proxy = TlsProxy(certificate)
    try:
        yield proxy
    finally:
        proxy.close()
