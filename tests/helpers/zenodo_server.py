"""A local server with Zenodo's interface, and the faults that real ones have."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Zenodo:
    """What the server holds and how it fails.

    record: files by name. drop_after: bytes after which each connection is cut, by name. served: bytes sent instead of
    the published ones, by name. requests: each (path, Range header) asked for.
    """

    record: dict[str, bytes]
    served: dict[str, bytes] = field(default_factory=dict)
    drop_after: dict[str, int] = field(default_factory=dict)
    errors: list[int] = field(default_factory=list)  # status codes of the next answers for files
    knows_ranges: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""

    def listing(self) -> bytes:
        files = [
            {
                "key": name,
                "size": len(content),
                "checksum": f"md5:{hashlib.md5(content).hexdigest()}",
                "links": {"self": f"{self.address}/files/{name}"},
            }
            for name, content in self.record.items()
        ]
        return json.dumps({"files": files}).encode()

    def ranges_of(self, name: str) -> list[str | None]:
        return [header for path, header in self.requests if path == f"/files/{name}"]


@contextmanager
def running(zenodo: Zenodo) -> Iterator[Zenodo]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            zenodo.requests.append((self.path, self.headers.get("Range")))
            if self.path.startswith("/api/records/"):
                self.answer(200, zenodo.listing())
            elif zenodo.errors:
                self.answer(zenodo.errors.pop(0), b"busy")
            else:
                self.send_file(self.path.rpartition("/")[2])

        def send_file(self, name: str) -> None:
            content = zenodo.served.get(name, zenodo.record[name])
            start = 0
            if zenodo.knows_ranges and (header := self.headers.get("Range")):
                start = int(header.removeprefix("bytes=").removesuffix("-"))
            if start and start >= len(content):
                self.answer(416, b"")
                return
            extra = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if zenodo.knows_ranges else {}
            self.answer(206 if extra else 200, content[start:], extra, zenodo.drop_after.get(name))

        def answer(self, status: int, body: bytes, extra: dict[str, str] | None = None, cut: int | None = None) -> None:
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **(extra or {})}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body[:cut])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    zenodo.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield zenodo
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
