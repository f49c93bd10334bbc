//! Bundles of a small log: what they show, and every way in which they can be wrong.

#![cfg(test)]

mod fixture;
mod foreign;
mod leaf;
mod life;
mod refusals;
mod stored;
mod tamper;
