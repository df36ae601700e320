"""Jupyter with TCP_NODELAY on its kernel sockets: the name of the module to start follows."""

import runpy
import sys

from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

_open = KernelWebsocketHandler.open


async def _open_at_once(self, *arguments, **named):
    self.set_nodelay(True)
    return await _open(self, *arguments, **named)


KernelWebsocketHandler.open = _open_at_once
module = sys.argv[1]
sys.argv = sys.argv[1:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
