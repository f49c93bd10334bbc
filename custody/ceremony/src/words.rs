//! What people read before they sign: every field of a request or a policy, one line each, in printable ASCII.
//!
//! A line is `label: value`. Values are hexadecimal digits, numbers, names, or texts between quotes with everything but plain
//! ASCII escaped, so that no value can look like a line, or like another value. Each struct is taken apart by name, so that a
//! field that is added and not shown does not compile.

use std::fmt::{Display, Write as _};

use crate::act::{
    Act, Destruction, Import, KeyVersion, Labelled, PolicyChange, Recovery, Refresh, Reshare, RootKey, RosterChange,
    ShareSet, Sharing, Target, TargetKind, TenantKey,
};
use crate::time::show;
use crate::{CeremonyPolicy, More, Request, Rule};

/// For what is not there. No name and no text looks like it.
const NONE: &str = "(none)";

/// Lines of words.
#[derive(Default)]
pub(crate) struct Words(String);

impl Words {
    /// A line of its own.
    pub(crate) fn say(&mut self, line: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }

    pub(crate) fn add(&mut self, label: impl Display, value: impl Display) {
        self.say(format_args!("{label}: {value}"));
    }

    pub(crate) fn add_if_any(&mut self, label: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.add(label, value),
            None => self.add(label, NONE),
        }
    }

    pub(crate) fn end(self) -> String {
        self.0
    }
}

impl Request {
    /// What an approver signs, complete, in plain ASCII, with the digest at the end.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = Words::default();
        words.say("REQUEST FOR A CEREMONY");
        self.fields(&mut words);
        words.add("digest", self.digest());
        words.end()
    }

    fn fields(&self, words: &mut Words) {
        let Self {
            deployment,
            number,
            title,
            reason,
            proposer,
            roster,
            policy,
            not_before_ms,
            expires_at_ms,
            more,
            act,
        } = self;
        words.add("deployment", deployment);
        words.add("ceremony number", number);
        words.add("title", title);
        words.add("reason", reason);
        words.add("proposed by", proposer);
        words.add("roster", roster);
        words.add("policy", policy);
        words.add("not before", show(*not_before_ms));
        words.add("expires at", show(*expires_at_ms));
        add_more(words, more);
        words.add("kind", act.kind());
        words.add("what this does", meaning(act));
        add_act(words, act);
    }
}

fn add_more(words: &mut Words, more: &More) {
    let More { approvals, organisations, delay_s, shares } = more;
    for (what, least) in [
        ("approvals", approvals),
        ("organisations", organisations),
        ("seconds of delay", delay_s),
        ("shares", shares),
    ] {
        match least {
            Some(least) => words.add(what, format_args!("at least {least}")),
            None => words.add(what, "(as the policy says)"),
        }
    }
}

fn meaning(act: &Act) -> &'static str {
    match act {
        Act::RotateKey(_) => "gives the key a new version; the old one protects nothing more",
        Act::RotateTenantKey(_) => "gives the tenant a new wrapping key, and wraps its keys anew",
        Act::RotateRoot(RootKey { shares: Some(_), .. }) => {
            "makes a new master key and shares it as written below; once enough have confirmed, the shares of before open nothing more"
        }
        Act::RotateRoot(_) => "gives the slot a new root key, and wraps the tenants' keys anew",
        Act::RotateLabel(_) => "gives each key with the label a new version; the old ones protect nothing more",
        Act::Refresh(_) => {
            "puts the secret together inside the target, which gives each custodian a new share; the old ones open nothing more"
        }
        Act::Reshare(_) => {
            "puts the secret together inside the target, which shares it anew as written below; the old ones open nothing more"
        }
        Act::Recovery(_) => "puts the private key together inside the target; the key is rotated afterwards",
        Act::Import(_) => "takes in a key that was made elsewhere, where copies of it may have stayed",
        Act::Destruction(_) => "destroys the version of the key, for ever",
        Act::PolicyChange(_) => "replaces the policy of ceremonies by the one with the hash below",
        Act::RosterChange(_) => "replaces the roster of custodians by the one with the hash below",
        Act::Drill(_) => {
            "puts the private key together inside the target, compares it with the public key, and wipes it"
        }
    }
}

