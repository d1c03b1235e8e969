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
/// Deepest nesting. An evaluation goes down as many calls: 32 take 512 KiB of stack in an unoptimised build, a quarter
/// of what a worker has.
const DEPTH_MAX: usize = 32;
/// Most parts (operators, names, literals). 200 parts can join 100 texts: at the longest text of a form, 40 kB, that
/// copies 200 MB in all, some 50 ms.
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
