//! Ceremonies: requests, approvals, the states they go through, and transcripts that verify offline.
