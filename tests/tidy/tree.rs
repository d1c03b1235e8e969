//! The files of the project, as git knows them, and what a check says about one.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// A broken rule at one place.
#[derive(Debug, PartialEq, Eq)]
pub struct Offence {
    pub path: String,
    /// From 1; 0 when the whole file is meant.
    pub line: usize,
    pub problem: String,
}

impl Offence {
    pub fn new(path: &str, line: usize, problem: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, problem: problem.into() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line.max(1), self.problem)
    }
}

/// One text file.
#[derive(Debug, Clone)]
pub struct File {
    /// From the project's root, with `/`.
    pub path: String,
    pub text: String,
}

impl File {
    pub fn has_extension(&self, extensions: &[&str]) -> bool {
        let extension = Path::new(&self.path).extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    }
}

/// All text files.
#[derive(Debug)]
pub struct Tree {
    pub files: Vec<File>,
}

impl Tree {
    /// The project: tracked files and new ones that git would take, without binary ones.
    pub fn of_project() -> &'static Self {
        static TREE: OnceLock<Tree> = OnceLock::new();
        TREE.get_or_init(|| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let list = Command::new("git")
                .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
                .current_dir(root)
                .output()
                .expect("git must be there to list the files");
            assert!(list.status.success(), "{}", String::from_utf8_lossy(&list.stderr));
            let paths = String::from_utf8(list.stdout).expect("paths are UTF-8");
            let files: Vec<_> = paths
                .split_terminator('\0')
                .filter_map(|path| {
                    // A file that was removed but is still tracked, or that is no text, has no rules.
                    let text = std::fs::read_to_string(root.join(path)).ok()?;
                    Some(File { path: path.to_owned(), text })
                })
                .collect();
            assert!(
                files.iter().any(|file| file.path == "Cargo.toml"),
                "the list of files must be the project's"
            );
            Tree { files }
        })
    }

    /// A made-up project, for the tests of the checks.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let files =
            files.iter().map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() });
        Self { files: files.collect() }
    }

    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    pub fn under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| file.path.starts_with(folder))
    }

    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.has_extension(&["rs"]))
    }
}
