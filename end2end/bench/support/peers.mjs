// The servers we are compared with, started as people start them: Hocuspocus, and Jupyter in several dresses.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Process, answering, folder, freePort } from "./processes.mjs";

const peers = fileURLToPath(new URL("../peers", import.meta.url));

/** `storage`: with its SQLite extension, which writes the whole document 2 to 10 s after a change. */
export async function hocuspocus({ storage = false } = {}) {
  const port = await freePort();
  const home = folder("hocuspocus");
  const parameters = [join(peers, "hocuspocus.mjs"), String(port), ...(storage ? [join(home, "documents.sqlite")] : [])];
  const server = new Process("Hocuspocus", process.execPath, parameters);
  await answering(server, `http://127.0.0.1:${port}/`);
  return { name: storage ? "Hocuspocus + SQLite" : "Hocuspocus", process: server, pid: server.pid, port, url: `ws://127.0.0.1:${port}`, stop: () => server.stop() };
}

/**
 * Jupyter. `app` is `server`, `lab` or `notebook`; `collaboration` switches its shared documents on; `tuned` sets
 * TCP_NODELAY and lifts the limit on outputs, which no Jupyter does by itself. Whatever else is installed stays off.
 */
export async function jupyter({ app = "server", collaboration = false, tuned = false, root = folder("jupyter-root"), port } = {}) {
  const home = environment(collaboration ? "collaboration" : "jupyter");
  port ??= await freePort();
  const settings = folder("jupyter");
  const on = {
    jupyter_server_terminals: true,
    jupyter_lsp: app !== "server",
    jupyterlab: app !== "server",
    notebook: app === "notebook",
    notebook_shim: app !== "server",
    jupyter_server_ydoc: collaboration,
    jupyter_server_fileid: collaboration,
  };
  const config = {
    ServerApp: { jpserver_extensions: on, port, ip: "127.0.0.1", port_retries: 0, open_browser: false, root_dir: root, allow_root: true, disable_check_xsrf: true },
    IdentityProvider: { token: "" },
    LabApp: { news_url: null, check_for_updates_class: "jupyterlab.NeverCheckForUpdate", collaborative: false },
  };
  for (const name of ["config", "data", "runtime"]) mkdirSync(join(settings, name));
  // Every app reads the file of its own name besides.
  writeFileSync(join(settings, "config/jupyter_server_config.json"), JSON.stringify(config));
  if (tuned) config.ZMQChannelsWebsocketConnection = { iopub_data_rate_limit: 0, iopub_msg_rate_limit: 0 };
  writeFileSync(join(settings, "config/jupyter_config.json"), JSON.stringify(config));
  const modules = { server: ["-m", "jupyter_server"], lab: ["-m", "jupyterlab"], notebook: ["-m", "notebook"] };
  const parameters = tuned ? [join(peers, "tuned.py"), ...modules[app].slice(1)] : modules[app];
  const env = {
    JUPYTER_CONFIG_DIR: join(settings, "config"),
    JUPYTER_DATA_DIR: join(settings, "data"),
    JUPYTER_RUNTIME_DIR: join(settings, "runtime"),
    JUPYTER_PATH: "",
    IPYTHONDIR: join(settings, "ipython"),
    PATH: `${join(home, "bin")}:${process.env.PATH}`,
  };
  const began = performance.now();
  const server = new Process(`Jupyter (${app})`, join(home, "bin/python"), parameters, { env, cwd: root });
  const startup = await answering(server, `http://127.0.0.1:${port}/api`, { began });
  return { name: "Jupyter", process: server, pid: server.pid, port, root, startup, address: `http://127.0.0.1:${port}`, stop: () => server.stop() };
}

/** A Python environment that `cargo xtask bench` made. */
export function environment(name) {
  const home = join(process.env.DATALAYER_PEERS ?? "", name);
  if (!existsSync(join(home, "bin/python"))) throw new Error(`there is no Python environment in ${home}; run \`cargo xtask bench\``);
  return home;
}
