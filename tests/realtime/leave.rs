//! Leave as tabs see it (E17 to E21): the applicant is told what is true and when it is, the approver has something to do,
//! whoever shows somebody's leave sees it move, and nobody else hears anything.

use livegrant::access::init::DEFAULT_COMPANY;
use livegrant::workflow::shipped;
use livegrant_actors::CompanyId;
use serde_json::{Value, json};

use crate::support::{Account, Tab, TestServer, ok, served};

const PATH: &str = "/api/v1/leaves";
const REASON: &str = "外婆住院，要陪护几天 😷 'n \"co\"";

fn guid(body: &Value) -> String {
    body["guid"].as_str().expect("a guid").to_owned()
}

/// An office below a head office, each with a head; somebody of HR for each, who reads leave.
struct House {
    ann: Account,
    ann_staff: String,
    head: Account,
    chief: Account,
    viewer: Account,
    outsider: Account,
    bob: Account,
}

impl House {
    async fn open(server: &TestServer) -> Self {
        shipped::publish(&server.core.db, CompanyId(DEFAULT_COMPANY))
            .await
            .expect("the process is published");
        let root = server.platform().await;
        let org = async |code: &str, above: Option<&str>| {
            let body = json!({ "code": code, "name": code, "parentGuid": above });
            guid(&ok(root.post("/api/v1/organizations", body).await))
        };
        let top = org("top", None).await;
        let desk = org("desk", Some(&top)).await;
        let other = org("other", None).await;
        let person = async |name: &str, codes: &[&str], org: &str| {
            let account = server.account(name, codes).await;
            let body =
                json!({ "staff_no": name, "name": name, "account_id": account.id, "organization_guid": org });
            let staff = guid(&ok(root.post("/api/v1/staff", body).await));
            (account, staff)
        };
        let (ann, ann_staff) = person("ann", &[], &desk).await;
        let (bob, _) = person("bob", &[], &desk).await;
        let (head, head_staff) = person("head", &[], &desk).await;
        let (chief, chief_staff) = person("chief", &[], &top).await;
        let (viewer, _) = person("viewer", &["leave:view"], &top).await;
        let (outsider, _) = person("outsider", &["leave:view"], &other).await;
        for account in [&viewer, &outsider] {
            let role = format!("/api/v1/roles/{}", account.role);
            ok(root.patch(&role, json!({ "data_scope": "own_and_below" })).await);
        }
        for (staff, org, code) in [(head_staff, &desk, "lead"), (chief_staff, &top, "chief")] {
            let body = json!({ "code": code, "name": code, "is_manager": true, "organization_guid": org });
            let position = guid(&ok(root.post("/api/v1/positions", body).await));
            let path = format!("/api/v1/staff/{staff}/positions");
            ok(root.post(&path, json!({ "position_guid": position })).await);
        }
        Self { ann, ann_staff, head, chief, viewer, outsider, bob }
    }

    /// A tab that listens to to-do lists and notices, and to Ann's leave where it may.
    async fn tab(&self, server: &TestServer, account: &Account, refused: usize) -> Tab {
        let token = format!("Bearer {}", account.access);
        let headers = [("authorization", &*token), ("sec-websocket-protocol", "wsp.v1")];
        let topics = format!("?topics=approvals,notifications,leave:{}", self.ann_staff);
        let mut tab = server.try_socket(&topics, &headers).await.expect("a tab");
        let told = tab.next_of("CONNECTED").await;
        // Before it is placed, what is told overtakes mail that it has yet to read.
        tab.next_of("NOTIFICATION_STATE").await;
        assert_eq!(told["data"]["refused"].as_array().map(Vec::len), Some(refused), "{told}");
        tab
    }
}

/// What belongs to leave of what a tab has got by now, as `type`: `data`. Notices and messages of topics travel with the
/// inboxes, in order: what was sent before a message to the person is there before it.
async fn heard(server: &TestServer, account: &Account, tab: &mut Tab) -> Vec<(String, Value)> {
    let mark = livegrant::clock::guid();
    let message = json!({ "staffGuid": account.guid, "title": mark, "content": "mark" });
    ok(server.platform().await.post("/api/v1/notifications/message", message).await);
    let mut heard = Vec::new();
    loop {
        let frame = tab.frame().await;
        let kind = frame["type"].as_str().expect("a type");
        if kind == "MESSAGE_NOTIFICATION" && frame["data"]["title"] == *mark {
            return heard;
        }
        if kind.starts_with("APPROVAL") || kind == "LEAVE_UPDATE" {
            heard.push((kind.to_owned(), frame["data"].clone()));
        }
    }
}

fn of<'a>(heard: &'a [(String, Value)], kind: &str) -> Vec<&'a Value> {
    heard.iter().filter(|(known, _)| known == kind).map(|(_, data)| data).collect()
}

/// Decides what the account has to do.
async fn approve(account: &Account, comment: &str) {
    let list = ok(account.get("/api/v1/workflows/tasks").await);
    let task = guid(&list["results"][0]);
    ok(account.post(&format!("/api/v1/workflows/tasks/{task}/approve"), json!({ "comment": comment })).await);
}

