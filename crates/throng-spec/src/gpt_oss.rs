//! gpt-oss.
