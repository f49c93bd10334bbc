//! What a decision is about: read, and judged with the own pins, before anybody is asked.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use hufu_ceremony::{Act, At, Binding, Ceremony, CeremonyId, Grounds, Refusal, Request, What, Word};
use hufu_custodian::{Custodian, Pin, Roster, Signed, Standing};

use super::online;
use crate::{
    app::App,
    custody::{files, now_ms, transcripts::Known},
    failure::Failure,
};

/// Where the request comes from.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("source").args(["number", "transcript", "request"]).required(true)))]
pub(crate) struct Source {
    /// The number of its request: the transcript is fetched from the service, and the decision is brought there
    #[arg(value_name = "NUMBER", value_parser = online::name, requires = "log_key")]
    number: Option<String>,
    /// The transcript of the ceremony so far: everything in it is judged again
    #[arg(long, value_name = "FILE", requires = "log_key")]
    transcript: Option<PathBuf>,
    /// An earlier transcript of the same ceremony, which you have kept: nothing of it may be missing
    #[arg(long, value_name = "FILE", conflicts_with = "request")]
    before: Option<PathBuf>,
    /// The log's public key, which closes transcripts
    #[arg(long, value_name = "FILE")]
    log_key: Option<PathBuf>,
    /// In place of a transcript: the request, as the proposer signed it
    #[arg(long, value_name = "FILE", requires_all = ["ceremony", "roster", "policy"])]
    request: Option<PathBuf>,
    /// The ceremony's id, as the service tells it; the decision counts in this ceremony alone
    #[arg(long, value_name = "ID", conflicts_with_all = ["number", "transcript"])]
    ceremony: Option<CeremonyId>,
    /// The roster
    #[arg(long, value_name = "FILE", conflicts_with_all = ["number", "transcript"])]
    roster: Option<PathBuf>,
    /// The policy, in TOML: the ceremony must be bound to it. Needed for a recovery, a drill, a refresh, a reshare, and where policy or roster
    /// change
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The pin of the roster
    #[arg(long, value_name = "FILE")]
    pin: PathBuf,
}

/// A ceremony that someone is to decide about.
pub(crate) struct Case {
    /// As it is; of a request alone, as it began.
    ceremony: Ceremony,
    /// What the decision is bound to.
    pub(crate) binding: Binding,
    /// Whether everything that happened so far is known.
    is_whole: bool,
}

impl Source {
    /// The ceremony's name in the service, where it is spoken with.
    pub(crate) fn online(&self) -> Option<&str> {
        self.number.as_deref()
    }

    pub(crate) async fn read(&self, app: &App) -> Result<Case, Failure> {
        match (&self.number, &self.transcript, &self.request) {
            (Some(name), ..) => self.of_transcript(&app.client()?.ceremony_transcript(name).await?),
            (_, Some(transcript), _) => self.of_transcript(&files::read_transcript(transcript)?),
            (.., Some(request)) => self.of_request(&files::read_proposal(request)?, &files::read_pin(&self.pin)?),
            // The arguments' definition leaves nothing else.
            _ => Err(Failure::usage("there is no request", "name it by its number, `--transcript` or `--request`")),
        }
    }

    fn of_transcript(&self, transcript: &[u8]) -> Result<Case, Failure> {
        let missing = || Failure::usage("there is no key of the log", "name its file with `--log-key`");
        let log_key = self.log_key.as_deref().ok_or_else(missing)?;
        let known = Known::read(&self.pin, log_key, self.policy.as_deref())?.having_read(self.before.as_deref())?;
        let case = Case::whole(known.verify(transcript)?.ceremony().clone());
        self.check_policy(&case.request().act)?;
        Ok(case)
    }

    /// Where secrets come together, or all other rules may change, the rules that count are those of the own file: a service that
    /// put others in force is not believed.
    fn check_policy(&self, act: &Act) -> Result<(), Failure> {
        let kind = act.kind();
        if self.policy.is_some() || !(act.opens_secrets() || kind.governs()) {
            return Ok(());
        }
        let why = format!("a decision about `{kind}` is made by the policy that you know yourself");
        Err(Failure::usage(why, "name its file with `--policy`"))
    }

