//! The gRPC edge and the daemon hufud
