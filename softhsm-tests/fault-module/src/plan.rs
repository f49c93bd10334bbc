//! Which calls fail: decided by the script, the number of the call, the time and the seed. Pure.

use std::time::Duration;

use crate::script::{Action, Rule, Script};

/// A script in progress.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    seed: u64,
    rules: Vec<Progress>,
}

#[derive(Debug)]
struct Progress {
    rule: Rule,
    fitting: u64,
    acted: u64,
}

/// What happens to one call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Fault {
    /// In this order; none for a call that is let through.
    pub(crate) actions: Vec<Action>,
    /// For choices that an action leaves open; another for each call.
    pub(crate) chance: u64,
    /// The number of the rule that acts, where it acts a limited number of times.
    pub(crate) counted: Option<usize>,
}

impl Plan {
    pub(crate) fn new(script: Script) -> Self {
        let rules = script.rules.into_iter().map(|rule| Progress { rule, fitting: 0, acted: 0 }).collect();
        Self { seed: script.seed, rules }
    }

    /// Counts that a rule has acted once, in a process that had the script before.
    pub(crate) fn has_acted(&mut self, rule: usize) {
        if let Some(progress) = self.rules.get_mut(rule) {
            progress.acted += 1;
        }
    }

    /// What happens to a call of a function that comes so long after the script was written.
    pub(crate) fn decide(&mut self, function: &str, since: Duration) -> Fault {
        for (index, progress) in self.rules.iter_mut().enumerate() {
            if let Some(chance) = progress.acts(self.seed ^ mixed(index as u64), function, since) {
                let counted = (progress.rule.count != u64::MAX).then_some(index);
                return Fault { actions: progress.rule.actions.clone(), chance, counted };
            }
        }
        Fault::default()
    }
}

impl Progress {
    fn acts(&mut self, seed: u64, function: &str, since: Duration) -> Option<u64> {
        let Rule { functions, after, count, probability, from, until, .. } = &self.rule;
        let fits = functions.is_empty() || functions.iter().any(|name| name == function);
        if !fits || since < *from || since >= *until {
            return None;
        }
        self.fitting += 1;
        // By the number of the call, so that a run with the same calls fails in the same way.
        let chance = mixed(seed.wrapping_add(self.fitting));
        if self.fitting <= *after || self.acted >= *count || share(chance) >= *probability {
            return None;
        }
        self.acted += 1;
        Some(mixed(chance))
    }
}

impl Fault {
    pub(crate) fn has(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }
}

/// The top 53 bits as a number from 0 to 1, 1 excluded.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what the type holds")]
fn share(chance: u64) -> f64 {
    (chance >> 11) as f64 / (1u64 << 53) as f64
}

/// The finalizer of SplitMix64.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(script: &str) -> Plan {
        Plan::new(Script::parse(script).unwrap())
    }

    /// At which of the first calls something happens.
    fn acting(plan: &mut Plan, function: &str, calls: u64) -> Vec<u64> {
        let mut at = |_: &u64| !plan.decide(function, Duration::ZERO).actions.is_empty();
        (1..=calls).filter(|call| at(call)).collect()
    }

    #[test]
    fn after_and_count_bound_the_calls() {
        assert_eq!(acting(&mut plan("C_Sign after=2 count=3 flip"), "C_Sign", 10), [3, 4, 5]);
        assert_eq!(acting(&mut plan("C_Sign flip"), "C_SignInit", 10), [0; 0]);
        assert_eq!(acting(&mut plan("* count=1 flip"), "C_Login", 3), [1]);
    }

    #[test]
    fn the_first_rule_that_acts_decides() {
        let mut plan = plan("C_Sign count=1 flip\n* swap");
        assert_eq!(plan.decide("C_Sign", Duration::ZERO).actions, [Action::Flip]);
        assert_eq!(plan.decide("C_Sign", Duration::ZERO).actions, [Action::Swap]);
    }

    #[test]
    fn what_was_done_in_an_earlier_process_counts() {
        let mut plan = plan("C_SignInit flip\nC_Sign count=3 flip");
        plan.has_acted(1);
        plan.has_acted(1);
        plan.has_acted(9);
        assert_eq!(plan.decide("C_SignInit", Duration::ZERO).counted, None);
        assert_eq!(plan.decide("C_Sign", Duration::ZERO).counted, Some(1));
        assert!(plan.decide("C_Sign", Duration::ZERO).actions.is_empty());
    }

    #[test]
    fn time_bounds_a_rule() {
        let mut plan = plan("* from=10ms until=20ms flip");
        for (at, acts) in [(9, false), (10, true), (19, true), (20, false)] {
            assert_eq!(!plan.decide("C_Sign", Duration::from_millis(at)).actions.is_empty(), acts, "{at}");
        }
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let run =
            |seed: u64| acting(&mut plan(&format!("seed {seed}\nC_Sign probability=0.1 flip")), "C_Sign", 1_000);
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert!((60..140).contains(&run(1).len()), "a tenth of the calls: {}", run(1).len());
    }
}
