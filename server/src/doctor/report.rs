//! What was found: checks in the order in which they were made, one sentence for the whole, in two forms.

use std::{fmt, time::Instant};

use serde::Serialize;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// The cause, a stable name; where `ok`, something to know that does not stand in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What was found, one sentence.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// How long looking took, in milliseconds.
    pub ms: f64,
}

/// All of it. Its `Display` is for people; as JSON it has the form that `doctor()` has in a browser.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Whether every check is.
    pub ok: bool,
    /// Version of this program.
    pub version: &'static str,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// The whole of it in a sentence.
    pub summary: String,
}

/// Collects checks, each timed from the end of the one before.
pub(super) struct Findings {
    checks: Vec<Check>,
    since: Instant,
}

impl Findings {
    pub(super) fn new() -> Self {
        Self { checks: Vec::new(), since: Instant::now() }
    }

    /// This is as it should be.
    pub(super) fn good(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, true, None, message.into(), None);
    }

    /// This works, and somebody should know.
    pub(super) fn note(&mut self, name: &'static str, code: &'static str, message: impl Into<String>, advice: impl Into<String>) {
        self.add(name, true, Some(code), message.into(), Some(advice.into()));
    }

    /// This stands in the way.
    pub(super) fn bad(&mut self, name: &'static str, code: &'static str, message: impl Into<String>, advice: impl Into<String>) {
        self.add(name, false, Some(code), message.into(), Some(advice.into()));
    }

    pub(super) fn diagnosis(self) -> Diagnosis {
        let wrong: Vec<_> = self.checks.iter().filter(|check| !check.ok).collect();
        let summary = match wrong.as_slice() {
            [] => "Nothing stands in the way.".to_owned(),
            [first] => format!("One thing is wrong: {}", first.message),
            [first, rest @ ..] => format!("{} things are wrong; the first: {}", rest.len() + 1, first.message),
        };
        Diagnosis { ok: wrong.is_empty(), version: env!("CARGO_PKG_VERSION"), summary, checks: self.checks }
    }

    fn add(&mut self, name: &'static str, ok: bool, code: Option<&'static str>, message: String, advice: Option<String>) {
        let now = Instant::now();
        let ms = now.duration_since(self.since).as_secs_f64() * 1000.0;
        self.since = now;
        self.checks.push(Check { name, ok, code, message, advice, ms: (ms * 1000.0).round() / 1000.0 });
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        for check in &self.checks {
            let sign = match (check.ok, check.code) {
                (true, None) => '✓',
                (true, Some(_)) => '!',
                (false, _) => '✗',
            };
            writeln!(f, "{sign} {:width$}  {}", check.name.replace('_', " "), check.message)?;
            if let Some(advice) = &check.advice {
                let code = check.code.unwrap_or_default();
                writeln!(f, "  {:width$}  → {advice} [{code}]", "")?;
            }
        }
        write!(f, "\n{}", self.summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_aligned_lines_and_programs_read_the_same_as_json() {
        let mut findings = Findings::new();
        findings.good("port", "It is free.");
        findings.note("open_files", "few_files", "There are few.", "Raise it.");
        findings.bad("udp", "no_such_address", "It is not here.", "Take another.");
        findings.bad("udp", "no_such_address", "Nor is this.", "Take another.");
        let diagnosis = findings.diagnosis();
        let text = diagnosis.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "✓ port        It is free.");
        assert_eq!(lines[1], "! open files  There are few.");
        assert_eq!(lines[2], "              → Raise it. [few_files]");
        assert_eq!(lines[3], "✗ udp         It is not here.");
        assert_eq!(lines[8], "2 things are wrong; the first: It is not here.");
        let json = serde_json::to_value(&diagnosis).expect("as written");
        assert_eq!((json["ok"].as_bool(), json["checks"].as_array().map(Vec::len)), (Some(false), Some(4)));
        assert!(json["checks"][0].get("code").is_none() && json["checks"][2]["code"] == "no_such_address");
    }
}
