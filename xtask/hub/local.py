# A JupyterHub for one machine, as `cargo xtask run --hub` and the tests start it: every person's server is a process of the
# user who started the studio. Good for trying out; people who must not read each other's files need another spawner.
#
# Variables: HUB_CONFIG, what `datalayer hub config` printed; HUB_FOLDER, where it keeps its state; HUB_PROXY, the program of
# configurable-http-proxy; HUB_PORTS, where the Hub itself and its proxy's door for it listen ("8081 8001").
import os
import secrets
import sys

folder = os.environ["HUB_FOLDER"]
hub, door = os.environ.get("HUB_PORTS", "8081 8001").split()


def key(name):
    """A key of this installation: made once, and read by nobody else."""
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    with open(path) as file:
        return file.read().strip()


# What people's sign-ins are kept under, encrypted.
os.environ.setdefault("JUPYTERHUB_CRYPT_KEY", key("crypt-key"))

c = get_config()  # noqa: F821
load_subconfig(os.environ["HUB_CONFIG"])  # noqa: F821

c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{door}"
c.ConfigurableHTTPProxy.command = [os.environ["HUB_PROXY"]]
c.ConfigurableHTTPProxy.pid_file = os.path.join(folder, "proxy.pid")
c.JupyterHub.db_url = "sqlite:///" + os.path.join(folder, "hub.sqlite")
c.JupyterHub.cookie_secret_file = os.path.join(folder, "cookie-secret")

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = os.path.join(folder, "home", "{username}")
c.Spawner.cmd = [os.path.join(sys.prefix, "bin", "jupyterhub-singleuser")]
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
# Kernels and terminals find this environment's programs first.
c.Spawner.environment = {"PATH": os.path.join(sys.prefix, "bin") + ":" + os.environ.get("PATH", "")}
