//! The experiment from outside; one program, so that the training library is linked once.

mod examples;
mod onnxruntime;
mod words;
