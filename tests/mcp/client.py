"""The official Python client against a running server: lists, calls of each kind, refusals, texts unchanged.

Usage: client.py URL TOKEN NARROW_TOKEN   (the first token may do everything, the second has the scope mcp:read)
"""

import asyncio
import json
import sys

import httpx2 as httpx

try:  # mcp 2
    from mcp import Client
except ImportError:
    Client = None
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client

NAME = "研发中心 “引号” 👩‍👩‍👧 𠮷"


def check(holds, what):
    if not holds:
        raise SystemExit(f"failed: {what}")
    print(f"ok: {what}")


def is_error(result):
    return getattr(result, "is_error", None) or getattr(result, "isError", None) or False


def structured(result):
    found = getattr(result, "structured_content", None)
    return found if found is not None else getattr(result, "structuredContent", None)


async def session_of(url, token, body):
    http = httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)
    async with http, streamable_http_client(f"{url}/mcp", http_client=http) as streams:
        async with ClientSession(streams[0], streams[1]) as session:
            said = await session.initialize()
            await body(session, said)


async def everything(session, said):
    info = getattr(said, "server_info", None) or getattr(said, "serverInfo", None)
    check(info.name == "livegrant", f"the server says its name; {said.model_dump().get('protocol_version') or ''}")
    tools = (await session.list_tools()).tools
    names = [tool.name for tool in tools]
    check(len(names) > 30 and len(set(names)) == len(names), f"{len(names)} tools are listed")
    for name in ("notifyPositionChange", "notifyApproval", "broadcastSystemNotification"):
        check(name in names, f"{name} is there")
    code = "py"
    made = await session.call_tool("createOrganization", {"code": code, "name": NAME})
    check(not is_error(made), "an organisation is created")
    # The client has compared every structured content with its output schema.
    check(structured(made)["name"] == NAME, "the name comes back unchanged")
    guid = structured(made)["guid"]
    got = await session.call_tool("getOrganization", {"orgGuid": guid})
    check(structured(got)["name"] == NAME and NAME in got.content[0].text, "and once more when it is read")
    again = await session.call_tool("createOrganization", {"code": code, "name": "x"})
    check(is_error(again) and again.content[0].text.startswith("already_exists: "), "a refusal has a code and words")
    wrong = await session.call_tool("createOrganization", {"name": "x"})
    check(is_error(wrong) and "code" in wrong.content[0].text, "a missing argument is named")
    for name, arguments in (
        ("listOrganizations", {}),
        ("listPositions", {"pageSize": 5}),
        ("listStaff", {"search": "a"}),
        ("listPermissions", {"kind": "api"}),
        ("listOnlineUsers", {}),
        ("listWorkflowDefinitions", {}),
        ("listNotifications", {"limit": 3}),
        ("listWorkflowInstances", {"view": "managed"}),
        ("listMyTasks", {}),
        ("listMyTasks", {"state": "done"}),
        ("listLeaves", {"pageSize": 2}),
    ):
        result = await session.call_tool(name, arguments)
        check(not is_error(result) and "results" in structured(result), f"{name} answers what it says")
    staff = structured(await session.call_tool("listStaff", {"pageSize": 100}))["results"]
    person = next(row for row in staff if row["username"] == "alice")
    who = person["guid"]
    sent = await session.call_tool("notifyPositionChange", {
        "staffGuid": who, "title": "职位变动", "content": "恭喜 🎉", "oldPosition": "前台", "newPosition": "主管", "changeType": "晋升",
    })
    check(not is_error(sent) and structured(sent)["recipients"] == 1, "a position change is told")
    sent = await session.call_tool("notifyApproval", {
        "staffGuid": [who], "title": "请假申请已审批", "content": "同意", "approvalId": "AP2025091210001", "approvalState": "已通过",
    })
    check(not is_error(sent), "an approval is told to a list")
    sent = await session.call_tool("broadcastSystemNotification", {
        "title": "系统维护", "content": "今晚", "category": "维护", "severity": "信息", "dryRun": True,
    })
    check(not is_error(sent) and structured(sent)["recipients"] > 1, "a broadcast is counted in a dry run")
    sent = await session.call_tool("broadcastSystemNotification", {
        "title": "系统维护", "content": "今晚", "category": "维护", "severity": "信息",
    })
    check(not is_error(sent) and structured(sent)["rev"] > 0, "and sent")
    leave = {"staffGuid": who, "leaveType": "personal", "startAt": "2150-06-01", "endAt": "2150-06-02", "reason": NAME}
    tried = await session.call_tool("createLeave", {**leave, "dryRun": True})
    check(not is_error(tried), "leave is tried")
    asked = await session.call_tool("createLeave", leave)
    check(not is_error(asked) and structured(asked)["reason"] == NAME, "and asked for")
    form = {"leave_type": "personal", "start_at": "2150-06-01", "end_at": "2150-06-02", "days": 2, "reason": NAME}
    path = await session.call_tool("startWorkflow", {"definitionCode": "leave", "formData": form, "preview": True})
    check(not is_error(path) and structured(path)["steps"], "a process says what would happen")
    may = await session.call_tool("checkAccess", {"staffGuid": who, "operation": "delete", "resource": "organization"})
    check(structured(may)["hasPermission"] is False and structured(may)["errorMessage"], "a question is answered with a reason")
    why = await session.call_tool("explainAccess", {"staffGuid": who, "permissionCode": "org:view"})
    check(not is_error(why), "and explained")
    moved = await session.call_tool("moveOrganization", {"orgGuid": guid, "newParentGuid": "root", "position": 0})
    check(not is_error(moved) and structured(moved)["organization"]["name"] == NAME, "an organisation is moved")
    gone = await session.call_tool("deleteOrganization", {"orgGuid": guid, "dryRun": True})
    check(not is_error(gone), "a deletion is tried")
    gone = await session.call_tool("deleteOrganization", {"orgGuid": guid})
    check(not is_error(gone), "and done")
    try:
        unknown = await session.call_tool("dropEverything", {})
        check(is_error(unknown), "an unknown tool is refused")
    except Exception as error:  # the client raises what the protocol calls an error
        check("dropEverything" in str(error) or "-32602" in str(error), "an unknown tool is an error of the protocol")


async def narrowed(session, _):
    tools = (await session.list_tools()).tools
    reads = [getattr(tool.annotations, "read_only_hint", None) or getattr(tool.annotations, "readOnlyHint", None) for tool in tools]
    check(tools and all(reads), f"a token with mcp:read sees {len(tools)} tools, all of which read")


async def newest(url, token):
    """The newest revision: no handshake."""
    if Client is None:
        print("skipped: this client has no mode without a handshake")
        return
    http = httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)
    async with http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(transport) as client:
            tools = (await client.list_tools()).tools
            check(len(tools) > 30, f"the newest client, in its own mode, lists {len(tools)} tools")
            result = await client.call_tool("listOrganizations", {})
            check(not is_error(result), "and calls one")


async def refused(url):
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{url}/mcp", json=body, headers=headers)
        challenge = answer.headers.get("www-authenticate", "")
        check(answer.status_code == 401 and "resource_metadata=" in challenge, "nobody comes in without a token")
        metadata = await http.get(challenge.split('"')[1])
        check(metadata.json()["resource"] == f"{url}/mcp", "and is told what is needed")
        print(json.dumps(metadata.json(), ensure_ascii=False))


async def main():
    url, token, narrow = sys.argv[1:4]
    await refused(url)
    await session_of(url, token, everything)
    await session_of(url, narrow, narrowed)
    await newest(url, token)


asyncio.run(main())
