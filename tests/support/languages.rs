//! The languages that operators are written in, a row each. What the suites ask of every language they ask of every row.

use std::fmt;

/// One language.
pub struct Language {
    /// As in `guests/<name>` and in the components' names.
    pub name: &'static str,
    /// The operators that do exactly what the reference's do, under the same names and with the same config.
    pub operators: &'static [&'static str],
    /// Whether the host compiles a component within some hundred milliseconds. Others take seconds, so suites that need them under many digests do without.
    pub compiles_fast: bool,
    /// What `misbehave` is told so that it makes the mistake which the language panics or throws for.
    pub mistake: &'static str,
}

/// What every language has.
const EIGHT: &[&str] = &["identity", "filter-map", "split", "count", "window", "join", "json", "misbehave"];

/// The first is the reference: golden cases and expectations are written for it.
pub const LANGUAGES: [Language; 10] = [
    Language {
        name: "rust",
        operators: &["identity", "filter-map", "split", "count", "window", "session", "join", "route", "json", "misbehave"],
        compiles_fast: true,
        mistake: "panic",
    },
    Language { name: "c", operators: EIGHT, compiles_fast: true, mistake: "panic" },
    Language { name: "cpp", operators: EIGHT, compiles_fast: true, mistake: "panic" },
    Language { name: "go", operators: EIGHT, compiles_fast: false, mistake: "panic" },
    Language { name: "python", operators: EIGHT, compiles_fast: false, mistake: "raise" },
    Language { name: "javascript", operators: EIGHT, compiles_fast: false, mistake: "throw" },
    Language { name: "typescript", operators: EIGHT, compiles_fast: false, mistake: "throw" },
    Language { name: "kotlin", operators: EIGHT, compiles_fast: true, mistake: "throw" },
    Language { name: "java", operators: EIGHT, compiles_fast: true, mistake: "throw" },
    Language { name: "zig", operators: EIGHT, compiles_fast: true, mistake: "panic" },
];

pub fn reference() -> &'static Language {
    &LANGUAGES[0]
}

/// All but the reference that have an operator.
pub fn others_with(operator: &str) -> impl Iterator<Item = &'static Language> {
    LANGUAGES[1..].iter().filter(move |language| language.has(operator))
}

impl Language {
    pub fn has(&self, operator: &str) -> bool {
        self.operators.contains(&operator)
    }

    /// The name of a built component.
    pub fn component(&self, operator: &str) -> String {
        format!("{}-{operator}", self.name)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
