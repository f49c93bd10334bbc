//! The log over a store in memory: growth, restarts, rivals, damage.

#![cfg(test)]

mod damage;
mod grow;
mod rivals;
mod serve;
mod store;
mod world;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
