"""Settings that make nginx.conf take its different branches."""

from __future__ import annotations

from typing import Any

INDEX_HOST = "index.example"
FILES_HOST = "files.example"
HOSTS = {"cellar_pypi_index_host": INDEX_HOST, "cellar_pypi_files_host": FILES_HOST}
# With a revision that can be told from everything else.
KNOWN = {**HOSTS, "__cellar_pages_revision": "0123abcd", "__cellar_oracle_revision": "0123abcd"}

# One index with credentials and a CA of its own, one without either.
ORIGINS = [
    {
        "origin": "files.acme.example",
        "host": "files.acme.example",
        "port": 443,
        "ca_path": "/etc/cellar/acme.pem",
        "authorization": "Basic Y2k6aHVzaA==",
    },
    {
        "origin": "mirror.example:8443",
        "host": "mirror.example",
        "port": 8443,
        "ca_path": "/etc/ssl/certs/ca-certificates.crt",
        "authorization": "",
    },
]

VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": KNOWN,
    "index door only": {**KNOWN, "cellar_intercept": False},
    "addresses": {**KNOWN, "cellar_server_addresses": ["192.0.2.10", "2001:db8::10"]},
    "provided, public": {**KNOWN, "cellar_certificate_source": "provided", "cellar_http_port": 0},
    "other indexes": {**KNOWN, "__cellar_file_origins": ORIGINS},
    "files refused": {**KNOWN, "__cellar_enforces": True},
    "other indexes, files refused, index door only": {
        **KNOWN,
        "__cellar_file_origins": ORIGINS,
        "__cellar_enforces": True,
        "cellar_intercept": False,
    },
    "nginx 1.26": {**KNOWN, "__nginx_build": {"stderr": "nginx version: nginx/1.26.3"}},
}
