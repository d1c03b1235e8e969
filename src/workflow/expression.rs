//! Expressions in definitions: the Common Expression Language (CEL), without loops.
//!
//! A definition is written by an administrator and evaluated on every node, so an expression must not be able to hang or
//! fell one. CEL has no statements, no side effects and no recursion; what is left is bounded here: the text, its nesting,
//! the number of its parts, and no macro that loops (`all`, `exists`, `exists_one`, `map`, `filter`), so that the work is
//! the number of parts times the size of the data. Regular expressions and times are not compiled in.
//! What cannot be evaluated (a field that is missing, a text compared with a number) does not hold; it is no error.
//! The choice of library is `docs/adr/0015-expressions.md`.

use super::variables::{Initiator, Variables};
use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::parser::PrattParser;
use cel::{Context, Env};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

/// Longest expression, in bytes. A condition that people can still read is far shorter.
pub const TEXT_MAX: usize = 1_000;
/// Deepest nesting. An evaluation goes down as many calls, and in an unoptimised build 28 of them took more than 1 MiB of
/// stack: 18 leave a worker, which has 2 MiB, more than the half.
const DEPTH_MAX: usize = 18;
/// Most parts (operators, names, literals). 200 parts can join 100 texts, each of which is copied once a level: at the
/// longest text of a form, 5,000 characters or 20 kB, that is 36 MB at most.
const PARTS_MAX: usize = 200;

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Too long, too deep or too many parts.
    #[error(
        "the expression is too large: at most {TEXT_MAX} bytes, {DEPTH_MAX} levels and {PARTS_MAX} parts"
    )]
    TooLarge,
    /// Not of the language.
    #[error("not an expression: {0}")]
    Syntax(String),
    /// Something of the language that is not allowed here.
    #[error("{0} is not allowed in an expression")]
    NotAllowed(&'static str),
}

/// An expression that was read and found small enough.
#[derive(Debug)]
pub struct Expression {
    root: IdedExpr,
}

/// Answers whether an expression is true; what cannot be evaluated is not.
///
/// # Errors
/// The text is no expression.
pub fn holds(text: &str, variables: &Variables) -> Result<bool, ExpressionError> {
    Ok(Expression::read(text)?.evaluate(variables) == Some(Value::Bool(true)))
}

impl Expression {
    /// Reads a text.
    ///
    /// # Errors
    /// The text is no expression.
    pub fn read(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > TEXT_MAX {
            return Err(ExpressionError::TooLarge);
        }
        let parser = PrattParser::new().max_recursion_depth(DEPTH_MAX as u16).error_reporting_limit(1);
        let root =
            parser.parse(text).map_err(|errors| ExpressionError::Syntax(first_line(&errors.to_string())))?;
        let mut size = Size::default();
        size.add(&root, 1)?;
        Ok(Self { root })
    }

    /// Evaluates it; `None`: it cannot be, or gives something that JSON does not have.
    pub fn evaluate(&self, variables: &Variables) -> Option<Value> {
        let mut context = Context::with_env(environment());
        let form: HashMap<String, cel::Value> =
            variables.form.iter().map(|(name, value)| (name.clone(), to_cel(value))).collect();
        for (name, value) in &form {
            context.add_variable_from_value(name.as_str(), value.clone());
        }
        context.add_variable_from_value("form", form);
        context.add_variable_from_value("initiator", of_initiator(&variables.initiator));
        from_cel(&cel::Value::resolve(&self.root, &context).ok()?)
    }

    /// Lists the names that it looks at: `days`, `form.days`, `initiator.roles`.
    pub fn names(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![&self.root];
        while let Some(part) = open.pop() {
            match &part.expr {
                Expr::Ident(name) => {
                    found.insert(name.clone());
                }
                Expr::Select(select) => {
                    if let Expr::Ident(root) = &select.operand.expr {
                        found.insert(format!("{root}.{}", select.field));
                        continue;
                    }
                }
                _ => {}
            }
            open.extend(children(part));
        }
        found
    }

    /// Lists the functions that it calls, operators left out.
    pub fn functions(&self) -> BTreeSet<String> {
        let called = self.root.references();
        let named = |name: &&str| name.starts_with(|first: char| first.is_ascii_alphabetic());
        called.functions().into_iter().filter(named).map(str::to_owned).collect()
    }
}