served! {
    // S0-16, S0-33, S0-42, S0-54, S0-55, FW33, FW42, E17, E18, E19, E21: five days need two steps; "approved" is said once,
    // when it is.
    async fn whoever_it_concerns_is_told_when_it_is_true(server: TestServer) {
        let house = House::open(&server).await;
        let mut anns = house.tab(&server, &house.ann, 0).await;
        let mut heads = house.tab(&server, &house.head, 1).await;
        let mut chiefs = house.tab(&server, &house.chief, 1).await;
        let mut viewers = house.tab(&server, &house.viewer, 0).await;
        let mut outsiders = house.tab(&server, &house.outsider, 0).await;
        let mut bobs = house.tab(&server, &house.bob, 1).await;

        let body = json!({ "leave_type": "personal", "start_at": "2150-06-01", "end_at": "2150-06-05", "reason": REASON,
            "submit": true });
        let leave = ok(house.ann.post(PATH, body).await);
        assert_eq!(leave["reason"], REASON);
        let number = &leave["approval_no"];
        let to_head = heard(&server, &house.head, &mut heads).await;
        let notices = of(&to_head, "APPROVAL_NOTICE");
        assert_eq!(notices.len(), 1, "{to_head:?}");
        assert_eq!((&notices[0]["approvalId"], &notices[0]["approvalState"]), (number, &json!("审批中")));
        assert_eq!((&notices[0]["title"], &notices[0]["businessId"]), (&json!("请假申请待审批"), &leave["guid"]));
        assert!(notices[0]["taskId"].is_string(), "{to_head:?}");
        assert_eq!(of(&to_head, "APPROVAL_TASK").last().map(|task| &task["todo"]), Some(&json!(1)));
        assert_eq!(of(&heard(&server, &house.ann, &mut anns).await, "APPROVAL_NOTICE").len(), 0, "nothing is decided yet");

        approve(&house.head, "第一步同意").await;
        let step = heard(&server, &house.ann, &mut anns).await;
        let notices = of(&step, "APPROVAL_NOTICE");
        assert_eq!(notices.len(), 1, "{step:?}");
        assert_eq!((&notices[0]["step"], &notices[0]["of"]), (&json!(1), &json!(2)), "{step:?}");
        assert_eq!(notices[0]["approvalState"], "审批中", "it is not given yet");
        assert_eq!(ok(house.ann.get(&format!("{PATH}/{}", guid(&leave))).await)["status"], "running");
        let to_chief = heard(&server, &house.chief, &mut chiefs).await;
        assert_eq!(of(&to_chief, "APPROVAL_NOTICE").len(), 1, "{to_chief:?}");

        approve(&house.chief, "好的，注意身体").await;
        let end = heard(&server, &house.ann, &mut anns).await;
        let notices = of(&end, "APPROVAL_NOTICE");
        assert_eq!(notices.len(), 1, "{end:?}");
        assert_eq!((&notices[0]["title"], &notices[0]["approvalState"]), (&json!("请假申请已审批"), &json!("已通过")));
        assert_eq!((&notices[0]["approver"], &notices[0]["comment"]), (&json!("chief"), &json!("好的，注意身体")));
        assert_eq!(notices[0]["approvalId"], *number);
        let updates = of(&end, "LEAVE_UPDATE");
        assert_eq!(updates.last().map(|update| &update["status"]), Some(&json!("approved")), "{end:?}");
        assert_eq!(ok(house.ann.get(&format!("{PATH}/{}", guid(&leave))).await)["status"], "approved");

        // Whoever may read it sees it move, and is sent no notice; whoever may not, hears nothing.
        let seen = heard(&server, &house.viewer, &mut viewers).await;
        let states: Vec<&Value> = of(&seen, "LEAVE_UPDATE").iter().map(|update| &update["status"]).collect();
        assert_eq!((states.first(), states.last()), (Some(&&json!("running")), Some(&&json!("approved"))), "{seen:?}");
        assert_eq!(of(&seen, "LEAVE_UPDATE").len(), seen.len(), "{seen:?}");
        assert!(seen.iter().all(|(_, data)| data["staffGuid"] == house.ann_staff.as_str() && data["reason"].is_null()));
        for (who, tab) in [(&house.bob, &mut bobs), (&house.outsider, &mut outsiders)] {
            let heard = heard(&server, who, tab).await;
            assert_eq!(heard, [], "{}", who.username);
        }
    }

    // S0-42, E20: a reminder reaches whoever has it to do, and nobody else.
    async fn a_reminder_reaches_whoever_has_it_to_do(server: TestServer) {
        let house = House::open(&server).await;
        let body = json!({ "leave_type": "personal", "start_at": "2150-06-01", "end_at": "2150-06-01", "reason": REASON,
            "submit": true });
        let leave = ok(house.ann.post(PATH, body).await);
        let mut heads = house.tab(&server, &house.head, 1).await;
        let mut bobs = house.tab(&server, &house.bob, 1).await;
        let path = format!("/api/v1/workflows/instances/{}/remind", leave["instance_guid"].as_str().expect("a guid"));
        ok(house.ann.post(&path, json!({ "comment": "请尽快" })).await);
        let to_head = heard(&server, &house.head, &mut heads).await;
        let notices = of(&to_head, "APPROVAL_NOTICE");
        let reminded = notices.iter().filter(|notice| notice["remind"] == true).count();
        assert_eq!(reminded, 1, "{to_head:?}");
        assert_eq!(heard(&server, &house.bob, &mut bobs).await, []);
    }
}
