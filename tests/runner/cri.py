"""
Starts pods as Kubernetes does: `cri.py start JSON`, `run CONTAINER COMMAND…`, `stop POD`.

containerd is asked by the protocol of kubelet, the Container Runtime Interface, which no program
that Debian has speaks. It runs on the host itself, by any Python, with nothing installed: what is
needed of gRPC and of its messages is little (k8s.io/cri-api, pkg/apis/runtime/v1/api.proto).

`start` takes a JSON object with the name of an image, variables and mounts (by the path in the
container, that on the host), and writes one with the pod, its container and what runc was told
about that. `run` writes the output of a command in the container, and ends with its status.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SOCKET = "/run/containerd/containerd.sock"
SECONDS = 150
OF_THE_NODE = 2  # a namespace: not the pod's own
DATA, HEADERS, RESET, SETTINGS, PING, GO_AWAY = 0, 1, 3, 4, 6, 7
END_OF_STREAM, END_OF_HEADERS, ACKNOWLEDGED = 1, 4, 1

Field = tuple[int, "int | str | bytes"]


def varint(value: int) -> bytes:
    """Return a number as a message has it."""
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def message(*fields: Field) -> bytes:
    """Return a message: numbers, texts, and messages in it."""
    text = b""
    for number, value in fields:
        if isinstance(value, int):
            text += varint(number << 3) + varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            text += varint(number << 3 | 2) + varint(len(content)) + content
    return text


def fields(text: bytes) -> dict[int, int | bytes]:
    """Return the fields of a message."""
    found: dict[int, int | bytes] = {}
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            value |= (text[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not text[at - 1] & 0x80:
                return value

    while at < len(text):
        key = number()
        value = number()
        found[key >> 3] = value
        if key & 7:
            found[key >> 3] = text[at : at + value]
            at += value
    return found


def frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    """Return a frame of HTTP/2."""
    head = len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + content


def frames(connection: socket.socket) -> Iterator[tuple[int, int, bytes]]:
    """Yield kind, flags and content of each frame that comes."""
    with connection.makefile("rb") as stream:
        while head := stream.read(9):
            yield head[3], head[4], stream.read(int.from_bytes(head[:3], "big"))


def call(method: str, *request: Field) -> dict[int, int | bytes]:
    """Call a method of containerd, and return the fields of the answer."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": f"/runtime.v1.RuntimeService/{method}",
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    packed = b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in headers.items()
    )
    content = message(*request)
    content = b"\0" + len(content).to_bytes(4, "big") + content
    answer = b""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(SOCKET)
        connection.sendall(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            + frame(SETTINGS, 0, 0)
            + frame(HEADERS, END_OF_HEADERS, 1, packed)
            + frame(DATA, END_OF_STREAM, 1, content)
        )
        for kind, flags, part in frames(connection):
            if kind == DATA:
                answer += part
            elif kind in {SETTINGS, PING} and not flags & ACKNOWLEDGED:
                connection.sendall(frame(kind, ACKNOWLEDGED, 0, part if kind == PING else b""))
            elif kind in {RESET, GO_AWAY} or (kind == HEADERS and flags & END_OF_STREAM):
                break
    if not answer:
        sys.exit(f"containerd does not do {method}: see journalctl --unit containerd")
    return fields(answer[5:])


def text_of(value: int | bytes) -> str:
    """Return a field that is a text."""
    assert isinstance(value, bytes)
    return value.decode()


def start(wanted: Any) -> dict[str, Any]:
    """Start a pod in the network of the node, and a container in it that waits."""
    name = uuid.uuid4().hex
    network = message((1, OF_THE_NODE))
    pod = message(
        (1, message((1, name), (2, name), (3, "default"))),
        (8, message((2, message((1, network))))),
    )
    sandbox = text_of(call("RunPodSandbox", (1, pod))[1])
    container = message(
        (1, message((1, "job"))),
        (2, message((1, wanted["image"]))),
        *((6, message((1, key), (2, value))) for key, value in wanted["env"].items()),
        *((7, message((1, inside), (2, outside))) for inside, outside in wanted["mounts"].items()),
        (15, message((2, message((3, network))))),
    )
    created = call("CreateContainer", (1, sandbox), (2, container), (3, pod))
    identity = text_of(created[1])
    call("StartContainer", (1, identity))
    spec = subprocess.run(
        ["ctr", "--namespace", "k8s.io", "containers", "info", "--spec", identity],
        check=True,
        capture_output=True,
    )
    return {"pod": sandbox, "container": identity, "spec": json.loads(spec.stdout)}


def run(container: str, *command: str) -> int:
    """Run a command in a container, write its output, and return its status."""
    done = call("ExecSync", (1, container), *((2, word) for word in command), (3, SECONDS))
    sys.stdout.write(text_of(done.get(1, b"")))
    sys.stderr.write(text_of(done.get(2, b"")))
    status = done.get(3, 0)
    assert isinstance(status, int)
    return status


if __name__ == "__main__":
    if sys.argv[1] == "start":
        sys.stdout.write(json.dumps(start(json.loads(sys.argv[2]))))
    elif sys.argv[1] == "run":
        sys.exit(run(*sys.argv[2:]))
    else:
        call("StopPodSandbox", (1, sys.argv[2]))
        call("RemovePodSandbox", (1, sys.argv[2]))
