//! A ceremony, step by step: what it waits for, from whom, how much time is left, and what this custodian can do about it now.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use hufu_ceremony::{At, Awaited, Ceremony, State, Word};
use hufu_custodian::Custodian;
use hufu_sdk::Client;

use super::{
    case::Case,
    decide::{Deciding, label},
    online,
};
use crate::{
    app::App,
    confirm::confirm,
    custody::{access::Access, files, now_ms, transcripts::Known},
    failure::Failure,
    time::{duration_text, parse_duration, rfc3339_millis},
    view::ceremonies::CeremonyView,
};

/// How often the service is asked what has happened.
const POLL: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(crate) struct Guide {
    /// The number of its request
    #[arg(value_name = "NUMBER", value_parser = online::name)]
    ceremony: String,
    /// The key file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    access: Access,
    /// The pin of the roster
    #[arg(long, value_name = "FILE")]
    pin: PathBuf,
    /// The log's public key, which closes transcripts
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// The policy, in TOML: the ceremony must be bound to it
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Ask nothing: approve when that is awaited from you, and begin when it can begin. For a request that was read before
    #[arg(long)]
    script: bool,
    /// Give up after so long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30d")]
    wait: Duration,
}

/// What this custodian can do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    /// Approve, or not.
    Decide,
    /// Bring a share.
    Share,
    /// Have it begin.
    Begin,
    /// Wait for others, or for time to pass.
    Wait,
    /// Nothing any more.
    Over,
}

