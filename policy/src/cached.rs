//! Decisions remembered, and checked against the change feed on every hit.

use std::hash::Hash;
use std::sync::Arc;

use hufu_core::changes::Changes;
use hufu_core::changeset::Subject;
use hufu_core::name::{KeyName, TenantId};
use hufu_core::policy::{Action, AuthorizationRequest, Decision, PolicyEngine, PolicyError};
use quick_cache::Equivalent;
use quick_cache::sync::Cache;

/// Decisions remembered at most; the least useful give way.
pub const DECISIONS_MAX: usize = 16_384;

/// A policy engine behind a bounded cache.
///
/// A remembered decision holds while the policy set has the same revision and neither the principal nor the key has
/// changed since it was made. It is never trusted longer than that: there is no time to live to wait for.
pub struct CachedPolicies<P> {
    inner: P,
    changes: Arc<Changes>,
    decisions: Cache<Question, Arc<Remembered>>,
}

/// A question as the cache keeps it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    principal: Subject,
    action: Action,
    tenant: TenantId,
    key: Option<KeyName>,
}

/// The same question by reference, so that a hit allocates nothing. The fields hash in the order of [`Question`].
#[derive(Hash)]
struct Asked<'a> {
    principal: &'a Subject,
    action: Action,
    tenant: &'a TenantId,
    key: Option<&'a KeyName>,
}

struct Remembered {
    decision: Decision,
    policy_revision: u64,
    epoch: u64,
    /// What the change feed calls the key, made once.
    key: Option<Subject>,
}

impl<P: PolicyEngine> CachedPolicies<P> {
    /// Remembers up to [`DECISIONS_MAX`] decisions of `inner`.
    pub fn new(inner: P, changes: Arc<Changes>) -> Self {
        Self { inner, changes, decisions: Cache::new(DECISIONS_MAX) }
    }

    /// Number of remembered decisions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.decisions.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.decisions.is_empty()
    }

    fn holds(&self, remembered: &Remembered, principal: &Subject) -> bool {
        if remembered.policy_revision != self.inner.revision() {
            return false;
        }
        // Nothing at all has changed: the common case costs one atomic load.
        if self.changes.applied() == remembered.epoch {
            return true;
        }
        let unchanged = |subject: &Subject| !self.changes.changed_since(subject, remembered.epoch);
        unchanged(principal) && remembered.key.as_ref().is_none_or(unchanged)
    }

    fn decide(&self, request: &AuthorizationRequest<'_>) -> Decision {
        // Revision and order are read before the decision: a change in between makes the entry void, never too new.
        let (policy_revision, epoch) = (self.inner.revision(), self.changes.applied());
        let decision = self.inner.is_authorized(request);
        let principal = request.principal;
        if !self.changes.changed_since(&principal.subject, principal.epoch) {
            let key = request.key.map(|key| Subject::new(&key.to_string()));
            let remembered = Remembered { decision: decision.clone(), policy_revision, epoch, key };
            self.decisions.insert(Question::of(request), Arc::new(remembered));
        }
        decision
    }
}

impl<P: PolicyEngine> PolicyEngine for CachedPolicies<P> {
    fn is_authorized(&self, request: &AuthorizationRequest<'_>) -> Decision {
        match self.decisions.get(&Asked::of(request)) {
            // The record at hand has the last word on activity, whatever the feed has told so far.
            Some(remembered)
                if request.principal.record.active && self.holds(&remembered, &request.principal.subject) =>
            {
                remembered.decision.clone()
            }
            _ => self.decide(request),
        }
    }

    fn validate(&self) -> Result<(), PolicyError> {
        self.inner.validate()
    }

    fn revision(&self) -> u64 {
        self.inner.revision()
    }
}

impl Question {
    fn of(request: &AuthorizationRequest<'_>) -> Self {
        Self {
            principal: request.principal.subject.clone(),
            action: request.action,
            tenant: request.tenant.clone(),
            key: request.key.cloned(),
        }
    }
}

impl<'a> Asked<'a> {
    fn of(request: &AuthorizationRequest<'a>) -> Self {
        Self {
            principal: &request.principal.subject,
            action: request.action,
            tenant: request.tenant,
            key: request.key,
        }
    }
}

impl Equivalent<Question> for Asked<'_> {
    fn equivalent(&self, question: &Question) -> bool {
        *self.principal == question.principal
            && self.action == question.action
            && *self.tenant == question.tenant
            && self.key == question.key.as_ref()
    }
}
