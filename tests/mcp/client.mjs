// The official TypeScript client against a running server: it compares every structured content with its output schema.
// Usage: node client.mjs URL TOKEN
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, token] = process.argv.slice(2);
const NAME = "行政部 “引号” 👩‍👩‍👧 𠮷";

function check(holds, what) {
  if (!holds) {
    console.error(`failed: ${what}`);
    process.exit(1);
  }
  console.log(`ok: ${what}`);
}

async function client(bearer) {
  const made = new Client({ name: "livegrant-tests", version: "1" });
  const requestInit = { headers: { Authorization: `Bearer ${bearer}` } };
  await made.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit }));
  return made;
}

const mcp = await client(token);
check(mcp.getServerVersion().name === "livegrant", "the server says its name");
const { tools } = await mcp.listTools();
check(tools.length > 30, `${tools.length} tools are listed`);
const call = (name, args) => mcp.callTool({ name, arguments: args });
const made = await call("createOrganization", { code: "ts", name: NAME });
check(!made.isError && made.structuredContent.name === NAME, "a name comes back unchanged");
const again = await call("createOrganization", { code: "ts", name: "x" });
check(again.isError && again.content[0].text.startsWith("already_exists: "), "a refusal has a code and words");
for (const [name, args] of [
  ["listOrganizations", {}],
  ["listPositions", {}],
  ["listStaff", { pageSize: 100 }],
  ["listPermissions", {}],
  ["listOnlineUsers", {}],
  ["listWorkflowDefinitions", {}],
  ["listNotifications", {}],
  ["listWorkflowInstances", {}],
  ["listMyTasks", {}],
  ["listLeaves", {}],
]) {
  const result = await call(name, args);
  check(!result.isError && Array.isArray(result.structuredContent.results), `${name} answers what it says`);
}
const staff = (await call("listStaff", { pageSize: 100 })).structuredContent.results;
const person = staff.find((row) => row.username === "alice");
const sent = await call("notifyMessage", { staffGuid: person.guid, title: "你好", content: "一条消息 ✉️" });
check(!sent.isError && sent.structuredContent.recipients === 1, "a message is sent");
const gone = await call("deleteOrganization", { orgGuid: made.structuredContent.guid });
check(!gone.isError, "what was made is deleted");
await call("dropEverything", {}).then(
  () => check(false, "an unknown tool is refused"),
  (error) => check(error.code === -32602, "an unknown tool is an error of the protocol"),
);
await mcp.close();
await client("lgs_wrong").then(
  () => check(false, "a wrong token is refused"),
  (error) => check(/401|invalid|unauthor/i.test(String(error)), "a wrong token is refused"),
);
