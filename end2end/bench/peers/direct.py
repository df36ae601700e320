"""A kernel and nothing in between: code comes as lines of JSON, and how long it took goes out.

The sockets are read as they are, blocking and without any library's conveniences: nothing that talks to a kernel from
Python is quicker.
"""

import json
import sys
import time

import zmq
from jupyter_client import KernelManager
from jupyter_client.session import Session

DELIMITER = b"<IDS|MSG>"


def main():
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    client.stop_channels()
    shell, iopub = manager.connect_shell(), manager.connect_iopub()
    iopub.setsockopt(zmq.RCVHWM, 0)
    session = Session(key=manager.session.key)
    poller = zmq.Poller()
    poller.register(shell, zmq.POLLIN)
    poller.register(iopub, zmq.POLLIN)
    # The first message may come before the subscription stands.
    time.sleep(0.5)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(execute(session, poller, shell, iopub, json.loads(line)["code"])), flush=True)
    manager.shutdown_kernel(now=True)


def execute(session, poller, shell, iopub, code):
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    began = time.perf_counter()
    message = session.msg("execute_request", content)
    session.send(shell, message)
    mark = message["header"]["msg_id"].encode()
    replied = idle = False
    size = 0
    while not (replied and idle):
        for socket, _ in poller.poll():
            frames = socket.recv_multipart()
            at = frames.index(DELIMITER)
            header, parent, content = frames[at + 2], frames[at + 3], frames[at + 5]
            if mark not in parent:
                continue
            if socket is shell:
                replied = True
            elif b'"stream"' in header:
                size += len(json.loads(content)["text"])
            elif b'"status"' in header and b'"idle"' in content:
                idle = True
    return {"ms": (time.perf_counter() - began) * 1000, "bytes": size}


main()
