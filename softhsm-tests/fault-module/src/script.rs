//! The script: what shall go wrong, and when. Pure.

use std::fmt;
use std::time::Duration;

use cryptoki_sys::{CK_RV, CK_SLOT_ID};

use crate::codes;

/// A script that was read.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    pub(crate) rules: Vec<Rule>,
}

/// One line.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Rule {
    /// Names of functions; none means all.
    pub(crate) functions: Vec<String>,
    /// Fitting calls that are let through first.
    pub(crate) after: u64,
    /// How often it acts at most.
    pub(crate) count: u64,
    /// At which share of the fitting calls it acts, from 0 to 1.
    pub(crate) probability: f64,
    /// From when on, since the script was written.
    pub(crate) from: Duration,
    /// Until when, since the script was written.
    pub(crate) until: Duration,
    pub(crate) actions: Vec<Action>,
}

/// What happens to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Return(CK_RV),
    Late(CK_RV),
    Pause(Duration),
    HangForever,
    Crash,
    CloseSessions,
    Gone,
    Renumber,
    Swap,
    Flip,
    Slots(Option<CK_SLOT_ID>),
}

/// A line that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line} of the script: `{word}` is not understood")]
pub(crate) struct ScriptError {
    pub(crate) line: usize,
    pub(crate) word: String,
}

impl Script {
    pub(crate) fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let wrong = |word: &str| ScriptError { line: number, word: word.to_owned() };
            match words.next() {
                None => {}
                Some("seed") => {
                    let word = words.next().unwrap_or_default();
                    script.seed = word.parse().map_err(|_| wrong(word))?;
                }
                Some(functions) => script.rules.push(rule(functions, words).map_err(wrong)?),
            }
        }
        Ok(script)
    }
}

/// A rule; the word at fault when there is none.
fn rule<'a>(functions: &'a str, words: impl Iterator<Item = &'a str>) -> Result<Rule, &'a str> {
    let mut rule = Rule {
        functions: Vec::new(),
        after: 0,
        count: u64::MAX,
        probability: 1.0,
        from: Duration::ZERO,
        until: Duration::MAX,
        actions: Vec::new(),
    };
    if functions != "*" {
        rule.functions = functions.split(',').map(str::to_owned).collect();
        if !rule.functions.iter().all(|name| name.starts_with("C_")) {
            return Err(functions);
        }
    }
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        condition(&mut rule, name, value)
            .or_else(|| action(name, value).map(|action| rule.actions.push(action)))
            .ok_or(word)?;
    }
    if rule.actions.is_empty() { Err(functions) } else { Ok(rule) }
}

fn condition(rule: &mut Rule, name: &str, value: &str) -> Option<()> {
    match name {
        "after" => rule.after = value.parse().ok()?,
        "count" => rule.count = value.parse().ok()?,
        "probability" => rule.probability = value.parse().ok().filter(|share| (0.0..=1.0).contains(share))?,
        "from" => rule.from = time(value)?,
        "until" => rule.until = time(value)?,
        _ => return None,
    }
    Some(())
}

fn action(name: &str, value: &str) -> Option<Action> {
    Some(match (name, value) {
        ("return", code) => Action::Return(codes::parse(code)?),
        ("late", code) => Action::Late(codes::parse(code)?),
        ("hang", "forever") => Action::HangForever,
        ("hang" | "delay", value) => Action::Pause(time(value)?),
        ("slots", "random") => Action::Slots(None),
        ("slots", value) => Action::Slots(Some(value.parse().ok()?)),
        ("crash", "") => Action::Crash,
        ("close-sessions", "") => Action::CloseSessions,
        ("gone", "") => Action::Gone,
        ("renumber", "") => Action::Renumber,
        ("swap", "") => Action::Swap,
        ("flip", "") => Action::Flip,
        _ => return None,
    })
}

fn time(text: &str) -> Option<Duration> {
    if let Some(number) = text.strip_suffix("ms") {
        return number.parse().ok().map(Duration::from_millis);
    }
    text.strip_suffix('s')?.parse().ok().map(Duration::from_secs)
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Return(_) => write!(f, "return"),
            Self::Late(_) => write!(f, "late"),
            Self::Pause(time) => write!(f, "hang={}ms", time.as_millis()),
            Self::HangForever => write!(f, "hang=forever"),
            Self::Crash => write!(f, "crash"),
            Self::CloseSessions => write!(f, "close-sessions"),
            Self::Gone => write!(f, "gone"),
            Self::Renumber => write!(f, "renumber"),
            Self::Swap => write!(f, "swap"),
            Self::Flip => write!(f, "flip"),
            Self::Slots(_) => write!(f, "slots"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_of_every_kind_of_rule_is_read() {
        let text = "seed 7\n\n# all is well\nC_Sign probability=0.01 return=CKR_DEVICE_ERROR # often\n\
                    C_Sign,C_SignInit count=3 hang=forever\n* after=200 from=20ms until=5s delay=10ms crash\n\
                    C_Initialize slots=random\nC_Initialize slots=12 renumber close-sessions gone swap flip late=0x9";
        let script = Script::parse(text).unwrap();
        assert_eq!((script.seed, script.rules.len()), (7, 5));
        let [often, hang, crash, random, all] = script.rules.as_slice() else { panic!("five rules") };
        assert_eq!((often.functions.as_slice(), often.probability), (["C_Sign".to_owned()].as_slice(), 0.01));
        assert_eq!(often.actions, [Action::Return(0x30)]);
        assert_eq!(
            (hang.functions.len(), hang.count, hang.actions.as_slice()),
            (2, 3, [Action::HangForever].as_slice())
        );
        assert!(crash.functions.is_empty());
        assert_eq!((crash.after, crash.from, crash.until), (200, Duration::from_millis(20), Duration::from_secs(5)));
        assert_eq!(crash.actions, [Action::Pause(Duration::from_millis(10)), Action::Crash]);
        assert_eq!(random.actions, [Action::Slots(None)]);
        assert_eq!(all.actions.len(), 7);
        assert_eq!(all.actions.last(), Some(&Action::Late(9)));
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        for (text, word) in [
            ("C_Sign return=CKR_NONE", "return=CKR_NONE"),
            ("C_Sign explode", "explode"),
            ("C_Sign probability=1.5 crash", "probability=1.5"),
            ("C_Sign delay=5", "delay=5"),
            ("C_Sign count=3", "C_Sign"),
            ("Sign crash", "Sign"),
            ("seed x", "x"),
            ("C_Sign crash=now", "crash=now"),
        ] {
            let error = Script::parse(&format!("* delay=0s\n{text}")).unwrap_err();
            assert_eq!(error, ScriptError { line: 2, word: word.to_owned() });
        }
    }
}