    fn of_request(&self, proposal: &Signed, pin: &Pin) -> Result<Case, Failure> {
        let (Some(ceremony), Some(roster), Some(policy)) = (self.ceremony, &self.roster, &self.policy) else {
            return Err(Failure::usage(
                "the request alone is not enough",
                "add `--ceremony`, `--roster`, `--policy`",
            ));
        };
        let roster = pinned(files::read_roster(roster)?, pin)?;
        let grounds = Arc::new(Grounds::new(roster, files::read_policy(policy)?)?);
        let begun = begin(grounds, proposal)?;
        Ok(Case { binding: Binding { ceremony, ..begun.binding() }, ceremony: begun, is_whole: false })
    }
}

/// The roster, if it is the pinned one.
fn pinned(roster: Roster, pin: &Pin) -> Result<Roster, Failure> {
    match pin.compare(&roster)? {
        Standing::Pinned => Ok(roster),
        Standing::Next => Err(Refusal::OtherRoster.into()),
    }
}

/// The ceremony as it could have begun. When that was, only the service knows: here, as early as the policy allows.
fn begin(grounds: Arc<Grounds>, proposal: &Signed) -> Result<Ceremony, Failure> {
    let request = Request::from_bytes(&proposal.statement)?;
    let lifetime_ms = u64::from(grounds.policy().terms(&request)?.lifetime_max_s).saturating_mul(1000);
    let at = At { wall_ms: request.expires_at_ms.saturating_sub(lifetime_ms), uptime_ms: 0 };
    Ok(Ceremony::propose(grounds, proposal.clone(), at)?)
}

impl Case {
    /// Of a ceremony that was replayed.
    pub(crate) fn whole(ceremony: Ceremony) -> Self {
        Self { binding: ceremony.binding(), ceremony, is_whole: true }
    }

    pub(crate) fn ceremony(&self) -> &Ceremony {
        &self.ceremony
    }

    pub(crate) fn request(&self) -> &Request {
        self.ceremony.request()
    }

    /// What is there of the quorum, if it is known.
    pub(crate) fn so_far(&self) -> Option<String> {
        self.is_whole.then(|| self.ceremony.tally(self.now()).to_string())
    }

    /// Whether someone's decision could count, as far as that is known before it is signed.
    pub(crate) fn check(&self, own: &Custodian, word: Word) -> Result<(), Failure> {
        let who = own.name.clone();
        let roster = self.ceremony.grounds().roster();
        let listed = roster.find(&who).map_err(|_| Refusal::UnknownCustodian(who.clone()))?;
        if listed != own {
            let message = format!("the roster has other keys, roles or names for `{who}` than the key file");
            return Err(Failure::Refused { message, help: "take the key file that was enrolled for this roster" });
        }
        if now_ms() >= self.request().expires_at_ms {
            return Err(Refusal::CeremonyExpired.into());
        }
        if word == Word::Approve && self.request().proposer == who {
            return Err(Refusal::ProposerApproves(who).into());
        }
        if word == Word::Cancel {
            return self.check_cancel(own);
        }
        let may_veto = self.ceremony.terms().veto.as_ref().is_some_and(|role| own.has_role(role));
        if word == Word::Veto && !may_veto {
            let needed = match &self.ceremony.terms().veto {
                Some(role) => format!("`{role}` to veto"),
                None => "the policy lets nobody veto".to_owned(),
            };
            return Err(Refusal::MissingRole { who, needed }.into());
        }
        Ok(())
    }

    fn check_cancel(&self, own: &Custodian) -> Result<(), Failure> {
        let may_cancel = self.ceremony.terms().cancel.as_ref().is_some_and(|role| own.has_role(role));
        if may_cancel || self.request().proposer == own.name {
            return Ok(());
        }
        let needed = "only the proposer cancels, and whom the policy names".to_owned();
        Err(Refusal::MissingRole { who: own.name.clone(), needed }.into())
    }

    /// Whether the decision counts in what happened so far; of a request alone that is for the service to say.
    pub(crate) fn rehearse(&self, what: What) -> Result<(), Failure> {
        if self.is_whole {
            self.ceremony.apply(what, self.now())?;
        }
        Ok(())
    }

    /// By the own clock, and not before what happened last.
    pub(crate) fn now(&self) -> At {
        let last = self.ceremony.events().last().map(|event| event.at).unwrap_or_default();
        At { wall_ms: now_ms().max(last.wall_ms), ..last }
    }
}