/// The functions that there are, besides operators and `has`.
pub const FUNCTIONS: [&str; 10] =
    ["contains", "double", "dyn", "endsWith", "int", "size", "startsWith", "string", "type", "uint"];

#[derive(Default)]
struct Size {
    parts: usize,
}

impl Size {
    fn add(&mut self, part: &IdedExpr, depth: usize) -> Result<(), ExpressionError> {
        self.parts += 1;
        if depth > DEPTH_MAX || self.parts > PARTS_MAX {
            return Err(ExpressionError::TooLarge);
        }
        match part.expr {
            Expr::Comprehension(_) => {
                return Err(ExpressionError::NotAllowed("a loop (all, exists, map, filter)"));
            }
            Expr::Struct(_) => return Err(ExpressionError::NotAllowed("a message")),
            _ => {}
        }
        children(part).into_iter().try_for_each(|child| self.add(child, depth + 1))
    }
}

fn children(part: &IdedExpr) -> Vec<&IdedExpr> {
    match &part.expr {
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).collect(),
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(pair) => vec![&pair.key, &pair.value],
                EntryExpr::StructField(field) => vec![&field.value],
            })
            .collect(),
        Expr::Comprehension(_) | Expr::Struct(_) | Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {
            Vec::new()
        }
    }
}

/// The operators and functions: made once, it does not change.
fn environment() -> Arc<Env> {
    static STANDARD: OnceLock<Arc<Env>> = OnceLock::new();
    Arc::clone(STANDARD.get_or_init(|| Arc::new(Env::default().with_optional_support(false).with_stdlib())))
}

fn of_initiator(initiator: &Initiator) -> HashMap<String, cel::Value> {
    let text = |text: &str| cel::Value::from(text);
    let list = |texts: &[String]| cel::Value::from(texts.iter().map(|one| text(one)).collect::<Vec<_>>());
    HashMap::from([
        ("guid".to_owned(), text(&initiator.guid)),
        ("name".to_owned(), text(&initiator.name)),
        ("department".to_owned(), text(&initiator.department)),
        ("departments".to_owned(), list(&initiator.departments)),
        ("organizations".to_owned(), list(&initiator.organizations)),
        ("roles".to_owned(), list(&initiator.roles)),
        ("positions".to_owned(), list(&initiator.positions)),
    ])
}

/// Whole numbers become integers, so that they can be counted with the literals of an expression.
fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(truth) => cel::Value::Bool(*truth),
        Value::Number(number) => number
            .as_i64()
            .map_or_else(|| cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)), cel::Value::Int),
        Value::String(text) => cel::Value::from(text.as_str()),
        Value::Array(list) => cel::Value::from(list.iter().map(to_cel).collect::<Vec<_>>()),
        Value::Object(map) => cel::Value::from(
            map.iter().map(|(key, value)| (key.clone(), to_cel(value))).collect::<HashMap<_, _>>(),
        ),
    }
}

