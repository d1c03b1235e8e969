//! A browser's name for people (S3-16): `Chrome 156 on Linux` from a `User-Agent`. For lists only; nothing is decided by
//! it, and anyone can claim to be anything.

/// Longest name kept, in characters.
const NAME_MAX: usize = 60;

/// Names that stand before others in a `User-Agent`: Edge and Opera call themselves Chrome too, Chrome calls itself Safari.
const BROWSERS: [(&str, &str); 7] = [
    ("MicroMessenger/", "WeChat"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];
const SYSTEMS: [(&str, &str); 6] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
];

/// Answers the short name; for programs the first word, cut.
pub fn name(agent: &str) -> String {
    let browser = BROWSERS.iter().find_map(|(mark, name)| {
        let version = agent.split_once(mark)?.1.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(format!("{name} {version}"))
    });
    let system = SYSTEMS.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser,
        (None, _) => agent.split_whitespace().next().unwrap_or_default().chars().take(NAME_MAX).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart_and_programs_keep_their_word() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
        assert_eq!(name(chrome), "Chrome 156 on Linux");
        assert_eq!(name(&format!("{chrome} Edg/156.0.1")), "Edge 156 on Linux");
        let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 Version/26.0 Safari/604.1";
        assert_eq!(name(safari), "Safari 26 on iPhone");
        assert_eq!(name("curl/8.14.1"), "curl/8.14.1");
        assert_eq!(name(""), "");
    }
}
