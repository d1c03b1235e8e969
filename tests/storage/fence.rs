//! The race of a revocation against guarded writes (I3): no write that a revoked permission authorised commits after the
//! revocation committed, whatever took the permission away and however the two interleave.
//!
//! Real code paths on real threads: writers change a telephone number through `update_account` (`account:update`), the
//! administrator takes the right to do so through the use cases, the relay follows the log. What takes it, is another in
//! every lane. `commit_order` says which commit came first: a violation is a write of a trial behind that trial's
//! revocation. The negative controls are the same race with the fence off, and on PostgreSQL with a fence that locks and
//! compares in one statement: there the checker must find violations.

use livegrant::access::role_permissions::{self, Mode, Order};
use livegrant::access::{account_roles, model::GrantIn, model::RolePatch, roles};
use livegrant::auth::model::AccountPatch;
use livegrant::auth::{end_sessions, model::SessionFilter, update_account};
use livegrant::core::Core;
use livegrant::db::Fence;
use livegrant::policy::{HolderId, Principal};
use livegrant::refusal::Refusal;
use livegrant_actors::{AccountId, PositionId, SessionId};
use std::collections::HashSet;

use crate::commit_order;
use crate::house::{House, Person, engine, on_threads};
use crate::many_sessions::sign_in_often;
use crate::support::{TestDatabase, both_databases};

const TRIALS_A_LANE: usize = 290;
const TRIALS_OF_THE_CONTROL: usize = 40;
const WRITERS: usize = 2;
/// Writes of one writer in a trial that takes its time: one is always under way when the revocation commits.
const WRITES_AT_MOST: usize = 30;
/// Turns of the scheduler that a revocation waits at most: some milliseconds.
const HEAD_START_MAX: usize = 1 << 14;
const RIGHT: &str = "account:update";

/// What takes the right from the writer of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Revocation {
    RoleLosesPermission,
    AccountLosesRole,
    RoleSwitchedOff,
    PositionLosesPermission,
    AccountDisabled,
    SessionEnded,
    AllSessionsEnded,
    /// More at once than are locked one by one.
    ManySessionsEnded,
}

const REVOCATIONS: [Revocation; 8] = [
    Revocation::RoleLosesPermission,
    Revocation::AccountLosesRole,
    Revocation::RoleSwitchedOff,
    Revocation::PositionLosesPermission,
    Revocation::AccountDisabled,
    Revocation::SessionEnded,
    Revocation::AllSessionsEnded,
    Revocation::ManySessionsEnded,
];

/// One writer's account, what it writes to, and who takes its right away.
#[derive(Clone)]
struct Lane {
    house: House,
    core: Core,
    admin: Person,
    writer: Person,
    position: PositionId,
    targets: Vec<AccountId>,
    revocation: Revocation,
    number: usize,
}

both_databases! {
    async fn no_guarded_write_commits_after_its_revocation(database: TestDatabase) {
        let outcome = race(&database, Fence::On, &REVOCATIONS, TRIALS_A_LANE).await;
        assert!(outcome.written > TRIALS_A_LANE, "writes must be allowed, too: {outcome:?}");
        assert!(outcome.refused > TRIALS_A_LANE, "writes must be refused, too: {outcome:?}");
        assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    }

    async fn nor_when_the_revocation_is_all_that_changes(database: TestDatabase) {
        // Here the revision alone tells most writes that nothing has changed.
        let outcome = race(&database, Fence::On, &REVOCATIONS[..1], 3 * TRIALS_A_LANE).await;
        assert!(outcome.written > TRIALS_A_LANE && outcome.refused > 0, "both must come up: {outcome:?}");
        assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    }

    async fn without_the_fence_the_same_race_is_lost(database: TestDatabase) {
        let outcome = race(&database, Fence::Off, &REVOCATIONS, TRIALS_OF_THE_CONTROL).await;
        assert!(!outcome.violations.is_empty(), "the checker finds nothing: {outcome:?}");
    }
}

