//! The experiment from outside; one program, so that the training library is linked once.

mod examples;
mod looking;
mod one_layer;
mod onnxruntime;
mod words;
