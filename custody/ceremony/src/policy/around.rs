//! No rule is a way around a stricter one.

use super::{CeremonyPolicy, Rule};
use crate::{Act, Kind, Refusal};

/// Why a rule is held against another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Because {
    /// It decides what the other one takes.
    Governs,
    /// Whoever goes through it gets the same secret.
    SameSecret,
    /// It does the same to many.
    SameThing,
}

impl CeremonyPolicy {
    /// What opens a secret takes at least what a recovery takes, and nothing opens one where there is no recovery; a change of policy or
    /// roster takes at least what anything takes; keys with a label are rotated for no less than a key that ceremonies alone rotate.
    pub(super) fn check_ways_around(&self) -> Result<(), Refusal> {
        for (kind, rule) in &self.rules {
            if kind.opens_secrets() && !self.rules.contains_key(&Kind::Recovery) {
                let why = format!("`{kind}` takes at least what a recovery takes: write a rule for `recovery`");
                return Err(Refusal::malformed("a policy", why));
            }
            for (other, stricter) in &self.rules {
                let less = because(*kind, *other, stricter).and_then(|why| rule.takes_less_than(stricter, why));
                if let Some(what) = less {
                    let why = format!("`{kind}` is a way around `{other}`: it takes less, {what}");
                    return Err(Refusal::malformed("a policy", why));
                }
            }
        }
        Ok(())
    }

    /// The rule for an act. Whoever gets new shares of a root has all that is under it, and the rule for the kind may be of roots in
    /// tokens alone: such a request is held to the rule for a recovery as well.
    pub(super) fn rule_for(&self, act: &Act) -> Result<Rule, Refusal> {
        let kind = act.kind();
        let own = self.rules.get(&kind).ok_or(Refusal::NoRule(kind))?;
        if kind.opens_secrets() || !act.opens_secrets() {
            return Ok(own.clone());
        }
        let none = "it has none: give the policy one by a ceremony `policy-change`";
        let recovery = self.rules.get(&Kind::Recovery).ok_or(Refusal::HeldToRecovery { kind, why: none })?;
        own.raised_to(recovery).map_err(|why| Refusal::HeldToRecovery { kind, why })
    }
}

fn because(kind: Kind, other: Kind, stricter: &Rule) -> Option<Because> {
    if kind == other {
        None
    } else if kind.opens_secrets() && other == Kind::Recovery {
        Some(Because::SameSecret)
    } else if kind.governs() {
        Some(Because::Governs)
    } else {
        let same_thing = kind == Kind::RotateLabel && other == Kind::RotateKey && stricter.only;
        same_thing.then_some(Because::SameThing)
    }
}

impl Rule {
    /// The stricter of both in everything but shares, of which this kind takes none. Of two roles neither is stricter: where both rules
    /// name one, it is the same.
    fn raised_to(&self, other: &Self) -> Result<Self, &'static str> {
        let mut rule = self.clone();
        for (role, count) in &other.roles {
            let own = rule.roles.entry(role.clone()).or_default();
            *own = (*own).max(*count);
        }
        let places = rule.roles.values().fold(0u32, |sum, count| sum.saturating_add(*count));
        rule.approvals = rule.approvals.max(other.approvals).max(places);
        rule.organisations = rule.organisations.max(other.organisations);
        rule.delay_s = rule.delay_s.max(other.delay_s);
        rule.logged_first = true;
        let roles = [
            (&mut rule.veto, &other.veto, "give the rule for this kind the same `veto`"),
            (&mut rule.propose, &other.propose, "give the rule for this kind the same `propose`"),
        ];
        for (own, others, help) in roles {
            if own.is_some() && others.is_some() && own != others {
                return Err(help);
            }
            *own = own.take().or_else(|| others.clone());
        }
        if rule.lifetime_max_s <= rule.delay_s {
            return Err("give the rule for this kind a `lifetime_max_s` longer than the `delay_s` of a recovery");
        }
        Ok(rule)
    }

    /// What it asks less of than another rule. What brings the same secret together is proposed by the same people and with as many
    /// shares; rules that govern have no use for shares, and stand over rules that different people propose.
    fn takes_less_than(&self, other: &Self, because: Because) -> Option<&'static str> {
        let has_roles = other.roles.iter().all(|(role, count)| self.roles.get(role).is_some_and(|own| own >= count));
        let secret = because == Because::SameSecret;
        [
            (self.approvals >= other.approvals, "in `approvals`"),
            (self.organisations >= other.organisations, "in `organisations`"),
            (has_roles, "in `roles`"),
            (self.delay_s >= other.delay_s, "in `delay_s`"),
            (self.veto == other.veto || other.veto.is_none(), "in who may `veto`"),
            (self.logged_first || !other.logged_first, "in `logged_first`"),
            (!secret || self.propose == other.propose || other.propose.is_none(), "in who may `propose`"),
            (!secret || self.shares >= other.shares, "in `shares`"),
        ]
        .into_iter()
        .find_map(|(enough, what)| (!enough).then_some(what))
    }
}
