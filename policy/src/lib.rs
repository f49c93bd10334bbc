//! Authorization: roles, decisions and their cache