/// PostgreSQL: locked and looked at in one statement, what is seen is the snapshot from before the wait. Where the policy
/// had moved on before, the comparison follows in a statement of its own and is right; that leaves fewer violations.
const IN_ONE_STATEMENT: &str = "
CREATE OR REPLACE FUNCTION livegrant_fence(
    lock_keys BIGINT[], lock_exclusive BOOLEAN[], stamp_at BIGINT, stamp_until BIGINT,
    line_at BIGINT, line_actor BIGINT, line_company BIGINT, line TEXT[], stamp_log TEXT
) RETURNS BOOLEAN LANGUAGE plpgsql VOLATILE AS $$
DECLARE present BIGINT;
BEGIN
    IF line_at IS NOT NULL THEN
        INSERT INTO sys_audit_log (at, actor_id, company_id, action, resource, resource_id, permission_code, result,
            ip, request_id)
        VALUES (line_at, line_actor, line_company, line[1], line[2], line[3], line[4], line[5], line[6], line[7]);
    END IF;
    WITH locked AS MATERIALIZED (
        SELECT count(CASE WHEN lock_exclusive[place] THEN pg_advisory_xact_lock(key)::text
                          ELSE pg_advisory_xact_lock_shared(key)::text END) AS locks
          FROM unnest(lock_keys) WITH ORDINALITY AS wanted (key, place))
    SELECT rev INTO present FROM locked, policy_revision WHERE locks > 0 AND id = 1;
    IF present = stamp_at THEN
        RETURN TRUE;
    END IF;
    RETURN NULL;
END $$;";

#[test]
fn locked_and_compared_in_one_statement_the_race_is_lost() {
    crate::support::run_on_postgres(async |database| {
        // One lane: with more of them the policy has nearly always moved on.
        let outcome =
            race_with(&database, Fence::On, &REVOCATIONS[..1], TRIALS_A_LANE, Some(IN_ONE_STATEMENT)).await;
        assert!(!outcome.violations.is_empty(), "the checker finds nothing: {outcome:?}");
    });
}

#[derive(Debug)]
struct Outcome {
    revoked: usize,
    written: usize,
    refused: usize,
    violations: Vec<String>,
}

async fn race(
    database: &TestDatabase,
    fence: Fence,
    revocations: &'static [Revocation],
    trials: usize,
) -> Outcome {
    race_with(database, fence, revocations, trials, None).await
}

/// The same after some statements past the application.
async fn race_with(
    database: &TestDatabase,
    fence: Fence,
    revocations: &'static [Revocation],
    trials: usize,
    sql: Option<&'static str>,
) -> Outcome {
    let (database, engine) = (database.clone(), engine());
    on_threads(async move {
        let mut settings = database.settings();
        settings.database.max_connections = 16;
        // A machine that is busy with something else is not what this is about.
        settings.database.acquire_timeout_seconds = 60;
        let house = House::with(settings, livegrant::clock::Clock::system()).await;
        commit_order::note(&database).await;
        if let Some(sql) = sql {
            commit_order::execute(&database, sql).await;
        }
        let core = house.core(engine, fence).await;
        let admin = house
            .person(
                "admin",
                &[RIGHT, "permission:assign", "role:update", "role:grant", "session:kick", "account:disable"],
            )
            .await;
        // Somebody else administers: the rule about the last administrator is not what this is about.
        house.person("root", &["system:admin"]).await;
        let (mut lanes, mut expected) = (Vec::new(), 0);
        for (number, revocation) in revocations.iter().copied().enumerate() {
            let lane = Lane::make(&house, &core, &admin, revocation, number).await;
            // Hundreds of sessions a trial take their time.
            let trials = if revocation == Revocation::ManySessionsEnded { trials / 16 } else { trials };
            expected += trials;
            lanes.push(tokio::spawn(lane.run(trials)));
        }
        let mut refused = 0;
        for lane in lanes {
            refused += lane.await.unwrap();
        }
        let outcome = judge(&commit_order::read(&house.db).await, refused);
        assert_eq!(outcome.revoked, expected, "every trial must revoke");
        println!(
            "{} {fence:?}: {} revocations, {} writes committed, {} refused, {} violations",
            database.kind,
            outcome.revoked,
            outcome.written,
            outcome.refused,
            outcome.violations.len()
        );
        outcome
    })
    .await
}

