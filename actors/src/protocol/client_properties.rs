//! Properties of what a tab may say, over arbitrary text; `actors/fuzz` goes on where this ends.

use proptest::prelude::*;

use super::client::Said;

fn almost_a_message() -> impl Strategy<Value = String> {
    let word = prop_oneof!["ping|ack|snapshot|subscribe", "[a-z]{0,8}", any::<String>()];
    let extra = prop_oneof![
        any::<i64>().prop_map(|number| format!(r#","permissionVersion":{number}"#)),
        any::<f64>().prop_map(|number| format!(r#","permissionVersion":{number}"#)),
        ".{0,20}".prop_map(|text| format!(",{text}")),
        Just(String::new()),
    ];
    (word, extra).prop_map(|(word, extra)| format!(r#"{{"type":"{word}"{extra}}}"#))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// Nothing that a tab says makes parsing panic, and what is understood is one object that names its type.
    #[test]
    fn only_an_object_with_a_type_is_understood(text in prop_oneof![almost_a_message(), any::<String>()]) {
        if Said::parse(&text).is_some() {
            let value: serde_json::Value = serde_json::from_str(&text).expect("it was understood");
            prop_assert!(value["type"].is_string(), "{}", text);
        }
    }
}
