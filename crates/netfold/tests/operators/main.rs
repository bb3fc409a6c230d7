//! The operators against other people's numbers: trained networks, the ONNX package's own cases, onnxruntime.

#[path = "../common/mod.rs"]
mod common;

mod budget;
mod by_hand;
mod cases;
mod draw;
mod facts;
mod hostile;
mod laws;
mod node;
mod python;
mod resize;
mod roles;
mod zoo;
