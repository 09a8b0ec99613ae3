//! HTTP to typed requests and back.
