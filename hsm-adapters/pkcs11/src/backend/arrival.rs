//! Keys that come in: opened inside the token, used once, or removed again.

use std::time::Instant;

use cryptoki::session::Session;
use hufu_core::backend::{Arrival, BackendError, KeyHandle, Outcome, Template};
use hufu_core::record::Exit;

use super::{Pkcs11Backend, no_deletion, outcome, refuse_taken};
use crate::attributes::Plan;
use crate::crew::Patience;
use crate::fault::Fault;
use crate::generate::{self, Made};
use crate::input::invalid;
use crate::link::Link;
use crate::mechanism::Row;
use crate::recovery::Repeat;
use crate::token::Token;
use crate::{import, keys, replica, wrapping};

impl Pkcs11Backend {
    /// Makes a key of what the key of the group wrapped.
    pub(super) async fn unwrap_of_group(
        &self,
        template: &Template,
        arrival: Arrival<'_>,
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        if template.exit != Exit::Replicable {
            return Err(invalid("what comes by the key of a group stays replicable"));
        }
        let (group, wrapped) = (self.group()?, arrival.wrapped.to_vec());
        let open = move |_: &Token, session: &Session, plan: &Plan, spki: Option<&[u8]>| {
            replica::unwrap(session, &group, plan, &wrapped, spki)
        };
        self.arrive(template, arrival.public_key, deadline, open).await
    }

    /// Makes a key of what was wrapped for an import key.
    pub(super) async fn import(
        &self,
        template: &Template,
        by: &KeyHandle,
        wrapped: &[u8],
        public_key: Option<&[u8]>,
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        let (sealed, by) = (import::Sealed::parse(template, by, wrapped)?, by.clone());
        let Template { algorithm, purpose, scheme, .. } = *template;
        let possible = self.profile.capabilities.check_arrival(algorithm, purpose, scheme);
        possible.map_err(BackendError::Unsupported)?;
        let open = move |token: &Token, session: &Session, plan: &Plan, spki: Option<&[u8]>| {
            let import_key = keys::load(token, session, &by)?;
            import::open(session, import_key, &sealed, plan, spki)
        };
        self.arrive(template, public_key, deadline, open).await
    }

    async fn arrive(
        &self,
        template: &Template,
        public_key: Option<&[u8]>,
        deadline: Instant,
        open: impl Fn(&Token, &Session, &Plan, Option<&[u8]>) -> Result<Made, Fault> + Send + 'static,
    ) -> Result<Outcome, BackendError> {
        let plan = self.plan(template)?;
        let row = Row { algorithm: template.algorithm, purpose: template.purpose, scheme: template.scheme };
        let how = self.profile.usage(row).ok_or_else(|| BackendError::Unsupported(template.scheme.to_string()))?;
        let spki = public_key.map(<[u8]>::to_vec);
        let work = move |link: &mut Link| {
            link.run(Repeat::Unsafe, deadline, |token, session| {
                refuse_taken(token, session, plan.uid)?;
                let _no_deletion = no_deletion(token)?;
                let made = open(token, session, &plan, spki.as_deref())?;
                if let Err(fault) = wrapping::prove(session, &made, &plan, how) {
                    generate::remove(session, &made)?;
                    return Err(import::rejection(fault));
                }
                Ok(outcome(token, &plan, spki.clone()))
            })
        };
        self.pool.run(deadline, Patience::Long, work).await
    }
}