impl Guide {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        let (client, file) = (app.client()?, files::read_keys(&self.key)?);
        let mut known = Known::read(&self.pin, &self.log_key, Some(&self.policy))?;
        let (until, mut told) = (Instant::now().checked_add(self.wait), String::new());
        // Who has said no once is not asked again.
        let mut declined = false;
        loop {
            let ceremony = known.verify(&client.ceremony_transcript(&self.ceremony).await?)?.ceremony().clone();
            // Nothing that was there before may be missing next time.
            known = known.having_seen(ceremony.seen());
            let now = now(&ceremony);
            let turn = turn(&ceremony, file.custodian(), now);
            let text = words(&ceremony, now);
            if told != text {
                tell(&text)?;
                told = text;
            }
            match turn {
                Turn::Decide if !declined => declined = self.decide(&client, ceremony).await?,
                Turn::Begin if !declined => declined = self.begin(&client).await?,
                Turn::Over => return self.end(app, &client, ceremony.state()).await,
                _ if until.is_some_and(|until| Instant::now() >= until) => {
                    return Err(refused(format!("the ceremony is not over yet: {}", ceremony.state())));
                }
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Whether the custodian did not want to.
    async fn decide(&self, client: &Client, ceremony: Ceremony) -> Result<bool, Failure> {
        let deciding = Deciding { key: &self.key, access: &self.access, lifetime: None, reason: None };
        match deciding.decide(&Case::whole(ceremony), Word::Approve, self.script) {
            Ok((signed, _)) => {
                online::bring(client, &self.ceremony, label(Word::Approve), signed.to_bytes()).await?;
                Ok(false)
            }
            Err(Failure::Declined) => {
                let number = self.ceremony.rsplit('/').next().unwrap_or_default();
                tell(&format!("Not approved. To forbid it: hufu ceremony veto {number}"))?;
                Ok(true)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether nobody wanted to.
    async fn begin(&self, client: &Client) -> Result<bool, Failure> {
        match confirm("Everything is there. Begin now?", self.script) {
            Ok(()) => {}
            Err(Failure::Declined) => return Ok(true),
            Err(failure) => return Err(failure),
        }
        match client.execute_ceremony(&self.ceremony).await {
            Ok(_) => Ok(false),
            // Somebody else was faster, or the service's clock is behind: the next look tells.
            Err(error) if error.reason() == Some("CEREMONY_REFUSED") => {
                tokio::time::sleep(POLL).await;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn end(&self, app: &App, client: &Client, state: State) -> Result<(), Failure> {
        app.output.show(&CeremonyView::new(&client.ceremony(&self.ceremony).await?))?;
        match state {
            State::Executed => Ok(()),
            other => Err(refused(format!("the ceremony ended as {other}"))),
        }
    }
}

/// Progress goes where no result goes.
fn tell(text: &str) -> Result<(), Failure> {
    writeln!(io::stderr(), "{text}").map_err(|cause| Failure::Write { name: "terminal".to_owned(), cause })
}

fn refused(message: String) -> Failure {
    Failure::Refused { message, help: "`hufu ceremony transcript` has all that happened" }
}

/// By the own clock, which has gone on since the last event as the service's has.
fn now(ceremony: &Ceremony) -> At {
    let last = ceremony.events().last().map(|event| event.at).unwrap_or_default();
    let wall_ms = now_ms().max(last.wall_ms);
    At { wall_ms, uptime_ms: last.uptime_ms.saturating_add(wall_ms.saturating_sub(last.wall_ms)) }
}

fn turn(ceremony: &Ceremony, own: &Custodian, now: At) -> Turn {
    match ceremony.awaited(now) {
        Awaited::Approvals { from, .. } if from.contains(&own.name) => Turn::Decide,
        Awaited::Shares(_) if ceremony.shares().iter().all(|share| share.who != own.name) => Turn::Share,
        Awaited::Beginning | Awaited::Delay(0) => Turn::Begin,
        Awaited::Nothing => Turn::Over,
        _ => Turn::Wait,
    }
}

/// What happens next, who is awaited, and how much time is left.
fn words(ceremony: &Ceremony, now: At) -> String {
    let steps = ceremony.steps().count();
    let next = match ceremony.awaited(now) {
        Awaited::Receipt => "the ledger gets the request; nobody can approve before".to_owned(),
        Awaited::Approvals { tally, from } => {
            let names: Vec<&str> = from.iter().map(hufu_custodian::Name::as_str).collect();
            format!("approvals: {tally}; can still approve: {}", names.join(", "))
        }
        Awaited::Delay(0) | Awaited::Beginning => "everything is there: it can begin".to_owned(),
        Awaited::Delay(_) => match rfc3339_millis(now.wall_ms.saturating_add(ceremony.delay_left_ms(now))) {
            // As a time and not as a rest, or it would be told anew each time.
            Some(end) => format!("enough have approved; until {end} it can be vetoed"),
            None => "enough have approved; it can be vetoed".to_owned(),
        },
        Awaited::NotBefore(at) => format!("nothing is done before {}", rfc3339_millis(at).unwrap_or_default()),
        Awaited::Shares(missing) => {
            let struck: Vec<&str> = ceremony.struck().iter().map(|one| one.who.as_str()).collect();
            let wrong =
                if struck.is_empty() { String::new() } else { format!("; wrong was that of {}", struck.join(", ")) };
            let veto = if ceremony.awaits_shares() { "; until they are there it can be vetoed" } else { "" };
            format!("{missing} shares are missing{wrong}{veto}; bring yours with `hufu ceremony submit-share`")
        }
        Awaited::Outcome if ceremony.awaits_shares() => {
            "shares are missing, and its time or that of the approvals is over: it fails".to_owned()
        }
        Awaited::Outcome => format!("the service is at work; steps done: {steps}"),
        Awaited::Expiry => "its time is over; that is written down next".to_owned(),
        Awaited::Nothing => return format!("{}: it is over", ceremony.state()),
    };
    format!("{}: {next}\n  {}", ceremony.state(), rest(ceremony, now))
}

/// In days, hours and minutes from when it was proposed: a line that does not change with each second.
fn rest(ceremony: &Ceremony, now: At) -> String {
    let left = Duration::from_millis(ceremony.request().expires_at_ms.saturating_sub(now.wall_ms)).as_secs() / 3600;
    let end = rfc3339_millis(ceremony.request().expires_at_ms).unwrap_or_default();
    match left {
        0 => format!("it expires at {end}, in less than an hour"),
        hours => format!("it expires at {end}, in more than {}", duration_text(Duration::from_secs(hours * 3600))),
    }
}
