//! What custodians decide and bring. Whoever calls is their courier: their signatures count.

use hufu_ceremony::{Fingerprint, ShareStatement, What};
use hufu_core::policy::Action;
use hufu_core::record::CeremonyFile;
use hufu_core::{Error, Reason};
use hufu_custodian::Signed;
use hufu_journal::JournalError;
use sha2::{Digest as _, Sha256};

use super::files::share_file;
use super::held::Held;
use super::refusal::{malformed, refused};
use crate::api::{Caller, CeremonyView, CeremonyWord};
use crate::engine::{Engine, Permit};
use crate::fault;

/// Attempts while others bring theirs.
const ATTEMPTS_MAX: usize = 8;
/// Longest sealed share in bytes.
const SEALED_LEN_MAX: usize = 64 << 10;

impl Engine {
    /// Brings an approval, a veto or a cancellation ([`Signed::to_bytes`] of a `Decision`).
    ///
    /// # Errors
    /// [`Reason::CeremonyRefused`] names the rule.
    pub async fn decide_ceremony(
        &self,
        caller: &Caller,
        number: u64,
        word: CeremonyWord,
        decision: &[u8],
    ) -> Result<CeremonyView, Error> {
        let what =
            Signed::from_bytes(decision).map_err(|error| malformed("a decision", error)).map(|signed| match word {
                CeremonyWord::Approve => What::Approved(signed),
                CeremonyWord::Veto => What::Vetoed(signed),
                CeremonyWord::Cancel => What::Cancelled(signed),
            });
        let result = match what {
            Ok(what) => self.decide_checked(caller, number, what, None).await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::DecideCeremony, || format!("ceremonies/{number}"), result).await
    }

    /// Brings a share: what its custodian signed ([`Signed::to_bytes`] of a `ShareStatement`), and the share as it was
    /// sealed.
    ///
    /// # Errors
    /// [`Reason::CeremonyRefused`] names the rule; [`Reason::TooLarge`]; [`Reason::InvalidArgument`] when the sealed share is not the
    /// one that was signed.
    pub async fn bring_ceremony_share(
        &self,
        caller: &Caller,
        number: u64,
        statement: &[u8],
        sealed: Vec<u8>,
    ) -> Result<CeremonyView, Error> {
        let result = match read_share(number, statement, sealed) {
            Ok((what, file)) => self.decide_checked(caller, number, what, Some(file)).await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::DecideCeremony, || format!("ceremonies/{number}"), result).await
    }

    async fn decide_checked(
        &self,
        caller: &Caller,
        number: u64,
        what: What,
        file: Option<CeremonyFile>,
    ) -> Result<CeremonyView, Error> {
        let tenant = &caller.principal.record.tenant;
        let permit = self.authorize(caller, Action::DecideCeremony, tenant, None)?;
        let held = self.held_for(caller, number).await?;
        if self.replayed(caller).await?.is_some() {
            return self.ceremony_view(&held).await;
        }
        if let (What::ShareSubmitted(statement), Some(file)) = (&what, &file) {
            self.check_brought(&held, statement, &file.bytes).await?;
        }
        let held = self.decide_held(caller, &permit, held, &what, file.as_ref()).await?;
        self.ceremony_view(&held).await
    }

    async fn decide_held(
        &self,
        caller: &Caller,
        permit: &Permit,
        mut held: Held,
        what: &What,
        file: Option<&CeremonyFile>,
    ) -> Result<Held, Error> {
        let number = held.record.number;
        for _ in 0..ATTEMPTS_MAX {
            let entry = self.entry(caller, Action::DecideCeremony, held.resource(), permit);
            let committed = self.go_forward(&held, what.clone(), entry, |staging| {
                file.iter().for_each(|file| staging.write(self.put_file(file)));
                staging.remember(self.to_remember(caller, &format!("ceremonies/{number}")));
                Ok(())
            });
            match committed.await? {
                // Someone else brought theirs first: it is judged again on top of that.
                Err(JournalError::Guarded(_)) => held = self.held(number).await?,
                committed => return committed.map_err(fault::journal),
            }
        }
        Err(Error::new(Reason::Overloaded, "too many decisions come at once").help("try again"))
    }
}

fn read_share(number: u64, statement: &[u8], sealed: Vec<u8>) -> Result<(What, CeremonyFile), Error> {
    if sealed.len() > SEALED_LEN_MAX {
        return Err(Error::new(Reason::TooLarge, "a sealed share has at most 64 KiB").field("sealed_share"));
    }
    let signed = Signed::from_bytes(statement).map_err(|error| malformed("the statement of a share", error))?;
    let told = ShareStatement::from_bytes(&signed.statement).map_err(refused)?;
    if Fingerprint(Sha256::digest(&sealed).into()) != told.digest {
        let message = "the sealed share is not the one that its custodian signed";
        return Err(Error::new(Reason::InvalidArgument, message).field("sealed_share"));
    }
    Ok((What::ShareSubmitted(signed), share_file(number, told.index, sealed)))
}
