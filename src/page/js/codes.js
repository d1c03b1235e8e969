// What the permission codes are called in both languages, how they are grouped, and which read shows that one is enforced.
// A person without `permission:view` cannot read the catalogue, so the names of the builtin codes live here.
// It decides nothing: the server does.

const AREAS = {
  org: ["Organisations", "组织"],
  position: ["Positions", "岗位"],
  staff: ["Staff", "人员"],
  leave: ["Leave", "请假"],
  workflow: ["Workflows", "工作流"],
  ticket: ["Tickets", "工单"],
  notification: ["Notifications", "通知"],
  role: ["Roles", "角色"],
  permission: ["Permissions", "权限"],
  account: ["Accounts", "账号"],
  session: ["Sessions", "会话"],
  audit: ["Audit", "审计"],
  bloc: ["Blocs", "集团"],
  plan: ["Plans", "方案"],
  company: ["Companies", "公司"],
  org_group: ["Organisation groups", "组织分组"],
  menu: ["Menus", "菜单"],
  metrics: ["Metrics", "指标"],
  debug: ["Debugging", "调试"],
  system: ["System", "系统"],
};

const NAMES = {
  "menu:organization": ["Menu: organisation", "菜单：组织"],
  "menu:staff": ["Menu: staff", "菜单：人员"],
  "menu:access": ["Menu: access", "菜单：权限"],
  "menu:online": ["Menu: online", "菜单：在线"],
  "button:organization.add": ["Button: add organisation", "按钮：新增组织"],
  "button:staff.add": ["Button: add staff", "按钮：新增人员"],
  "button:access.save": ["Button: save permissions", "按钮：保存权限"],
  "button:online.kick": ["Button: end session", "按钮：踢出"],
  "org:view": ["View organisations", "组织查看"],
  "org:create": ["Create organisations", "组织创建"],
  "org:update": ["Update organisations", "组织更新"],
  "org:delete": ["Delete organisations", "组织删除"],
  "position:view": ["View positions", "岗位查看"],
  "position:create": ["Create positions", "岗位创建"],
  "position:update": ["Update positions", "岗位更新"],
  "position:delete": ["Delete positions", "岗位删除"],
  "staff:view": ["View staff", "人员查看"],
  "staff:create": ["Create staff", "人员创建"],
  "staff:update": ["Update staff", "人员更新"],
  "staff:delete": ["Delete staff", "人员删除"],
  "leave:approve": ["Approve leave", "请假审批"],
  "leave:view": ["View leave", "请假查看"],
  "workflow:admin": ["Manage workflows", "工作流管理"],
  "workflow:view": ["View workflows", "工作流查看"],
  "system:admin": ["Administer the system", "系统管理"],
  "role:view": ["View roles", "角色查看"],
  "role:create": ["Create roles", "角色创建"],
  "role:update": ["Update roles", "角色更新"],
  "role:delete": ["Delete roles", "角色删除"],
  "role:grant": ["Give roles to accounts", "角色授予"],
  "permission:view": ["View permissions", "权限查看"],
  "permission:assign": ["Assign permissions", "权限分配"],
  "account:view": ["View accounts", "账号查看"],
  "account:create": ["Create accounts", "账号创建"],
  "account:update": ["Update accounts", "账号更新"],
  "account:disable": ["Disable accounts", "账号停用"],
  "ticket:create": ["Create tickets", "工单创建"],
  "ticket:view_all": ["View all tickets", "查看全部工单"],
  "ticket:review": ["Review tickets", "工单审核"],
  "ticket:assign": ["Assign tickets", "工单分派"],
  "ticket:handle": ["Handle tickets", "工单处理"],
  "ticket:confirm": ["Confirm tickets", "工单确认"],
  "ticket:confirm_any": ["Confirm any ticket", "确认任意工单"],
  "ticket:comment_internal": ["Comment internally", "内部评论"],
  "notification:send": ["Send notifications", "发送通知"],
  "notification:broadcast": ["Broadcast", "广播通知"],
  "session:view": ["View sessions", "会话查看"],
  "session:kick": ["End sessions", "强制下线"],
  "bloc:view": ["View blocs", "集团查看"],
  "bloc:manage": ["Manage blocs", "集团管理"],
  "plan:view": ["View plans", "方案查看"],
  "plan:manage": ["Manage plans", "方案管理"],
  "company:manage": ["Manage companies", "公司管理"],
  "org_group:manage": ["Manage organisation groups", "组织分组管理"],
  "audit:view": ["View the audit log", "审计查看"],
  "metrics:view": ["View metrics", "指标查看"],
  "debug:use": ["Use debugging tools", "使用调试工具"],
};

/** The read that each of these permissions guards; a card with an entry gets a "try it" button. */
export const TRY = {
  "org:view": "/api/v1/organizations",
  "position:view": "/api/v1/positions",
  "staff:view": "/api/v1/staff",
  "permission:view": "/api/v1/permissions",
  "session:view": "/api/v1/online-users",
};

const catalogue = new Map();

/** Remembers the names of codes that the server's catalogue has and this file lacks. */
export function learn(permissions) {
  for (const permission of permissions) catalogue.set(permission.code, permission.name);
}

/** The area of a code: the part before its colon. */
export const areaOf = (code) => code.split(":")[0];

export const areaName = (area, language) => AREAS[area]?.[language === "zh" ? 1 : 0] ?? area;

export const codeName = (code, language) => NAMES[code]?.[language === "zh" ? 1 : 0] ?? catalogue.get(code) ?? code;

const AREA_ORDER = Object.keys(AREAS);
const CODE_ORDER = Object.keys(NAMES);

function place(order, word) {
  const at = order.indexOf(word);
  return at < 0 ? order.length : at;
}

/** Orders codes as an administrator thinks of them: areas of the business first, what nobody knows here last. */
export function compareCodes(a, b) {
  return place(AREA_ORDER, areaOf(a)) - place(AREA_ORDER, areaOf(b))
    || areaOf(a).localeCompare(areaOf(b))
    || place(CODE_ORDER, a) - place(CODE_ORDER, b)
    || a.localeCompare(b);
}

/** Groups codes by area, both in order: `[[area, [code, …]], …]`. */
export function byArea(codes) {
  const groups = new Map();
  for (const code of [...codes].sort(compareCodes)) {
    const area = areaOf(code);
    if (!groups.has(area)) groups.set(area, []);
    groups.get(area).push(code);
  }
  return [...groups];
}
