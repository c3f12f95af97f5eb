"""Asks a FastCGI server for one script and prints the answer: fcgi.py PORT SCRIPT."""

import socket
import struct
import sys


def record(kind, content):
    return struct.pack("!BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def pair(name, value):
    return bytes([len(name), len(value)]) + name.encode() + value.encode()


port, script = int(sys.argv[1]), sys.argv[2]
params = {
    "SCRIPT_FILENAME": script,
    "SCRIPT_NAME": "/x.php",
    "REQUEST_METHOD": "GET",
    "SERVER_PROTOCOL": "HTTP/1.0",
}
with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
    begin = record(1, struct.pack("!HB5x", 1, 0))
    names = b"".join(pair(name, value) for name, value in params.items())
    connection.sendall(begin + record(4, names) + record(4, b"") + record(5, b""))
    stream = connection.makefile("rb")
    while len(head := stream.read(8)) == 8:
        _, kind, _, length, padding, _ = struct.unpack("!BBHHBB", head)
        content = stream.read(length + padding)[:length]
        if kind == 6:
            sys.stdout.write(content.decode())
        elif kind == 3:
            break
