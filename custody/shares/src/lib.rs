//! Secrets split among custodians: sharing, share files, refresh and reshare.