/// Finds the writes that follow their trial's revocation. Request ids are `revoke LANE.TRIAL` and `write LANE.TRIAL`.
fn judge(commits: &[String], refused: usize) -> Outcome {
    let mut revoked = HashSet::new();
    let mut outcome = Outcome { revoked: 0, written: 0, refused, violations: Vec::new() };
    for (place, commit) in commits.iter().enumerate() {
        match commit.split_once(' ') {
            Some(("revoke", trial)) => outcome.revoked += usize::from(revoked.insert(trial)),
            Some(("write", trial)) => {
                outcome.written += 1;
                if revoked.contains(trial) {
                    outcome.violations.push(format!("{commit} at place {place}"));
                }
            }
            _ => {}
        }
    }
    outcome
}

impl Lane {
    async fn make(house: &House, core: &Core, admin: &Person, revocation: Revocation, number: usize) -> Self {
        let by_position = revocation == Revocation::PositionLosesPermission;
        let of_role: &[&str] = if by_position { &[] } else { &[RIGHT] };
        let writer = house.person(&format!("writer-{number}"), of_role).await;
        let of_position: &[&str] = if by_position { &[RIGHT] } else { &[] };
        let position = house.position(&format!("desk-{number}"), of_position, writer.account).await;
        let mut targets = Vec::new();
        for target in 0..WRITERS {
            targets.push(house.account(&format!("target-{number}-{target}")).await);
        }
        let (house, core, admin) = (house.clone(), core.clone(), admin.clone());
        let last = livegrant::policy::store::revision(&mut house.read().await).await.unwrap();
        core.settle(livegrant::db::Committed { rev: Some(last) }).await;
        if revocation == Revocation::ManySessionsEnded {
            sign_in_often(&house, writer.account).await;
        }
        Self { house, core, admin, writer, position, targets, revocation, number }
    }

    /// Runs the trials one after the other; answers how many writes were refused.
    async fn run(mut self, trials: usize) -> usize {
        let (mut refused, mut head_start) = (0, 0_usize);
        for trial in 0..trials {
            let name = format!("{}.{trial}", self.number);
            let mut race = Vec::new();
            for target in &self.targets {
                let by = self.writer.calls(&self.core, &format!("write {name}")).await;
                race.push(tokio::spawn(write_until_refused(
                    self.core.clone(),
                    by,
                    *target,
                    name.clone(),
                    self.writes(),
                )));
            }
            let admin = self.admin.calls(&self.core, &format!("revoke {name}")).await;
            let lane = self.clone();
            let revoker = tokio::spawn(async move {
                // Sooner or later, so that every interleaving comes up.
                for _ in 0..head_start + trial % 16 * 4 {
                    tokio::task::yield_now().await;
                }
                lane.revoke(admin).await
            });
            let mut late = 0;
            for writer in race {
                late += usize::from(!writer.await.unwrap());
            }
            revoker.await.unwrap().unwrap();
            refused += late;
            // Whoever always wins on this machine lets the other go first: a race needs both outcomes.
            head_start = match late {
                0 => head_start / 2,
                WRITERS => (head_start * 2 + 1).min(HEAD_START_MAX),
                _ => head_start,
            };
            self.restore().await;
        }
        refused
    }

    fn writes(&self) -> usize {
        if self.revocation == Revocation::ManySessionsEnded { WRITES_AT_MOST } else { 1 }
    }

    async fn revoke(self, admin: Principal) -> Result<(), Refusal> {
        let core = self.core.clone();
        let write = move |core: Core, by: Principal| {
            let lane = self.clone();
            async move {
                let (role, account) = (lane.writer.role, lane.writer.account);
                let filter = SessionFilter::default();
                match lane.revocation {
                    Revocation::RoleLosesPermission => {
                        change(&core, &by, HolderId::Role(role), Mode::Remove).await?;
                    }
                    Revocation::PositionLosesPermission => {
                        change(&core, &by, HolderId::Position(lane.position), Mode::Remove).await?;
                    }
                    Revocation::AccountLosesRole => {
                        account_roles::take(&core, &by, account, role).await?;
                    }
                    Revocation::RoleSwitchedOff => {
                        let patch =
                            RolePatch { name: None, status: Some(0), version: None, ..RolePatch::default() };
                        roles::update(&core, &by, role, &patch).await?;
                    }
                    Revocation::AccountDisabled => {
                        let patch = AccountPatch { status: Some(0), ..AccountPatch::default() };
                        update_account::update(&core, &by, account, &patch).await?;
                    }
                    Revocation::SessionEnded => {
                        let filter = SessionFilter { sid: Some(lane.writer.sid.clone()), ..filter };
                        end_sessions::kick(&core, &by, filter, "").await?;
                    }
                    Revocation::AllSessionsEnded | Revocation::ManySessionsEnded => {
                        let filter = SessionFilter { account: Some(account), ..filter };
                        end_sessions::kick(&core, &by, filter, "").await?;
                    }
                }
                Ok(())
            }
        };
        core.write(admin, write).await
    }

