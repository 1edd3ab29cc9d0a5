"""Who is measured: the appliance, the same nginx with plain files, and the peers."""

from bench.subjects.nginxes import PLAIN_PORT, put_static, start_plain, static_file
from bench.subjects.peers import peers
from bench.subjects.subject import HEADERS, Subject, cellar, timed

__all__ = [
    "HEADERS",
    "PLAIN_PORT",
    "Subject",
    "cellar",
    "peers",
    "put_static",
    "start_plain",
    "static_file",
    "timed",
]
