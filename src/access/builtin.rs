//! The permissions and roles that ship with Livegrant: the 16 of the permission system with their ids (S1-2 … S1-17),
//! the additive codes, the console's menus and buttons, and the preset roles (S1-40 … S1-43). Data only.

/// One shipped permission: id, code, name, description, critical.
pub type Code = (i64, &'static str, &'static str, &'static str, bool);

/// Codes that a route or tool checks.
pub const CODES: &[Code] = &[
    (1001, "org:view", "组织查看", "read organisations", false),
    (1002, "org:create", "组织创建", "create organisations", false),
    (1003, "org:update", "组织更新", "update organisations", false),
    (1004, "org:delete", "组织删除", "delete organisations", false),
    (2001, "position:view", "岗位查看", "read positions", false),
    (2002, "position:create", "岗位创建", "create positions", false),
    (2003, "position:update", "岗位更新", "update positions", false),
    (2004, "position:delete", "岗位删除", "delete positions", false),
    (3001, "staff:view", "人员查看", "read staff", false),
    (3002, "staff:create", "人员创建", "create staff", false),
    (3003, "staff:update", "人员更新", "update staff and their positions", false),
    (3004, "staff:delete", "人员删除", "delete staff", false),
    (4001, "leave:approve", "请假审批", "approve anybody's leave", false),
    (4002, "leave:view", "请假查看", "read other people's leave", false),
    (5001, "workflow:admin", "工作流管理", "manage processes", false),
    (9999, "system:admin", "系统管理", "everything inside the tenant", true),
    (1101, "role:view", "角色查看", "read roles", false),
    (1102, "role:create", "角色创建", "create roles", false),
    (1103, "role:update", "角色更新", "update roles", false),
    (1104, "role:delete", "角色删除", "delete roles", false),
    (1110, "role:grant", "角色授予", "give roles to accounts and take them", true),
    (1201, "permission:view", "权限查看", "read the catalogue, explain and review access", false),
    (1202, "permission:assign", "权限分配", "grant permissions to roles and positions", true),
    (1301, "account:view", "账号查看", "read accounts", false),
    (1302, "account:create", "账号创建", "create accounts", false),
    (1303, "account:update", "账号更新", "update accounts and reset passwords", false),
    (1304, "account:disable", "账号停用", "disable and enable accounts", false),
    (5002, "workflow:view", "工作流查看", "read all processes", false),
    (6001, "ticket:create", "工单创建", "create tickets", false),
    (6002, "ticket:view_all", "工单全览", "read all tickets of the projects", false),
    (6003, "ticket:review", "工单审核", "review tickets", false),
    (6004, "ticket:assign", "工单指派", "assign tickets", false),
    (6005, "ticket:handle", "工单处理", "handle tickets", false),
    (6006, "ticket:confirm", "工单确认", "confirm own tickets", false),
    (6007, "ticket:confirm_any", "工单代确认", "confirm on the creator's behalf", false),
    (6008, "ticket:comment_internal", "内部评论", "read and write internal comments", false),
    (7001, "notification:send", "发送通知", "send notifications", false),
    (7002, "notification:broadcast", "广播通知", "notify everyone", false),
    (7003, "session:view", "会话查看", "see who is online", false),
    (7004, "session:kick", "会话踢出", "end sessions", true),
    (8001, "bloc:view", "集团查看", "read tenant groups", false),
    (8002, "bloc:manage", "集团管理", "manage tenant groups", true),
    (8003, "plan:view", "版本查看", "read plans", false),
    (8004, "plan:manage", "版本管理", "manage plans", true),
    (8005, "company:manage", "公司管理", "manage companies", true),
    (8006, "org_group:manage", "分组管理", "manage company groups", false),
    (9001, "audit:view", "审计查看", "read the audit and change logs", false),
    (9002, "metrics:view", "指标查看", "read metrics", false),
    (9003, "debug:use", "调试", "use the debug tools", false),
];

/// A menu or button: id, code, name, parent id, sort, route, icon.
pub type Menu = (i64, &'static str, &'static str, Option<i64>, i64, Option<&'static str>, &'static str);

/// The console's menus (level 1) and buttons (level 2).
pub const MENUS: &[Menu] = &[
    (7101, "menu:organization", "组织", None, 10, Some("/organization"), "building"),
    (7102, "menu:staff", "人员", None, 20, Some("/staff"), "people"),
    (7103, "menu:access", "权限", None, 30, Some("/access"), "key"),
    (7104, "menu:online", "在线", None, 40, Some("/online"), "pulse"),
    (7111, "button:organization.add", "新增组织", Some(7101), 11, None, "plus"),
    (7112, "button:staff.add", "新增人员", Some(7102), 21, None, "plus"),
    (7113, "button:access.save", "保存权限", Some(7103), 31, None, "check"),
    (7114, "button:online.kick", "踢出", Some(7104), 41, None, "door"),
];

/// A preset role: code, name, what its permissions reach, its permissions.
pub type Preset = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// The preset roles. Organisation and positions are managed by HR and managers only (S1-40), staff by HR and department
/// heads (S1-41), leave is approved by line managers of every level and HR (S1-42), processes by IT and system
/// administrators (S1-43). Who heads people reaches his own organisation and what lies below it (FC7). `user`, `admin`, `manager` and `employee` are the ticket system's four (S2-2); `admin` is its
/// management side and never `system:admin` (C8).
pub const PRESETS: &[Preset] = &[
    (
        "hr",
        "人事",
        "all",
        &[
            "org:view",
            "org:create",
            "org:update",
            "org:delete",
            "position:view",
            "position:create",
            "position:update",
            "position:delete",
            "staff:view",
            "staff:create",
            "staff:update",
            "staff:delete",
            "leave:approve",
            "leave:view",
            "menu:organization",
            "menu:staff",
            "button:organization.add",
            "button:staff.add",
        ],
    ),
    (
        "department_head",
        "部门负责人",
        "own_and_below",
        &[
            "org:view",
            "org:update",
            "position:view",
            "position:update",
            "staff:view",
            "staff:create",
            "staff:update",
            "staff:delete",
            "leave:approve",
            "leave:view",
            "menu:organization",
            "menu:staff",
        ],
    ),
    (
        "line_manager",
        "直属上级",
        "own_and_below",
        &["staff:view", "leave:approve", "leave:view", "menu:staff"],
    ),
    (
        "it_admin",
        "IT管理员",
        "all",
        &["workflow:admin", "workflow:view", "session:view", "metrics:view", "debug:use", "menu:online"],
    ),
    ("system_admin", "系统管理员", "all", &["system:admin"]),
    ("user", "使用方", "all", &["ticket:create", "ticket:confirm"]),
    (
        "admin",
        "管理方",
        "all",
        &["ticket:review", "ticket:view_all", "ticket:comment_internal", "account:view", "account:create"],
    ),
    ("manager", "承建方-项目经理", "all", &["ticket:assign", "ticket:comment_internal"]),
    ("employee", "承建方-员工", "all", &["ticket:handle", "ticket:comment_internal"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// S1-18.
    #[test]
    fn ids_and_codes_are_unique_and_presets_name_known_codes() {
        let ids: HashSet<i64> = CODES.iter().map(|row| row.0).chain(MENUS.iter().map(|row| row.0)).collect();
        let codes: HashSet<&str> =
            CODES.iter().map(|row| row.1).chain(MENUS.iter().map(|row| row.1)).collect();
        assert_eq!(ids.len(), CODES.len() + MENUS.len());
        assert_eq!(codes.len(), ids.len());
        for (role, _, reach, permissions) in PRESETS {
            assert!(crate::policy::reach::NAMES.contains(reach), "{role} reaches {reach}");
            for permission in *permissions {
                assert!(codes.contains(permission), "{role} names {permission}");
            }
        }
    }

    fn holders_of(code: &str) -> Vec<&'static str> {
        PRESETS.iter().filter(|(.., codes)| codes.contains(&code)).map(|(role, ..)| *role).collect()
    }

    #[test]
    fn presets_give_each_kind_of_management_only_to_whom_it_belongs() {
        for code in ["org:update", "position:update"] {
            assert_eq!(holders_of(code), ["hr", "department_head"], "S1-40 {code}");
        }
        for code in ["org:create", "org:delete", "position:create", "position:delete"] {
            assert_eq!(holders_of(code), ["hr"], "S1-40 {code}");
        }
        for code in ["staff:create", "staff:update", "staff:delete"] {
            assert_eq!(holders_of(code), ["hr", "department_head"], "S1-41 {code}");
        }
        assert_eq!(holders_of("leave:approve"), ["hr", "department_head", "line_manager"], "S1-42");
        assert_eq!(holders_of("workflow:admin"), ["it_admin"], "S1-43");
        assert_eq!(holders_of("system:admin"), ["system_admin"], "C8");
    }

    // FC7
    #[test]
    fn only_who_heads_people_reaches_less_than_everything() {
        let limited = PRESETS.iter().filter(|(_, _, reach, _)| *reach != "all");
        let limited: Vec<_> = limited.map(|(role, _, reach, _)| (*role, *reach)).collect();
        assert_eq!(limited, [("department_head", "own_and_below"), ("line_manager", "own_and_below")]);
    }
}