    /// Gives back what the trial took.
    async fn restore(&mut self) {
        let admin = self.admin.calls(&self.core, "restore").await;
        let (core, role, account) = (&self.core, self.writer.role, self.writer.account);
        match self.revocation {
            Revocation::RoleLosesPermission => {
                change(core, &admin, HolderId::Role(role), Mode::Add).await.map(drop)
            }
            Revocation::PositionLosesPermission => {
                change(core, &admin, HolderId::Position(self.position), Mode::Add).await.map(drop)
            }
            Revocation::AccountLosesRole => {
                let grant = GrantIn { role_id: role.0, valid_from: None, valid_to: None };
                account_roles::give(core, &admin, account, &grant).await.map(drop)
            }
            Revocation::RoleSwitchedOff => {
                let patch = RolePatch { name: None, status: Some(1), version: None, ..RolePatch::default() };
                roles::update(core, &admin, role, &patch).await.map(drop)
            }
            Revocation::AccountDisabled => {
                let patch = AccountPatch { status: Some(1), ..AccountPatch::default() };
                update_account::update(core, &admin, account, &patch).await.map(drop)
            }
            Revocation::ManySessionsEnded => {
                sign_in_often(&self.house, account).await;
                Ok(())
            }
            Revocation::SessionEnded | Revocation::AllSessionsEnded => Ok(()),
        }
        .unwrap();
        self.writer.sid = self.new_session().await;
    }

    async fn new_session(&self) -> SessionId {
        match self.revocation {
            Revocation::AccountDisabled
            | Revocation::SessionEnded
            | Revocation::AllSessionsEnded
            | Revocation::ManySessionsEnded => self.house.sign_in(self.writer.account).await,
            _ => self.writer.sid.clone(),
        }
    }
}

async fn change(
    core: &Core,
    by: &Principal,
    holder: HolderId,
    mode: Mode,
) -> Result<Option<livegrant_actors::Rev>, Refusal> {
    let order = Order { mode, codes: vec![RIGHT.to_owned()], confirmed: false, reason: String::new() };
    role_permissions::change(core, by, holder, &order).await
}

/// Writes so many times, or until refused; answers whether all was done.
async fn write_until_refused(
    core: Core,
    by: Principal,
    target: AccountId,
    phone: String,
    writes: usize,
) -> bool {
    for _ in 0..writes {
        if !write(core.clone(), by.clone(), target, phone.clone()).await {
            return false;
        }
    }
    true
}

/// One guarded write; answers whether it was done.
async fn write(core: Core, by: Principal, target: AccountId, phone: String) -> bool {
    let use_case = move |core: Core, by: Principal| {
        let patch = AccountPatch { phone: Some(phone.clone()), ..AccountPatch::default() };
        async move { update_account::update(&core, &by, target, &patch).await }
    };
    match core.write(by, use_case).await {
        Ok(_) => true,
        Err(Refusal::Denied { .. } | Refusal::Unauthenticated { .. }) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn the_checker_tells_before_from_after() {
    let commits = |all: &[&str]| all.iter().map(|what| (*what).to_owned()).collect::<Vec<_>>();
    let right = commits(&["write 0.1", "rev 7", "revoke 0.1", "write 0.2", "restore", "revoke 0.2"]);
    assert!(judge(&right, 0).violations.is_empty());
    let wrong = commits(&["write 0.1", "revoke 0.1", "rev 7", "write 0.1"]);
    assert_eq!(judge(&wrong, 0).violations, ["write 0.1 at place 3"]);
}
