//! `docs/mcp.md` lists every tool that there is, and none that there is not.

use std::collections::BTreeSet;

use livegrant::mcp::scope::Scope;
use livegrant::mcp::tools::TOOLS;

#[test]
fn the_page_lists_every_tool_with_its_scope_and_what_it_needs() {
    let page = include_str!("../../../docs/mcp.md");
    let listed: BTreeSet<String> =
        page.lines().filter(|line| line.starts_with("| `")).map(|line| line.trim().to_owned()).collect();
    let mut expected = BTreeSet::new();
    for tool in TOOLS.iter() {
        let kind = if tool.kind.reads() { "reads" } else { "writes" };
        let tried = if tool.rehearses { ", `dryRun`" } else { "" };
        let needs: Vec<String> = tool.needs.iter().map(|code| format!("`{code}`")).collect();
        let needs = if needs.is_empty() { "–".to_owned() } else { needs.join(", ") };
        expected.insert(format!("| `{}` | `{}` | {kind}{tried} | {needs} |", tool.name(), tool.scope));
    }
    let missing: Vec<_> = expected.difference(&listed).collect();
    let strange: Vec<_> = listed.difference(&expected).collect();
    assert!(missing.is_empty() && strange.is_empty(), "missing:\n{missing:#?}\nstrange:\n{strange:#?}");
    for scope in Scope::ALL {
        assert!(page.contains(scope.name()), "{scope}");
    }
}
