use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::failure::Failure;

/// Asks on the terminal; without one, `--yes` is needed.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !has_terminal() {
        return Err(Failure::usage("this needs a confirmation, and there is no terminal to ask on", "add `--yes`"));
    }
    ask(question)
}

/// Asks on the terminal, where there is one: nobody must be kept from revoking in a hurry or in a script.
pub(crate) fn confirm_where_possible(question: &str, yes: bool) -> Result<(), Failure> {
    if yes || !has_terminal() { Ok(()) } else { ask(question) }
}

/// Whether there is somebody to ask.
pub(crate) fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on the terminal.
pub(crate) fn ask(question: &str) -> Result<(), Failure> {
    let mut prompt = io::stderr().lock();
    let asked = write!(prompt, "{question} [y/N] ").and_then(|()| prompt.flush());
    asked.map_err(|cause| Failure::Write { name: "terminal".to_owned(), cause })?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|cause| Failure::Read { name: "terminal".to_owned(), cause })?;
    if is_yes(&answer) { Ok(()) } else { Err(Failure::Declined) }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        assert!(is_yes("y\n") && is_yes("YES"));
        assert!(!is_yes("") && !is_yes("n") && !is_yes("yesterday"));
    }

    #[test]
    fn yes_needs_no_terminal() {
        assert!(confirm("?", true).is_ok());
    }
}
