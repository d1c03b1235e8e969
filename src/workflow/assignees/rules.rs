//! What becomes of the people that a node's rules found: the rules about the initiator, about nobody, about who is away
//! and about who approved before. Pure, so that a preview and a run cannot differ (FW28).

use crate::workflow::graph::{WhenInitiator, WhenRepeated, Work};
use livegrant_actors::AccountId;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a node does when it is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// These people are asked, never none, in this order.
    Ask {
        /// Each once.
        people: Vec<Assigned>,
        /// Why these and not those of the rules.
        reason: Option<Reason>,
    },
    /// It decides by itself.
    Decided {
        /// Goes on, or rejects.
        approved: bool,
        /// Why.
        reason: Reason,
    },
}

/// Somebody who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assigned {
    /// Who gets the task.
    pub account: AccountId,
    /// Whom he stands in for (FW25).
    pub instead_of: Option<AccountId>,
    /// He approved before, and that counts here too (FW22): his task is approved as it is made.
    pub earlier: bool,
}

/// Why a node did not ask the people that its rules name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody was found who may decide (FW20).
    NobodyFound,
    /// He approved earlier (FW22).
    ApprovedEarlier,
}

impl Reason {
    /// For the log of the instance.
    pub fn text(self) -> &'static str {
        match self {
            Self::NobodyFound => "auto: nobody found",
            Self::ApprovedEarlier => "auto: approved earlier",
        }
    }
}

/// An approval earlier in the same instance, since it last began anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Who approved; for a stand-in both he and whom he stood in for are told.
    pub account: AccountId,
    /// At the node with people just before this one.
    pub just_before: bool,
}

/// Applies the rule about the initiator (FW21).
pub fn without_initiator(
    rule: WhenInitiator,
    people: &[AccountId],
    initiator: AccountId,
    superior: Option<AccountId>,
) -> Vec<AccountId> {
    let place = |person: &AccountId| match rule {
        WhenInitiator::Allow => Some(*person),
        _ if *person != initiator => Some(*person),
        WhenInitiator::Skip => None,
        WhenInitiator::Head => superior.filter(|head| *head != initiator),
    };
    super::each_once(people.iter().filter_map(place).collect())
}

/// Answers who decides when nobody was found (FW20): the first of these lists with somebody in it who may.
pub fn in_their_place(rule: WhenInitiator, tiers: &[Vec<AccountId>], initiator: AccountId) -> Vec<AccountId> {
    tiers
        .iter()
        .map(|tier| without_initiator(rule, tier, initiator, None))
        .find(|tier| !tier.is_empty())
        .unwrap_or_default()
}

/// Puts stand-ins in their places (FW25) and lets earlier approvals count (FW22). Nobody gets two tasks; nobody stands in
/// where he may not decide himself, because it is his own instance.
pub fn places(
    work: &Work,
    people: &[AccountId],
    stand_ins: &BTreeMap<AccountId, AccountId>,
    initiator: AccountId,
    before: &[Before],
) -> Vec<Assigned> {
    let mut assigned: Vec<Assigned> = Vec::with_capacity(people.len());
    for person in people {
        let stand_in = stand_ins.get(person).copied();
        let stand_in = stand_in.filter(|it| work.when_initiator == WhenInitiator::Allow || *it != initiator);
        let account = stand_in.unwrap_or(*person);
        if assigned.iter().any(|other| other.account == account) {
            continue;
        }
        let counts = before.iter().any(|earlier| {
            earlier.account == account
                && match work.when_repeated {
                    WhenRepeated::Ask => false,
                    WhenRepeated::Consecutive => earlier.just_before,
                    WhenRepeated::Once => true,
                }
        });
        assigned.push(Assigned { account, instead_of: stand_in.map(|_| *person), earlier: counts });
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::assignees::each_once;

    const ANN: AccountId = AccountId(1);
    const BOB: AccountId = AccountId(2);
    const CAT: AccountId = AccountId(3);
    const BOSS: AccountId = AccountId(9);

    fn work(text: &str) -> Work {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_initiator_is_left_out_asked_or_replaced_by_his_head() {
        // FW21
        let cases = [
            (WhenInitiator::Skip, vec![ANN, BOB], None, vec![BOB]),
            (WhenInitiator::Skip, vec![ANN], Some(BOSS), vec![]),
            (WhenInitiator::Allow, vec![ANN, BOB], None, vec![ANN, BOB]),
            (WhenInitiator::Head, vec![BOB, ANN, CAT], Some(BOSS), vec![BOB, BOSS, CAT]),
            (WhenInitiator::Head, vec![ANN, BOSS], Some(BOSS), vec![BOSS]),
            (WhenInitiator::Head, vec![ANN], None, vec![]),
            (WhenInitiator::Head, vec![ANN], Some(ANN), vec![]),
        ];
        for (rule, people, head, expected) in cases {
            assert_eq!(without_initiator(rule, &people, ANN, head), expected, "{rule:?} {people:?}");
        }
    }

    #[test]
    fn where_nobody_was_found_the_first_who_may_decides() {
        // FW20
        let tiers = [vec![], vec![ANN], vec![BOB, ANN], vec![CAT]];
        assert_eq!(in_their_place(WhenInitiator::Skip, &tiers, ANN), [BOB]);
        assert_eq!(in_their_place(WhenInitiator::Allow, &tiers, ANN), [ANN]);
        assert_eq!(in_their_place(WhenInitiator::Skip, &[vec![ANN]], ANN), []);
    }

    #[test]
    fn a_stand_in_takes_the_place_but_never_in_his_own_instance() {
        // FW25
        let plain = work(r#"{ "assignees": [] }"#);
        let shown = |work: &Work, people: &[AccountId], stand_ins: &[(AccountId, AccountId)]| {
            let stand_ins = stand_ins.iter().copied().collect();
            let list = places(work, people, &stand_ins, ANN, &[]);
            list.into_iter().map(|it| (it.account, it.instead_of)).collect::<Vec<_>>()
        };
        assert_eq!(shown(&plain, &[BOB, CAT], &[(BOB, BOSS)]), [(BOSS, Some(BOB)), (CAT, None)]);
        assert_eq!(shown(&plain, &[BOB], &[(BOB, ANN)]), [(BOB, None)]);
        assert_eq!(shown(&plain, &[BOB, CAT], &[(BOB, CAT)]), [(CAT, Some(BOB))]);
        let own = work(r#"{ "assignees": [], "when_initiator": "allow" }"#);
        assert_eq!(shown(&own, &[BOB], &[(BOB, ANN)]), [(ANN, Some(BOB))]);
    }

    #[test]
    fn who_approved_before_is_asked_again_once_or_only_after_a_pause() {
        // FW22
        let before =
            [Before { account: BOB, just_before: true }, Before { account: CAT, just_before: false }];
        for (rule, expected) in [
            ("ask", [false, false, false]),
            ("consecutive", [true, false, false]),
            ("once", [true, true, false]),
        ] {
            let work = work(&format!(r#"{{ "assignees": [], "when_repeated": "{rule}" }}"#));
            let list = places(&work, &[BOB, CAT, BOSS], &BTreeMap::new(), ANN, &before);
            assert_eq!(list.iter().map(|it| it.earlier).collect::<Vec<_>>(), expected, "{rule}");
        }
    }

    #[test]
    fn everybody_is_there_once_in_the_order_of_the_rules() {
        assert_eq!(each_once(vec![CAT, ANN, CAT, BOB, ANN]), [CAT, ANN, BOB]);
    }
}
