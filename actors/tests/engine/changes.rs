//! What a change does to tabs: precise, in order, named by revision (S3-27 to S3-29, I9).

use livegrant_actors::{Audience, Effect, Holder, NoticeView, RepushKind, RoleId};
use serde_json::json;

use crate::support::{World, accounts};

/// S3-2, S3-80.
#[actix_rt::test]
async fn all_tabs_of_the_account_are_told_and_nobody_else() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[]);
    world.policy.set(8, 1, &["a"], &[]);
    let (mine, other) = (world.login(7, "s1"), world.login(8, "s2"));
    let (mut one, mut two) = (world.open(&mine).await, world.open(&world.login(7, "s9")).await);
    let mut stranger = world.open(&other).await;
    world.policy.set(7, 2, &["a", "b"], &[]);
    world.refresh(2, accounts(&[7])).await;
    let (first, second) = (one.message().await, two.message().await);
    assert_eq!(first, second, "one frame for all tabs, one messageId");
    let data = &first["data"];
    assert_eq!(first["operator"], json!({"id": 1, "name": "admin"}));
    assert_eq!(
        (&data["updateType"], &data["added"], &data["removed"]),
        (&json!("ADD"), &json!(["b"]), &json!([]))
    );
    assert_eq!((&data["prevRev"], &data["rev"], &data["reason"]), (&json!(1), &json!(2), &json!("saved")));
    assert_eq!((&data["epoch"], &data["menuVersion"]), (&json!("epoch"), &json!("menu")));
    stranger.hears_nothing().await;
}

#[actix_rt::test]
async fn an_unchanged_state_is_not_told() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    world.policy.set(7, 2, &["a"], &[]);
    world.refresh(2, Audience::Everyone).await;
    tab.hears_nothing().await;
}

/// S3-45, S3-97.
#[actix_rt::test]
async fn each_difference_starts_where_the_last_one_ended() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    let mut seen = Vec::new();
    for (rev, codes) in [(4, &["a", "b"][..]), (6, &["b"]), (9, &["b"]), (11, &["c"]), (12, &["c", "d"])] {
        world.policy.set(7, rev, codes, &[]);
        world.refresh(rev, accounts(&[7])).await;
        if rev != 9 {
            let data = tab.message().await["data"].take();
            seen.push((data["updateType"].clone(), data["prevRev"].clone(), data["rev"].clone()));
        }
    }
    let expected = [
        (json!("ADD"), json!(1), json!(4)),
        (json!("REMOVE"), json!(4), json!(6)),
        (json!("REPLACE"), json!(null), json!(11)),
        (json!("ADD"), json!(11), json!(12)),
    ];
    assert_eq!(seen, expected);
}

#[actix_rt::test]
async fn a_role_change_comes_before_the_permissions() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[1]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    world.policy.set(7, 2, &["a", "b"], &[1, 2]);
    world.refresh(2, accounts(&[7])).await;
    let roles = tab.message().await;
    assert_eq!(roles["type"], "ROLE_CHANGE");
    assert_eq!(roles["data"]["updateType"], "ADD");
    assert_eq!(roles["data"]["addedRoles"], json!([{"id": 2, "code": "role-2", "name": "Role"}]));
    assert_eq!(roles["data"]["removedRoles"], json!([]));
    let update = tab.message().await;
    assert_eq!((&update["type"], &update["data"]["added"]), (&json!("PERMISSION_UPDATE"), &json!(["b"])));
    assert_ne!(roles["messageId"], update["messageId"]);
}

