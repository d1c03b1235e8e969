//! Several requests of one person at once: the rules hold whoever comes first.

use livegrant::workflow::decide::Verdict;
use serde_json::json;

use super::{Office, PATH, consistent, days, decided, of_type, one, sent};
use crate::support::{ok, served};

served! {
    /// FW41: of requests for the same time sent at once, one is taken.
    async fn of_overlapping_requests_one_is_taken(server: TestServer) {
        let office = Office::open(&server).await;
        let requests = (0..8).map(|number| {
            let (ann, last) = (office.ann.clone(), format!("2150-06-0{}", 2 + number % 3));
            async move { ann.post(PATH, sent(days("2150-06-02", &last))).await }
        });
        let answers = futures_util::future::join_all(requests).await;
        let taken = answers.iter().filter(|(status, _)| *status == 201).count();
        let refused = answers.iter().filter(|(_, body)| body["code"] == "leave_overlap").count();
        assert_eq!((taken, refused), (1, 7), "{answers:?}");
        assert_eq!(consistent(&server).await, 1);
    }

    /// FW41: requests for different days sent at once do not take more than is left together.
    async fn together_they_do_not_take_more_than_is_left(server: TestServer) {
        let office = Office::open(&server).await;
        let requests = (1..=8).map(|number| {
            let (ann, day) = (office.ann.clone(), [1, 2, 3, 4, 5, 8, 9, 10][number - 1]);
            let day = format!("2150-06-{day:02}");
            async move { ann.post(PATH, sent(of_type(days(&day, &day), "annual"))).await }
        });
        let answers = futures_util::future::join_all(requests).await;
        let taken = answers.iter().filter(|(status, _)| *status == 201).count();
        let refused = answers.iter().filter(|(_, body)| body["code"] == "leave_balance").count();
        assert_eq!((taken, refused), (5, 3), "{answers:?}");
        consistent(&server).await;
    }

    /// FW42: deciding and taking back at once: one of them happens, and the request says which.
    async fn a_decision_meets_a_withdrawal(server: TestServer) {
        let office = Office::open(&server).await;
        for day in ["2150-06-01", "2150-06-02", "2150-06-03", "2150-06-04"] {
            let leave = ok(office.ann.post(PATH, sent(days(day, day))).await);
            let (path, nothing) = (format!("{}/withdraw", one(&leave)), json!({}));
            let (withdraw, approve) = tokio::join!(
                office.ann.post(&path, nothing),
                decided(&server, &office.head, &leave, Verdict::Approve),
            );
            let now = ok(office.ann.get(&one(&leave)).await);
            let expected = if withdraw.0 == 200 { "withdrawn" } else { "approved" };
            assert_eq!((now["status"].as_str(), approve.is_ok()), (Some(expected), expected == "approved"), "{withdraw:?} {approve:?}");
            assert_ne!(now["status"], json!("running"));
            consistent(&server).await;
        }
    }
}
