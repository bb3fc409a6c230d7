//! The founding experiment: radar images of two aircraft, made from physics, and the network that tells them apart.
//!
//! | word | file | makes |
//! | --- | --- | --- |
//! | aircraft | [`geometry`] | point scatterers with named parts |
//! | look | [`view`] | what differs from image to image; returns, parts |
//! | radar | [`radar`] | echo and range-Doppler image |
//! | data set | [`dataset`] | PNG files and `labels.csv` |
//! | network | [`network`] | logits |
//! | training | [`train`], [`journal`] | the weights, epoch by epoch |
//! | export | [`export`] | the ONNX file |

// An experiment, not a library for others: its errors are messages for people.
#![allow(clippy::missing_errors_doc)]

pub mod dataset;
pub mod error;
pub mod export;
pub mod files;
pub mod geometry;
pub mod journal;
pub mod network;
pub mod radar;
pub mod train;
pub mod view;
