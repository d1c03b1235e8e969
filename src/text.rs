//! What the texts that people send may look like: codes, names, free text. One rule each, whatever the area.

use crate::refusal::Refusal;

/// Longest free text, in characters.
const TEXT_MAX: usize = 200;

/// Checks a free text.
pub fn check_text(field: &str, text: &str) -> Result<(), Refusal> {
    if text.chars().count() > TEXT_MAX || text.chars().any(char::is_control) {
        let detail = format!("at most {TEXT_MAX} characters and no control characters");
        return Err(Refusal::invalid(field, "invalid", detail));
    }
    Ok(())
}

/// Checks a code of a role, position or organisation.
pub fn check_code(code: &str) -> Result<(), Refusal> {
    let known = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':');
    if (1..=64).contains(&code.len()) && code.chars().all(known) {
        return Ok(());
    }
    Err(Refusal::invalid("code", "invalid", "1 to 64 letters, digits, `_`, `-`, `.` or `:`"))
}

/// Checks a display name.
pub fn check_name(field: &str, name: &str) -> Result<(), Refusal> {
    if (1..=100).contains(&name.trim().chars().count()) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Refusal::invalid(field, "invalid", "1 to 100 characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_limits() {
        assert!(check_text("reason", "请假申请已审批").is_ok());
        assert!(check_text("reason", &"长".repeat(201)).is_err());
        assert!(check_text("reason", "two\nlines").is_err());
        assert!(check_code("desk-2.a:b").is_ok());
        assert!(check_code("前台").is_err());
        assert!(check_code("").is_err());
        assert!(check_name("name", "前台").is_ok());
        assert!(check_name("name", "   ").is_err());
    }
}
