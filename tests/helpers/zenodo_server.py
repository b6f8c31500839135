"""A local server with Zenodo's interface, and the faults that real ones have."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Zenodo:
    """What the server holds and how it fails.

    record: files by name. drop_after: bytes after which each connection is cut, by name. served: bytes sent instead of
    the published ones, by name. earlier: versions that the next connections get before those, one each, by name.
    moved: status code that sends those who ask for a file to another address, 0 for none. requests: each (path, Range
    header) asked for. headers: all headers of each request.
    """

    record: dict[str, bytes]
    served: dict[str, bytes] = field(default_factory=dict)
    earlier: dict[str, list[bytes]] = field(default_factory=dict)
    drop_after: dict[str, int] = field(default_factory=dict)
    errors: list[int] = field(default_factory=list)  # status codes of the next answers for files, 200 for none
    record_errors: list[int] = field(default_factory=list)  # the same for records
    error_headers: dict[str, str] = field(default_factory=dict)
    moved: int = 0
    knows_ranges: bool = True
    tells_versions: bool = False  # by ETag, and heeds If-Range
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
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

    def next_version(self, name: str) -> bytes:
        return self.earlier[name].pop(0) if self.earlier.get(name) else self.served.get(name, self.record[name])

    def refusal(self, path: str) -> tuple[int, dict[str, str]]:
        """Status code and headers of an answer that holds nothing of what was asked for; 200 if it is to hold it."""
        if self.moved and path.startswith("/files/"):
            return self.moved, {"Location": path.replace("/files/", "/elsewhere/")}
        errors = self.record_errors if path.startswith("/api/records/") else self.errors
        return errors.pop(0) if errors else 200, self.error_headers

    def first_byte(self, headers: Message, etag: str | None) -> int | None:
        """The place in the file from which it is sent, None where it is sent whole whatever was asked for."""
        if not self.knows_ranges or headers.get("If-Range") not in (None, etag):
            return None
        return int(headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))


def etag_of(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


@contextmanager
def running(zenodo: Zenodo) -> Iterator[Zenodo]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            zenodo.requests.append((self.path, self.headers.get("Range")))
            zenodo.headers.append(dict(self.headers))
            status, extra = zenodo.refusal(self.path)
            if status != 200:
                self.answer(status, b"busy", extra)
            elif self.path.startswith("/api/records/"):
                self.answer(200, zenodo.listing())
            else:
                self.send_file(self.path.rpartition("/")[2])

        def send_file(self, name: str) -> None:
            content = zenodo.next_version(name)
            extra = {"ETag": etag_of(content)} if zenodo.tells_versions else {}
            start = zenodo.first_byte(self.headers, extra.get("ETag"))
            if start and start >= len(content):
                self.answer(416, b"")
                return
            if start is not None:
                extra["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.answer(200 if start is None else 206, content[start:], extra, zenodo.drop_after.get(name))

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
