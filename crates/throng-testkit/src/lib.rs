//! Development only: tiny random checkpoints and scripted runners.
