//! Arbitrary text as a tab's message: parsing never panics, and what is understood is an object with a type.
#![no_main]

use libfuzzer_sys::fuzz_target;
use livegrant_actors::Said;

fuzz_target!(|text: &str| {
    if Said::parse(text).is_some() {
        let text = text.trim();
        assert!(text.starts_with('{') && text.ends_with('}') && text.contains("\"type\""), "{text}");
    }
});
