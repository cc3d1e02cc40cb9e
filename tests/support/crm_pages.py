"""A CRM's own pages, on an origin of their own: they hold the card, or a frame with it, and note what it tells them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>CRM</title><link rel="icon" href="data:,"><h1>CRM</h1>{body}"""

ELEMENT = """<main><gatekeeper-warning></gatekeeper-warning></main>
<script src="{service}/popup/card.js"></script>
<script>
const card = document.querySelector("gatekeeper-warning"), told = [];
for (const name of ["assessment", "decision", "expired"])
  document.addEventListener("gatekeeper-" + name, event => told.push([name, event.detail]));
const given = new URLSearchParams(location.hash.slice(1));
for (const name of ["lang", "theme", "token"]) if (given.get(name)) card.setAttribute(name, given.get(name));
</script>"""
FRAME = """<main><iframe title="Gatekeeper" sandbox="allow-scripts" width="500" height="900"></iframe></main><script>
const told = [];
addEventListener("message", event => told.push([event.data.type, event.origin]));
document.querySelector("iframe").src = "{service}/popup" + location.hash;
</script>"""


@contextmanager
def crm_pages(service: str) -> Iterator[str]:
    """The origin that serves `/element` and `/frame` around the pop-up of `service`."""
    pages = {"/element": ELEMENT, "/frame": FRAME}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path.partition("?")[0])
            page = _PAGE.replace("{body}", (body or "").replace("{service}", service)).encode()
            self.send_response(200 if body else 404)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
