//! Telling the story: each step is numbered, its commands are shown, its promise is checked.

use crate::error::Error;
use crate::tool::{Outcome, Tool};

/// Lines of a command's output that are shown.
const LINES_SHOWN: usize = 12;

/// The teller; it counts the steps.
#[derive(Debug, Default)]
pub(super) struct Story {
    steps: u32,
    title: String,
}

/// What a command must do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promise {
    code: i32,
    says: &'static [&'static str],
}

impl Promise {
    /// Exit code 0.
    pub(super) const DONE: Self = Self { code: 0, says: &[] };

    /// The command line's code for "refused by policy or state".
    pub(super) const REFUSED: Self = Self { code: 3, says: &[] };

    /// The command line's code for "there is no such thing".
    pub(super) const NOT_FOUND: Self = Self { code: 4, says: &[] };

    /// The command line's code for "there is nobody, or nothing works yet".
    pub(super) const UNREACHABLE: Self = Self { code: 5, says: &[] };

    /// The command line's code for input that is not what it should be.
    pub(super) const MALFORMED: Self = Self { code: 2, says: &[] };

    /// OpenSSL's code for a signature that does not verify.
    pub(super) const NOT_VERIFIED: Self = Self { code: 1, says: &[] };

    /// The output holds each of these, whatever their case.
    pub(super) const fn saying(self, says: &'static [&'static str]) -> Self {
        Self { says, ..self }
    }

    fn held(self, outcome: &Outcome) -> bool {
        let text = outcome.text.to_lowercase();
        outcome.code == Some(self.code) && self.says.iter().all(|word| text.contains(&word.to_lowercase()))
    }

    fn words(self) -> String {
        let mut words = format!("exit code {}", self.code);
        for says in self.says {
            words.push_str(&format!(", output with `{says}`"));
        }
        words
    }
}

impl Story {
    /// A heading above the steps that follow.
    pub(super) fn chapter(&self, title: &str) {
        println!("\n== {title}");
    }

    /// Begins the next step.
    pub(super) fn step(&mut self, title: impl Into<String>) {
        self.steps += 1;
        self.title = title.into();
        println!("\n{:>2}. {}", self.steps, self.title);
    }

    /// Runs a command of the current step and checks its promise.
    pub(super) fn act(&self, tool: Tool, promise: Promise) -> Result<(), Error> {
        println!("    $ {}", tool.shown());
        let outcome = tool.capture()?;
        if !promise.held(&outcome) {
            return Err(self.broken(promise, &outcome));
        }
        show(&outcome.text);
        if promise.code != 0 {
            println!("      (exit code {}, as it must be)", promise.code);
        }
        Ok(())
    }

    /// A remark about the current step.
    pub(super) fn remark(&self, text: &str) {
        println!("      {text}");
    }

    fn broken(&self, promise: Promise, outcome: &Outcome) -> Error {
        let code = outcome.code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
        Error::Unexpected {
            step: self.title.clone(),
            expected: format!("{}, got {code}", promise.words()),
            output: outcome.text.clone(),
        }
    }
}

fn show(text: &str) {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    // A line about one more line would take its place.
    let shown = if lines.len() == LINES_SHOWN + 1 { lines.len() } else { LINES_SHOWN };
    for line in lines.iter().take(shown) {
        println!("      {line}");
    }
    let more = lines.len().saturating_sub(shown);
    if more > 0 {
        println!("      … {more} more lines");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Tool {
        Tool::new("sh").args(["-c", script])
    }

    #[test]
    fn kept_promise_passes() {
        let story = Story::default();
        let refused = Promise::REFUSED.saying(&["SM2"]);
        assert!(story.act(shell("true"), Promise::DONE).is_ok());
        assert!(story.act(shell("echo no sm2 here; exit 3"), refused).is_ok());
    }

    #[test]
    fn wrong_code_and_missing_word_are_broken_promises() {
        let mut story = Story::default();
        story.step("revoke");
        let error = story.act(shell("echo why; exit 1"), Promise::REFUSED).unwrap_err();
        assert_eq!(error.to_string(), "step `revoke`: expected exit code 3, got exit code 1\nwhy\n");
        let silent = story.act(shell("true"), Promise::DONE.saying(&["revoked"]));
        assert!(silent.is_err());
    }
}
