//! The store over SQLite, PostgreSQL and memory
