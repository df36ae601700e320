// Work the server has not acknowledged, kept in IndexedDB so that a crashed tab loses nothing.
//
// `notebook` names a person's work in a notebook: two people who use one browser never get each other's.
//
// A tab holds a Web Lock for each document client it keeps work for. What lies here without its lock was left behind
// by a tab that is gone; whoever claims it first resends it under the same client name, so nothing is applied twice.
// Web Locks exist only in secure contexts. Over plain http from another machine, work that has not changed for half a
// minute counts as left behind: a resend is harmless, a loss is not.

const DATABASE = "datalayer";
const TABLE = "unacknowledged";
const LEFT_BEHIND_MS = 30_000;

export interface Kept {
  client: string;
  json: string;
  /** Milliseconds since 1970. */
  at: number;
}

interface Row extends Kept {
  notebook: string;
}

const locks = new Map<string, () => void>();
/** Locks asked for until their tab goes. */
const waiting = new Set<string>();
let opened: Promise<IDBDatabase> | undefined;

/** Keep the newest unacknowledged work of a client; resolves when it is durable. */
export async function keep(notebook: string, client: string, json: string): Promise<void> {
  await hold(notebook, client);
  await write((table) => table.put({ notebook, client, json, at: Date.now() } satisfies Row));
}

/** Everything of this client is acknowledged. */
export async function forget(notebook: string, client: string): Promise<void> {
  await write((table) => table.delete([notebook, client]));
}

/** Offer a text as a file to be downloaded. */
export function offer(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  link.download = name;
  link.click();
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** What is kept for a notebook, by this tab and by others, oldest first. */
export async function all(notebook: string): Promise<Kept[]> {
  const database = await open();
  return new Promise((resolve, reject) => {
    const range = IDBKeyRange.bound([notebook], [notebook, []]);
    const request = database.transaction(TABLE).objectStore(TABLE).getAll(range);
    request.onsuccess = () => {
      const rows = (request.result as Row[]).map(({ client, json, at }) => ({ client, json, at }));
      resolve(rows.sort((a, b) => a.at - b.at));
    };
    request.onerror = () => reject(failure(request.error));
  });
}

/** Take over the work of a tab that is gone, or take a new client's name. `false` where another tab has it. */
export async function claim(notebook: string, client: string): Promise<boolean> {
  const name = lockName(notebook, client);
  if (locks.has(name)) return false;
  if ("locks" in navigator) return request(name);
  const kept = (await all(notebook)).find((row) => row.client === client);
  return kept !== undefined && Date.now() - kept.at > LEFT_BEHIND_MS;
}

/**
 * Wait until the tab that holds this client is gone, and take over what it left. `null` where it left nothing, where this
 * tab is that tab or waits already, and where tabs cannot wait for each other (no Web Locks).
 */
export async function outlive(notebook: string, client: string): Promise<string | null> {
  const name = lockName(notebook, client);
  if (!("locks" in navigator) || locks.has(name) || waiting.has(name)) return null;
  waiting.add(name);
  try {
    await request(name, {});
  } finally {
    waiting.delete(name);
  }
  const left = (await all(notebook)).find((row) => row.client === client);
  if (left === undefined) release(notebook, client);
  return left?.json ?? null;
}

/** Let go of a client's name, so that another tab may claim what is kept. */
export function release(notebook: string, client: string): void {
  const name = lockName(notebook, client);
  locks.get(name)?.();
  locks.delete(name);
}

/** Hold the client's name for as long as this tab lives. Its name is new, so nobody else can have it. */
async function hold(notebook: string, client: string): Promise<void> {
  const name = lockName(notebook, client);
  if ("locks" in navigator && !locks.has(name) && !(await request(name))) {
    throw new Error("another tab is sending this work");
  }
}

function request(name: string, options: LockOptions = { ifAvailable: true }): Promise<boolean> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, options, (lock) => {
        if (lock === null) {
          resolve(false);
          return undefined;
        }
        return new Promise<void>((letGo) => {
          locks.set(name, letGo);
          resolve(true);
        });
      })
      .catch(reject);
  });
}

function lockName(notebook: string, client: string): string {
  return `datalayer:${notebook}:${client}`;
}

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: ["notebook", "client"] });
    request.onsuccess = () => {
      const database = request.result;
      // A newer version of the studio in another tab must be able to upgrade.
      database.onversionchange = () => {
        database.close();
        opened = undefined;
      };
      resolve(database);
    };
    request.onerror = () => {
      opened = undefined;
      reject(failure(request.error));
    };
  });
  return opened;
}

async function write(change: (table: IDBObjectStore) => IDBRequest): Promise<void> {
  const database = await open();
  return new Promise((resolve, reject) => {
    // "strict": resolved means on disk, not in the browser's memory.
    const transaction = database.transaction(TABLE, "readwrite", { durability: "strict" });
    change(transaction.objectStore(TABLE));
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(failure(transaction.error));
    transaction.onerror = () => reject(failure(transaction.error));
  });
}

function failure(cause: DOMException | null): Error {
  return new Error(`this browser cannot keep unsent work: ${cause?.message ?? "unknown reason"}`);
}
