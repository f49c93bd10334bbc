use std::{fmt, future::Future, pin::Pin};

use crate::Error;

/// A page that is on its way: its items and the token of the next one.
pub(crate) type Page<'a, T> = Pin<Box<dyn Future<Output = Result<(Vec<T>, String), Error>> + Send + 'a>>;

/// A list of the service, fetched page after page.
pub struct Pages<'a, T> {
    fetch: Box<dyn Fn(String) -> Page<'a, T> + Send + Sync + 'a>,
    /// Token of the next page; `None` after the last one.
    token: Option<String>,
}

impl<'a, T> Pages<'a, T> {
    pub(crate) fn new(fetch: impl Fn(String) -> Page<'a, T> + Send + Sync + 'a) -> Self {
        Self { fetch: Box::new(fetch), token: Some(String::new()) }
    }

    /// Whether there may be another page.
    pub fn has_more(&self) -> bool {
        self.token.is_some()
    }

    /// The next page, which may be empty, or `None` after the last one.
    ///
    /// # Errors
    /// Those of the call; the page can be asked for again.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, Error> {
        let Some(token) = &self.token else {
            return Ok(None);
        };
        let (items, next) = (self.fetch)(token.clone()).await?;
        if !next.is_empty() && next == *token {
            return Err(Error::Incomplete("a new page token"));
        }
        self.token = (!next.is_empty()).then_some(next);
        Ok(Some(items))
    }

    /// At most `limit` items, from as many pages as that takes, and whether there are more.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn take(mut self, limit: usize) -> Result<(Vec<T>, bool), Error> {
        let mut items = Vec::new();
        while items.len() < limit {
            match self.next().await? {
                Some(page) => items.extend(page),
                None => break,
            }
        }
        let more = self.has_more() || items.len() > limit;
        items.truncate(limit);
        Ok((items, more))
    }
}

impl<T> fmt::Debug for Pages<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("token", &self.token).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_pages<'a>() -> Pages<'a, u32> {
        Pages::new(|token| {
            Box::pin(async move {
                Ok(match token.as_str() {
                    "" => (vec![1, 2], "b".to_owned()),
                    "b" => (vec![], "c".to_owned()),
                    _ => (vec![3], String::new()),
                })
            })
        })
    }

    #[tokio::test]
    async fn takes_over_empty_pages() {
        assert_eq!(three_pages().take(9).await.unwrap(), (vec![1, 2, 3], false));
        assert_eq!(three_pages().take(2).await.unwrap(), (vec![1, 2], true));
        assert_eq!(three_pages().take(1).await.unwrap(), (vec![1], true));
    }

    #[tokio::test]
    async fn a_token_that_stays_is_an_error() {
        let mut endless = Pages::<u32>::new(|_| Box::pin(async { Ok((vec![], "x".to_owned())) }));
        assert!(endless.next().await.is_ok());
        assert!(endless.next().await.is_err());
    }
}
