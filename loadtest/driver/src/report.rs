//! Numbers for people and for machines: a markdown table and a JSON file with everything that a reader needs to judge
//! them: machine, load before the run, commit, settings.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::machine;

/// One table of a run.
#[derive(Clone, Debug)]
pub struct Table {
    /// What it shows, in one sentence.
    pub title: String,
    /// Column heads.
    pub columns: Vec<&'static str>,
    /// Cells, row by row.
    pub rows: Vec<Vec<String>>,
    /// The same and more, for machines.
    pub data: Value,
}

impl Table {
    /// An empty table.
    pub fn new(title: impl Into<String>, columns: &[&'static str]) -> Self {
        Self { title: title.into(), columns: columns.to_vec(), rows: Vec::new(), data: json!([]) }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>, data: Value) {
        self.rows.push(cells);
        if let Some(list) = self.data.as_array_mut() {
            list.push(data);
        }
    }

    fn markdown(&self) -> String {
        let mut text = format!("\n{}\n\n| {} |\n", self.title, self.columns.join(" | "));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "|{}", "---|".repeat(self.columns.len()));
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }
}

/// Everything about a run besides its numbers.
pub fn circumstances(settings: &Value) -> Value {
    json!({
        "machine": machine::described(),
        "load_average_before": machine::load_average(),
        "commit": commit(),
        "settings": settings,
    })
}

/// Prints the tables, and writes them with the circumstances to a folder, if one is named.
pub fn publish(
    name: &str,
    circumstances: &Value,
    tables: &[Table],
    folder: Option<&Path>,
) -> anyhow::Result<()> {
    let machine = &circumstances["machine"];
    let mut text = format!(
        "# {name}\n\n{} cores ({}), {:.0} GiB, Linux {}, load average before {}, commit {}\n",
        machine["cores"],
        machine["processor"].as_str().unwrap_or_default(),
        machine["memory_gib"].as_f64().unwrap_or_default(),
        machine["kernel"].as_str().unwrap_or_default(),
        circumstances["load_average_before"].as_str().unwrap_or_default(),
        circumstances["commit"].as_str().unwrap_or_default(),
    );
    for table in tables {
        text.push_str(&table.markdown());
    }
    println!("{text}");
    let Some(folder) = folder else { return Ok(()) };
    fs::create_dir_all(folder)?;
    let named = folder.join(format!("{}-{name}", now()));
    let tables: Vec<Value> =
        tables.iter().map(|table| json!({ "title": table.title, "rows": table.data })).collect();
    let data = json!({ "scenario": name, "circumstances": circumstances, "tables": tables });
    let (json, markdown) = (named.with_extension("json"), named.with_extension("md"));
    fs::write(&json, serde_json::to_string_pretty(&data)? + "\n").context("the results cannot be written")?;
    fs::write(&markdown, text)?;
    eprintln!("written to {} and {}", json.display(), markdown.display());
    Ok(())
}

fn now() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "a load generator has no injected clock; this names its files"
    )]
    let now = OffsetDateTime::now_utc();
    now.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap_or_default()
}

fn commit() -> String {
    let git = |words: &[&str]| {
        let output =
            Command::new("git").args(words).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| !text.is_empty());
    if changed { format!("{commit} with changes") } else { commit }
}

/// The value below which this part of the sorted values lies; 0 for none.
pub fn quantile(sorted: &[u64], part: f64) -> u64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0 };
    sorted[(last as f64 * part).round() as usize]
}

/// The middle of some values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

/// Microseconds as milliseconds.
pub fn millis(micros: u64) -> String {
    format!("{:.1} ms", micros as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_medians() {
        let sorted: Vec<u64> = (0..=100).collect();
        assert_eq!((quantile(&sorted, 0.5), quantile(&sorted, 0.99), quantile(&sorted, 1.0)), (50, 99, 100));
        assert_eq!(quantile(&[], 0.5), 0);
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0]) - 2.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new("Numbers.", &["a", "b"]);
        table.row(vec!["1".to_owned(), "2".to_owned()], json!({ "a": 1 }));
        assert_eq!(table.markdown(), "\nNumbers.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n");
    }
}
