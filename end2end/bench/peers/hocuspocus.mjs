// Hocuspocus as its guide starts it: PORT, and a file for its SQLite extension where it shall keep documents.
import { Server } from "@hocuspocus/server";

const [port, file] = process.argv.slice(2);
const extensions = [];
if (file !== undefined) {
  const { SQLite } = await import("@hocuspocus/extension-sqlite");
  extensions.push(new SQLite({ database: file }));
}
await new Server({ port: Number(port), address: "127.0.0.1", quiet: true, extensions }).listen();