fn add_act(words: &mut Words, act: &Act) {
    match act {
        Act::RotateRoot(act) => add_root(words, act),
        Act::RotateKey(KeyVersion { key, version }) => add_key(words, key, *version),
        Act::RotateTenantKey(TenantKey { tenant, version }) => {
            words.add("tenant", tenant);
            words.add("version of its wrapping key", version);
        }
        Act::RotateLabel(Labelled { tenant, label, value, keys_max }) => {
            words.add("tenant", tenant);
            words.add("label", label);
            words.add("value of the label", value);
            words.add("keys at most", keys_max);
        }
        Act::Refresh(Refresh { subject, shares, target, confirmations }) => {
            words.add("secret", subject);
            add_shares(words, shares);
            add_confirmations(words, *confirmations);
            add_target(words, target);
        }
        Act::Reshare(Reshare { subject, from, to, target, confirmations }) => {
            words.add("secret", subject);
            add_shares(words, from);
            add_sharing(words, to);
            add_confirmations(words, *confirmations);
            add_target(words, target);
        }
        Act::Recovery(act) | Act::Drill(act) => add_recovery(words, act),
        Act::Import(Import { key, algorithm, protection, public_key }) => {
            words.add("key", key);
            words.add("algorithm", algorithm);
            words.add("protection", protection);
            words.add_if_any("public key", *public_key);
        }
        Act::Destruction(Destruction { key, version, public_key }) => {
            add_key(words, key, *version);
            words.add_if_any("public key", *public_key);
        }
        Act::PolicyChange(PolicyChange { next }) => words.add("next policy", next),
        Act::RosterChange(RosterChange { next }) => words.add("next roster", next),
    }
}

fn add_root(words: &mut Words, root: &RootKey) {
    let RootKey { slot, shares, confirmations } = root;
    words.add("root slot", slot);
    match shares {
        Some(sharing) => {
            add_sharing(words, sharing);
            add_confirmations(words, *confirmations);
        }
        None => words.add("made in", "the slot's HSM"),
    }
}

fn add_recovery(words: &mut Words, recovery: &Recovery) {
    let Recovery { key, version, public_key, shares, target } = recovery;
    add_key(words, key, *version);
    words.add_if_any("public key", *public_key);
    add_shares(words, shares);
    add_target(words, target);
}

fn add_key(words: &mut Words, key: impl Display, version: u32) {
    words.add("key", key);
    words.add("version", version);
}

pub(crate) fn add_shares(words: &mut Words, shares: &ShareSet) {
    let ShareSet { set, epoch, manifest } = shares;
    words.add("share set", set);
    words.add("epoch", epoch);
    words.add("manifest of the shares", manifest);
}

fn add_confirmations(words: &mut Words, confirmations: Option<u32>) {
    match confirmations {
        Some(count) => words.add("new shares that are confirmed before the old ones die", count),
        None => words.add("new shares that are confirmed before the old ones die", "(all)"),
    }
}

fn add_sharing(words: &mut Words, sharing: &Sharing) {
    let Sharing { threshold, custodians } = sharing;
    words.add("shares that will open it", format_args!("{threshold} of {}", custodians.len()));
    for (at, custodian) in (1u32..).zip(custodians) {
        words.add(format_args!("share {at} goes to"), custodian);
    }
}

fn add_target(words: &mut Words, target: &Target) {
    let Target { kind, sealing_key, evidence } = target;
    let kind = match kind {
        TargetKind::Hsm => "an HSM",
        TargetKind::Tee => "a trusted execution environment",
        TargetKind::Process => "a locked process that is wiped; nothing attests it",
    };
    words.add("target", kind);
    words.add("key that shares are sealed to", sealing_key);
    if evidence.is_empty() {
        words.add("evidence of the target", NONE);
    }
    for (claim, value) in evidence {
        words.add(format_args!("evidence of the target, {claim}"), value);
    }
}

impl CeremonyPolicy {
    /// The policy, complete, in plain ASCII, with its hash at the end.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { deployment, number, rules } = self;
        let mut words = Words::default();
        words.say("POLICY OF CEREMONIES");
        words.add("deployment", deployment);
        words.add("policy number", number);
        for (kind, rule) in rules {
            words.add("kind", kind);
            add_rule(&mut words, rule);
        }
        words.say("kinds that are not listed cannot be proposed; whoever proposes does not approve");
        words.add("hash", self.hash());
        words.end()
    }
}

fn add_rule(words: &mut Words, rule: &Rule) {
    let Rule {
        approvals,
        organisations,
        roles,
        propose,
        veto,
        cancel,
        delay_s,
        lifetime_max_s,
        shares,
        logged_first,
        only,
    } = rule;
    words.add("  approvals", approvals);
    words.add("  organisations", organisations);
    for (role, count) in roles {
        words.add(format_args!("  approvals as {role}"), count);
    }
    words.add("  role that proposes", propose.as_ref().map_or("(everyone)", |role| role.as_str()));
    words.add_if_any("  role that may veto", veto.as_ref());
    words.add_if_any("  role that may cancel, as the proposer may", cancel.as_ref());
    words.add("  seconds of delay", delay_s);
    words.add("  seconds until it expires, at most", lifetime_max_s);
    words.add("  shares", shares);
    words.add("  logged before anyone approves", if *logged_first { "yes" } else { "no" });
    words.add("  done by ceremonies alone", if *only { "yes" } else { "no" });
}
