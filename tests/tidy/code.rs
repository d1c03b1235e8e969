//! Reads Rust only as far as the checks need: code without comments and texts, and the paths that it names.
//!
//! It is no parser: a path that a macro puts together is not seen.

/// Replaces comments, and the insides of texts when `texts` says so, by blanks; lines stay where they are.
pub fn blank(source: &str, texts: Texts) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => block_end(&chars, at),
            '"' => text_end(&chars, at),
            'r' if !follows_a_word(&chars, at) && raw_hashes(&chars, at).is_some() => raw_end(&chars, at),
            '\'' => char_end(&chars, at),
            other => {
                out.push(other);
                at += 1;
                continue;
            }
        };
        let is_text = chars[at] != '/';
        let kept = is_text && texts == Texts::Keep;
        out.extend(chars[at..end].iter().map(|&c| if kept || c == '\n' { c } else { ' ' }));
        at = end;
    }
    out
}

/// Whether texts (`"..."`) are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    Keep,
    Blank,
}

fn line_end(chars: &[char], from: usize) -> usize {
    chars[from..].iter().position(|&c| c == '\n').map_or(chars.len(), |length| from + length)
}

fn block_end(chars: &[char], from: usize) -> usize {
    let close = chars[from + 2..].windows(2).position(|pair| pair == ['*', '/']);
    close.map_or(chars.len(), |length| from + 2 + length + 2)
}

fn text_end(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn follows_a_word(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_')
}

/// The hashes of `r"`, `r#"`, `r##"`.
fn raw_hashes(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from + 1..].iter().take_while(|&&c| c == '#').count();
    (chars.get(from + 1 + hashes) == Some(&'"')).then_some(hashes)
}

fn raw_end(chars: &[char], from: usize) -> usize {
    let hashes = raw_hashes(chars, from).unwrap_or(0);
    let mut close = vec!['"'];
    close.extend(std::iter::repeat_n('#', hashes));
    let start = from + 2 + hashes;
    let length = chars[start..].windows(close.len()).position(|window| window == close);
    length.map_or(chars.len(), |length| start + length + close.len())
}

/// `'a'` and `'\n'` are texts, `'a` is a lifetime.
fn char_end(chars: &[char], from: usize) -> usize {
    match chars.get(from + 1) {
        Some('\\') => {
            let close = chars.iter().skip(from + 3).position(|&c| c == '\'');
            close.map_or(chars.len(), |length| from + 3 + length + 1)
        }
        Some(_) if chars.get(from + 2) == Some(&'\'') => from + 3,
        _ => from + 1,
    }
}

/// Gives the source up to its unit tests.
pub fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]").next().unwrap_or(source)
}

/// The paths that a file names (`crate::auth::store::find`), with their lines; `use` trees are spread out.
pub fn paths(file: &str, source: &str) -> Vec<(usize, String)> {
    let code = blank(source, Texts::Blank);
    let mut found = Vec::new();
    for (start, root) in roots(&code) {
        let line = code[..start].matches('\n').count() + 1;
        let mut spread = Vec::new();
        follow(&code[start..], "", &mut spread);
        for path in spread {
            found.push((line, resolve(file, &path)));
        }
        debug_assert!(code[start..].starts_with(root));
    }
    found
}

/// Where a path begins: one of the words that lead out of a module, not in the middle of a longer path.
fn roots(code: &str) -> Vec<(usize, &'static str)> {
    let mut starts = Vec::new();
    for root in ["crate::", "super::", "livegrant::", "livegrant_actors::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                starts.push((at, root));
            }
        }
    }
    starts.sort_unstable();
    starts
}

/// Spreads `a::{b, c::d}` out into `a::b` and `a::c::d`; gives what follows.
fn follow<'a>(code: &'a str, so_far: &str, found: &mut Vec<String>) -> &'a str {
    let code = code.trim_start();
    let length = code.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*').unwrap_or(code.len());
    let (word, rest) = code.split_at(length);
    let path = if so_far.is_empty() { word.to_owned() } else { format!("{so_far}::{word}") };
    let Some(next) = rest.trim_start().strip_prefix("::") else {
        found.push(path);
        return rest;
    };
    let Some(mut inside) = next.trim_start().strip_prefix('{') else { return follow(next, &path, found) };
    loop {
        inside = follow(inside, &path, found);
        // `as name` and blanks up to the comma or the brace
        let Some(end) = inside.find([',', '}', ';']) else { return "" };
        let more = inside[end..].starts_with(',');
        inside = inside[end + 1..].trim_start();
        if !more {
            return inside;
        }
        if let Some(rest) = inside.strip_prefix('}') {
            return rest;
        }
    }
}

/// Turns `super::` into the module that is meant.
fn resolve(file: &str, path: &str) -> String {
    let mut module: Vec<&str> =
        file.strip_prefix("src/").unwrap_or(file).trim_end_matches(".rs").split('/').collect();
    if module.last() == Some(&"mod") {
        module.pop();
    }
    let mut rest = path;
    while let Some(after) = rest.strip_prefix("super::") {
        module.pop();
        rest = after;
    }
    if rest.len() == path.len() {
        return path.to_owned();
    }
    let mut words = vec!["crate"];
    words.extend(module);
    words.push(rest);
    words.join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_texts_become_blanks_and_lines_stay() {
        let source = "a // b\n/* c\nd */ e \"f\\\"g\" r#\"h\"# 'i' '\\n' &'j k";
        let code = blank(source, Texts::Blank);
        assert_eq!(code.matches('\n').count(), 2);
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "e", "&", "j", "k"]);
        assert!(blank(source, Texts::Keep).contains("\"f\\\"g\""));
    }

    #[test]
    fn use_trees_are_spread_out() {
        let source =
            "use crate::{auth::{model::A, store as s,}, db::Db,};\nfn f() { super::store::get::<A>() }\n";
        let found = paths("src/access/http.rs", source);
        let expected = [
            (1, "crate::auth::model::A"),
            (1, "crate::auth::store"),
            (1, "crate::db::Db"),
            (2, "crate::access::store::get"),
        ];
        let found: Vec<_> = found.iter().map(|(line, path)| (*line, path.as_str())).collect();
        assert_eq!(found[..3], expected[..3]);
        assert!(found[3].1.starts_with(expected[3].1), "{found:?}");
    }
}