#[actix_rt::test]
async fn holders_are_found_and_the_index_follows_each_change() {
    let world = World::new();
    for account in [7, 8] {
        world.policy.set(account, 1, &["a"], &[account]);
    }
    let (mut seven, mut eight) =
        (world.open(&world.login(7, "s")).await, world.open(&world.login(8, "s")).await);
    // The role of 7 gains a code: only 7 is asked, although 8's state would differ too.
    world.policy.set(7, 2, &["a", "b"], &[7]);
    world.policy.set(8, 2, &["a", "b"], &[8]);
    world.refresh(2, Audience::Holder(Holder::Role(RoleId(7)))).await;
    assert_eq!(seven.message().await["data"]["rev"], 2);
    // 8 gets role 7; from then on a change of role 7 reaches it at once.
    world.policy.set(8, 3, &["a", "b"], &[7, 8]);
    world.refresh(3, accounts(&[8])).await;
    while eight.message().await["type"] != "PERMISSION_UPDATE" {}
    for account in [7, 8] {
        world.policy.set(account, 4, &["a", "b", "c"], &[7]);
    }
    world.refresh(4, Audience::Holder(Holder::Role(RoleId(7)))).await;
    for tab in [&mut seven, &mut eight] {
        let mut message = tab.message().await;
        while message["type"] != "PERMISSION_UPDATE" {
            message = tab.message().await;
        }
        assert_eq!(message["data"]["rev"], 4);
    }
    // 8 has lost role 8: a change of it asks nobody.
    world.policy.set(8, 5, &[], &[7]);
    world.refresh(5, Audience::Holder(Holder::Role(RoleId(8)))).await;
    assert!(world.engine.receipt(livegrant_actors::Rev(5)).unwrap().accounts.is_empty());
}

#[actix_rt::test]
async fn a_burst_larger_than_every_mailbox_loses_nothing() {
    let world = World::with(|config| {
        config.session_mailbox = 2;
        config.registry_mailbox = 4;
    });
    world.policy.set(7, 0, &[], &[]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    let changes = (1..=200).map(|number| {
        let notice = NoticeView {
            id: number,
            title: "t".into(),
            content: "c".into(),
            category: "system".into(),
            severity: "info".into(),
            ..NoticeView::default()
        };
        world.apply(number, Effect::Notice(notice), Audience::Everyone)
    });
    futures_util::future::join_all(changes).await;
    let mut ids: Vec<i64> = Vec::new();
    for _ in 0..200 {
        ids.push(tab.message().await["data"]["id"].as_i64().unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=200).collect::<Vec<_>>());
}

#[actix_rt::test]
async fn a_system_change_and_a_repush_tell_the_whole_even_if_nothing_changed() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[1]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    world.apply(2, Effect::Refresh { always: true }, Audience::Everyone).await;
    world.apply(3, Effect::Repush(RepushKind::PermissionUpdate), accounts(&[7])).await;
    for _ in 0..2 {
        let data = tab.message().await["data"].take();
        assert_eq!((&data["updateType"], &data["prevRev"]), (&json!("REPLACE"), &json!(null)));
        assert_eq!((&data["permissions"], &data["reason"]), (&json!(["a"]), &json!("saved")));
    }
    world.apply(4, Effect::Repush(RepushKind::RoleChange), accounts(&[7])).await;
    let roles = tab.message().await;
    assert_eq!((&roles["type"], &roles["data"]["updateType"]), (&json!("ROLE_CHANGE"), &json!("REPLACE")));
}

#[actix_rt::test]
async fn a_notice_reaches_every_tab() {
    let world = World::new();
    world.policy.set(7, 1, &[], &[]);
    world.policy.set(8, 1, &[], &[]);
    let mut tabs = [world.open(&world.login(7, "s")).await, world.open(&world.login(8, "s")).await];
    let notice = NoticeView {
        id: 5,
        title: "Maintenance".into(),
        content: "tonight".into(),
        category: "system".into(),
        severity: "warning".into(),
        ..NoticeView::default()
    };
    world.apply(2, Effect::Notice(notice), Audience::Everyone).await;
    for tab in &mut tabs {
        let message = tab.message().await;
        assert_eq!(message["type"], "SYSTEM_NOTICE");
        assert_eq!(
            message["data"],
            json!({"seq": 2, "id": 5, "title": "Maintenance", "content": "tonight", "category": "system", "severity": "warning"})
        );
    }
}

#[actix_rt::test]
async fn a_change_between_two_tabs_is_in_the_second_ones_snapshot() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[]);
    let mut first = world.open(&world.login(7, "s1")).await;
    world.policy.set(7, 2, &["b"], &[]);
    let mut second = world.connect(&world.login(7, "s2")).await;
    assert_eq!(second.message().await["data"]["rev"], 2);
    world.refresh(2, accounts(&[7])).await;
    assert_eq!(first.message().await["data"]["rev"], 2);
    second.hears_nothing().await;
}
