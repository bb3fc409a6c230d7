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
//! | one-layer model | [`one_layer`] | W, b and both models' outputs at an image |
//! | table | [`table`] | Table 1 |
//! | shares | [`shares`] | where each logit comes from, part by part |
//! | figure | [`figure`], [`evolve`] | the pictures, from [`tiles`] on a [`drawing`] |

// An experiment, not a library for others: its errors are messages for people.
#![allow(clippy::missing_errors_doc)]

pub mod dataset;
pub mod drawing;
pub mod error;
pub mod evolve;
pub mod export;
pub mod figure;
pub mod files;
pub mod geometry;
pub mod journal;
pub mod network;
pub mod one_layer;
pub mod palette;
pub mod radar;
pub mod shares;
pub mod table;
pub mod tiles;
pub mod train;
pub mod view;