fn from_cel(value: &cel::Value) -> Option<Value> {
    Some(match value {
        cel::Value::Null => Value::Null,
        cel::Value::Bool(truth) => Value::Bool(*truth),
        cel::Value::Int(number) => Value::from(*number),
        cel::Value::UInt(number) => Value::from(*number),
        cel::Value::Float(number) => Value::from(*number),
        cel::Value::String(text) => Value::from(text.as_str()),
        cel::Value::List(list) => Value::Array(list.iter().map(from_cel).collect::<Option<_>>()?),
        _ => return None,
    })
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn variables() -> Variables {
        let form = json!({
            "days": 5, "half": 2.5, "kind": "年假", "who": ["a", "b"], "none": null, "long": "长".repeat(5_000),
        });
        let initiator = Initiator {
            guid: "g".to_owned(),
            roles: vec!["desk".to_owned()],
            department: "front".to_owned(),
            ..Initiator::default()
        };
        Variables { form: form.as_object().cloned().unwrap(), initiator }
    }

    #[test]
    fn an_expression_is_evaluated_and_what_cannot_be_is_nothing() {
        let cases = [
            ("days > 3", json!(true)),
            ("form.days > 3 && half < 3.0", json!(true)),
            ("days - 1 == 4", json!(true)),
            ("days > half", json!(true)),
            ("'a' in who", json!(true)),
            ("size(who) == 2", json!(true)),
            ("kind == '年假' ? who : [initiator.guid]", json!(["a", "b"])),
            ("'desk' in initiator.roles && initiator.department.startsWith('fr')", json!(true)),
            ("has(form.days) && !has(form.gone)", json!(true)),
            ("none == null", json!(true)),
            ("string(days) + '天'", json!("5天")),
            ("who[0]", json!("a")),
            ("double(days) + 0.5", json!(5.5)),
            ("gone > 1", Value::Null),
            ("form.gone > 1", Value::Null),
            ("days > 'x'", Value::Null),
            ("days / 0", Value::Null),
            ("9223372036854775807 + days", Value::Null),
            ("who[9]", Value::Null),
            ("matches(kind, '.*')", Value::Null),
            ("timestamp('2025-01-01T00:00:00Z')", Value::Null),
            ("b'abc'", Value::Null),
        ];
        for (text, expected) in cases {
            let value = Expression::read(text).unwrap().evaluate(&variables()).unwrap_or_default();
            assert_eq!(value, expected, "{text}");
        }
        assert_eq!(holds("days > 3", &variables()), Ok(true));
        assert_eq!(holds("days", &variables()), Ok(false), "a number is not true");
        assert_eq!(holds("gone", &variables()), Ok(false));
        assert!(holds("days >", &variables()).is_err());
    }

    #[test]
    fn what_could_hang_or_fell_a_node_is_refused() {
        let motif = "!!(!!!!!!(!!!!(((((!!(!!(!!!!((";
        let large = [
            format!("{}1{}", "[".repeat(100), "]".repeat(100)),
            format!("1{}", "+days".repeat(190)),
            format!("{}1", "true?1:".repeat(140)),
            format!("form{}", ".a".repeat(450)),
            format!("{}1{}", "size(".repeat(60), ")".repeat(60)),
            format!("{}days", motif.repeat(30)),
            format!(">{}?[{}{}l\0?(-", "{".repeat(63), "(".repeat(11), "{".repeat(26)),
            " ".repeat(TEXT_MAX + 1),
        ];
        for text in &large {
            assert!(Expression::read(text).is_err(), "{text}");
        }
        for text in [
            "who.exists(w, w == 'a')",
            "who.all(w, who.all(v, v == w))",
            "who.map(w, w + w)",
            "who.filter(w, true).size() > 0",
            "Message{field: 1}",
            "form.?days",
            "",
        ] {
            assert!(Expression::read(text).is_err(), "{text}");
        }
        // The largest that is let through: joins of the longest texts, evaluated on a small stack.
        let joined = format!("size({}) > 0", ["long"; 16].join("+"));
        let evaluate = move || holds(&joined, &variables());
        let small = std::thread::Builder::new().stack_size(1 << 20).spawn(evaluate).unwrap();
        assert_eq!(small.join().unwrap(), Ok(true));
    }

    #[test]
    fn it_says_what_it_looks_at() {
        let read =
            Expression::read("form.days > 3 && size(initiator.roles) > days && who[0].startsWith('a')")
                .unwrap();
        let names: Vec<String> = read.names().into_iter().collect();
        assert_eq!(names, ["days", "form.days", "initiator.roles", "who"]);
        let functions: Vec<String> = read.functions().into_iter().collect();
        assert_eq!(functions, ["size", "startsWith"]);
        for known in FUNCTIONS {
            let call = match known {
                "contains" | "endsWith" | "startsWith" => format!("'ab'.{known}('b') || true"),
                "size" => "size('ab') == 2".to_owned(),
                _ => format!("{known}('1') != ''  || {known}(1) == {known}(1) || true"),
            };
            assert_eq!(holds(&call, &Variables::default()), Ok(true), "{call}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_text_panics(text in "[-a-d0-9 ().,+*/%!=<>&|?:'\\[\\]{}]{0,60}") {
            if let Ok(read) = Expression::read(&text) {
                read.evaluate(&variables());
            }
        }
    }
}
