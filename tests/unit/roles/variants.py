"""Settings that make nginx.conf take its different branches."""

from __future__ import annotations

from typing import Any

INDEX_HOST = "index.example"
FILES_HOST = "files.example"
HOSTS = {"cellar_pypi_index_host": INDEX_HOST, "cellar_pypi_files_host": FILES_HOST}

VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": HOSTS,
    "index door only": {**HOSTS, "cellar_intercept": False},
    "addresses": {**HOSTS, "cellar_server_addresses": ["192.0.2.10", "2001:db8::10"]},
    "provided, public": {**HOSTS, "cellar_certificate_source": "provided", "cellar_http_port": 0},
    "nginx 1.26": {**HOSTS, "__nginx_build": {"stderr": "nginx version: nginx/1.26.3"}},
}
