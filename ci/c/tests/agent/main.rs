//! The agent for kernels, `ci/agent/agent.c`.

mod example;
mod frames;
mod operations;
mod ports;
mod sources;
mod table;
mod wire;
