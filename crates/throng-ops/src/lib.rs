//! Kernels: flat buffers to flat buffers.
