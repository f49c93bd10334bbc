//! Request files, and what is read from the command's answers.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::Error;

use super::Scene;
use super::installation::ORIGIN;

impl Scene {
    /// Writes the one file that people review: who asks for what, why, and until when.
    pub(super) fn request(&self, number: u32, title: &str, act: &str) -> Result<String, Error> {
        let shown = self.quietly("custodian roster show people.roster --output json")?;
        let roster = field(&shown, "hash")?;
        let policy = field(&self.quietly("ceremony policy policy.toml --output json")?, "hash")?;
        let (deployment, from, to) = (ORIGIN, self.time(-60)?, self.time(3600)?);
        let file = format!("request-{number}.toml");
        let text = format!(
            "format = 1\ndeployment = \"{deployment}\"\nnumber = {number}\ntitle = \"{title}\"\n\
             reason = \"The quickstart shows how it is done.\"\nproposer = \"alice\"\nroster = \"{roster}\"\n\
             policy = \"{policy}\"\nnot_before = {from}\nexpires_at = {to}\n\n{act}"
        );
        self.write(&file, &text)?;
        Ok(file)
    }

    /// So many seconds from now, as TOML writes times.
    fn time(&self, from_now_s: i64) -> Result<String, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let at = format!("@{}", i64::try_from(now).unwrap_or_default().saturating_add(from_now_s));
        let tool = crate::tool::Tool::new("date").args(["-u", "-d", &at, "+%Y-%m-%dT%H:%M:%SZ"]);
        Ok(tool.quiet()?.trim().to_owned())
    }
}

/// A string of a JSON answer, by its name: wherever it stands first.
pub(super) fn field(json: &str, name: &str) -> Result<String, Error> {
    let value = json.split(&format!("\"{name}\": \"")).nth(1).and_then(|rest| rest.split('"').next());
    value.map(str::to_owned).ok_or_else(|| Error::Unexpected {
        step: "read an answer".to_owned(),
        expected: format!("a field `{name}`"),
        output: json.to_owned(),
    })
}
