// A server of a test's own: the built binary on a database in a temporary folder, with demo data, to be killed and
// started again on the same port. Needs LIVEGRANT_BINARY.

import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the settings files are. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const PASSWORD = "livegrant-demo";
/** How long a server may take to be ready, or anything else to come true: slow machines, no more. */
export const PATIENCE = 30_000;

const freePort = () => new Promise((resolve) => {
  const probe = createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});

/** Waits until `look` answers something true, and answers that. */
export async function until(what, look) {
  const end = Date.now() + PATIENCE;
  while (Date.now() < end) {
    const found = await look();
    if (found) return found;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  throw new Error(`${what}: not within ${PATIENCE} ms`);
}

export class Server {
  #process = null;
  #env;
  #dir;
  log = "";

  /** Makes the database and starts; `settings` are environment variables without their prefix. */
  static async start(settings = {}) {
    const server = new Server();
    const port = await freePort();
    server.url = `http://127.0.0.1:${port}/`;
    server.#dir = await mkdtemp(join(tmpdir(), "livegrant-events."));
    server.#env = {
      ...process.env,
      LIVEGRANT_ENV: "test",
      LIVEGRANT__SERVER__HOST: "127.0.0.1",
      LIVEGRANT__SERVER__PORT: String(port),
      LIVEGRANT__DATABASE__URL: `sqlite://${server.#dir}/livegrant.db`,
      LIVEGRANT__AUTH__THROTTLE_ADDRESS_ATTEMPTS: "100000",
      ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [`LIVEGRANT__${key}`, String(value)])),
    };
    for (const command of [["migrate"], ["seed", "--demo"]]) {
      const { status, stderr } = spawnSync(binary(), command, { cwd: ROOT, env: server.#env });
      if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
    }
    await server.serve();
    return server;
  }

  async serve() {
    const process_ = spawn(binary(), ["serve"], { cwd: ROOT, env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [process_.stdout, process_.stderr]) stream.on("data", (text) => { this.log += text; });
    this.#process = process_;
    await until("the server is ready", async () => {
      if (process_.exitCode !== null) throw new Error(`the server has ended\n${this.log}`);
      return (await fetch(`${this.url}readyz`).catch(() => null))?.ok;
    });
  }

  /** Ends the process at once: nothing is said to anybody. */
  async kill(signal = "SIGKILL") {
    const ended = new Promise((resolve) => { this.#process.once("exit", resolve); });
    this.#process.kill(signal);
    await ended;
  }

  async stop() {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) await this.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** Signs in apart from any browser; answers `call(method, path, body)`, which answers `{status, body}`. */
  async signIn(username) {
    let token = null;
    const call = async (method, path, body) => {
      const response = await fetch(new URL(path, this.url), {
        method,
        headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body && { "content-type": "application/json" }) },
        body: body && JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, body: text ? JSON.parse(text) : null };
    };
    const answer = await call("POST", "/api/auth/login/", { username, password: PASSWORD });
    if (answer.status !== 200) throw new Error(`${username} cannot sign in: ${JSON.stringify(answer)}`);
    token = answer.body.access;
    return call;
  }
}

function binary() {
  const path = process.env.LIVEGRANT_BINARY;
  if (!path) throw new Error("LIVEGRANT_BINARY must name the built binary");
  return path;
}
