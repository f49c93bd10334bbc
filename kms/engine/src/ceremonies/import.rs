//! A key that was made elsewhere comes in: custodians approve name, algorithm, protection and public key; an import job waits for
//! exactly that.

use hufu_ceremony::Import;
use hufu_core::algorithm::Algorithm;
use hufu_core::name::{ImportJobName, JobId, VersionNumber};
use hufu_core::record::{Exit, ImportState, Protection};
use hufu_core::{Error, Reason};

use super::acts::key_name;
use super::execute::{Done, note_of};
use super::held::Held;
use crate::api::{CreateImportJob, CreateKey, IMPORT_JOB_LIFETIME_MS};
use crate::engine::Engine;

const OPENED: &str = "opened";

impl Engine {
    pub(super) async fn do_import(&self, held: Held, act: &Import) -> Result<Done, Error> {
        let key = key_name(&act.key)?;
        let name = ImportJobName { tenant: key.tenant.clone(), job: job_id(&held)? };
        let held = if note_of(&held, OPENED).is_some() { held } else { self.open_job(held, &name, act).await? };
        let job = self.read_job(&name).await?.record;
        let over = |why: &str| Err(Error::new(Reason::WrongState, format!("import job `{name}`: {why}")));
        match job.state {
            ImportState::Open => Ok(Done::Later(held)),
            ImportState::Failed => over("what was brought was not the key, too often"),
            ImportState::Expired => over("nobody brought the key in time"),
            ImportState::Done => {
                let version = self.directory.read_version(&key.version(VersionNumber::FIRST)).await?;
                let receipts = vec![self.version_receipt(&version.record)];
                Ok(Done::All(held, format!("`{key}` came in by {name}"), receipts))
            }
        }
    }

    async fn open_job(&self, held: Held, name: &ImportJobName, act: &Import) -> Result<Held, Error> {
        let (caller, permit) = self.acting(&held, &name.tenant, OPENED)?;
        let left_ms = held.ceremony.request().expires_at_ms.saturating_sub(self.clock.now_ms());
        let public_key = match act.public_key {
            Some(named) => Some(self.public_key_beside(&named.0).await?.ok_or_else(|| {
                self.directory.quarantine(&held.resource(), "the public key beside the request is not there")
            })?),
            None => None,
        };
        let request = CreateImportJob {
            job: name.job.clone(),
            key: import_of(act)?,
            public_key,
            import_algorithm: None,
            lifetime_ms: Some(left_ms.clamp(*IMPORT_JOB_LIFETIME_MS.start(), *IMPORT_JOB_LIFETIME_MS.end())),
        };
        // Whoever has taken the name, or the public key, keeps it: trying again does not help.
        let opened = self.create_job_permitted(&caller, &permit, name, request, Some(held.record.number)).await;
        opened.map_err(|error| match error.reason() {
            Reason::AlreadyExists => Error::new(Reason::WrongState, error.message()),
            _ => error,
        })?;
        self.step_done(&held, OPENED, &name.to_string()).await
    }
}

fn job_id(held: &Held) -> Result<JobId, Error> {
    JobId::parse(&format!("ceremony-{}", held.record.number))
}

/// What a request says of the key, in the words of the engine.
pub(super) fn import_of(act: &Import) -> Result<CreateKey, Error> {
    let name = key_name(&act.key)?;
    let unknown =
        |what: &str| Error::new(Reason::InvalidArgument, format!("there is no such {what}")).field("proposal");
    let algorithm = act.algorithm.as_str();
    let algorithm = Algorithm::by_name(algorithm);
    let protection = [Protection::Software, Protection::Hsm];
    let protection = protection.into_iter().find(|known| known.to_string() == act.protection.as_str());
    Ok(CreateKey {
        tenant: name.tenant,
        key: name.key,
        algorithm: algorithm.ok_or_else(|| unknown("algorithm"))?,
        purpose: None,
        scheme: None,
        protection: protection.ok_or_else(|| unknown("protection"))?,
        digest_allowed: false,
        labels: Default::default(),
        description: String::new(),
        activate: true,
        distinguishing_id: None,
        rotation_period_ms: None,
        exit: Exit::Never,
        sharing: None,
        mandate: None,
    })
}
