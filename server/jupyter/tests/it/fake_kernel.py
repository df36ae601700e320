"""A kernel that misbehaves on request: each line of a cell is an order."""

import hashlib
import hmac
import json
import os
import sys
import time
import uuid

import zmq

with open(sys.argv[1]) as file:
    connection = json.load(file)
key = connection["key"].encode()
session = uuid.uuid4().hex
context = zmq.Context()


def bind(kind, name):
    socket = context.socket(kind)
    socket.sndhwm = 0
    separator = "-" if connection["transport"] == "ipc" else ":"
    socket.bind(f"{connection['transport']}://{connection['ip']}{separator}{connection[name + '_port']}")
    return socket


def frames(kind, parent, content, header=None):
    if header is None:
        header = json.dumps({"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": session, "version": "5.4"}).encode()
    parts = [header, json.dumps(parent).encode(), b"{}", json.dumps(content).encode()]
    signature = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        signature.update(part)
    return [b"<IDS|MSG>", signature.hexdigest().encode(), *parts]


mode = sys.argv[2] if len(sys.argv) > 2 else ""
if mode == "silent":
    print("I will never answer", file=sys.stderr, flush=True)
    time.sleep(3600)
if mode == "broken":
    print("no module named nothing", file=sys.stderr, flush=True)
    sys.exit(7)

shell, control = bind(zmq.ROUTER, "shell"), bind(zmq.ROUTER, "control")
stdin, iopub = bind(zmq.ROUTER, "stdin"), bind(zmq.PUB, "iopub")
poller = zmq.Poller()
poller.register(shell, zmq.POLLIN)
poller.register(control, zmq.POLLIN)


def publish(kind, parent, content, **more):
    iopub.send_multipart([b"topic", *frames(kind, parent, content, **more)])


def obey(order, parent):
    words = order.split(" ", 1)
    if words[0] == "print":
        publish("stream", parent, {"name": "stdout", "text": words[1] + "\n"})
    elif words[0] == "forge":
        bad = frames("stream", parent, {"name": "stdout", "text": "forged\n"})
        bad[1] = b"0" * 64
        iopub.send_multipart(bad)
    elif words[0] == "cut":
        iopub.send_multipart(frames("stream", parent, {"name": "stdout", "text": "cut\n"})[:3])
    elif words[0] == "swap":
        bad = frames("stream", parent, {"name": "stdout", "text": "swapped\n"})
        bad[2], bad[5] = bad[5], bad[2]
        iopub.send_multipart(bad)
    elif words[0] == "nojson":
        publish("stream", parent, {"name": "stdout", "text": "nojson\n"}, header=b"\xff not json")
    elif words[0] == "huge":
        publish("stream", parent, {"name": "stdout", "text": "h" * int(words[1])})
    elif words[0] == "replay":
        twice = frames("stream", parent, {"name": "stdout", "text": "once\n"})
        iopub.send_multipart(twice)
        iopub.send_multipart(twice)
    elif words[0] == "displays":
        for at in range(int(words[1])):
            publish("display_data", parent, {"data": {"text/plain": str(at)}, "metadata": {}, "transient": {}})
    elif words[0] == "hold":
        try:
            time.sleep(3600)
        except KeyboardInterrupt:
            pass
    elif words[0] == "wait":
        while not os.path.exists(words[1]):
            time.sleep(0.01)
    elif words[0] == "exit":
        sys.exit(int(words[1]))


while True:
    for socket, _ in poller.poll():
        message = socket.recv_multipart()
        at = message.index(b"<IDS|MSG>")
        who, header, content = message[:at], json.loads(message[at + 2]), json.loads(message[at + 5])
        kind = header["msg_type"]
        if kind == "shutdown_request":
            sys.exit(0)
        publish("status", header, {"execution_state": "busy"})
        if kind == "kernel_info_request":
            socket.send_multipart([*who, *frames("kernel_info_reply", header, {"status": "ok"})])
            publish("status", header, {"execution_state": "idle"})
        elif kind == "execute_request":
            lines = content["code"].splitlines()
            lost = "lose" in lines
            late = [line[5:] for line in lines if line.startswith("late ")]
            for line in lines:
                obey(line, header)
            reply = frames("execute_reply", header, {"status": "ok", "execution_count": 1})
            if late:
                # Idle overtakes the output, as some kernels have it.
                publish("status", header, {"execution_state": "idle"})
                for line in late:
                    publish("stream", header, {"name": "stdout", "text": line + "\n"})
                socket.send_multipart([*who, *reply])
            else:
                socket.send_multipart([*who, *reply])
                if not lost:
                    publish("status", header, {"execution_state": "idle"})
