//! Lines of comma-separated values (RFC 4180) that a spreadsheet shows and never runs. Pure.

/// Marks the text as UTF-8 for spreadsheets that would guess otherwise.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Makes one line: every field quoted, and none of them a formula.
pub fn line<T: AsRef<str>>(fields: &[T]) -> String {
    let quoted: Vec<String> = fields.iter().map(|field| quoted(field.as_ref())).collect();
    quoted.join(",") + "\r\n"
}

fn quoted(field: &str) -> String {
    // What starts like a formula is run by spreadsheets, quoted or not; an apostrophe before it makes it a text.
    let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_commas_and_line_ends_stay_inside_their_field() {
        assert_eq!(
            line(&["a", "b,c", "say \"hi\"", "two\r\nlines", ""]),
            "\"a\",\"b,c\",\"say \"\"hi\"\"\",\"two\r\nlines\",\"\"\r\n"
        );
    }

    #[test]
    fn a_formula_becomes_a_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(line(&[formula]), format!("\"'{formula}\"\r\n"));
        }
        assert_eq!(line(&["a=b", "2026-11-21"]), "\"a=b\",\"2026-11-21\"\r\n");
    }
}
