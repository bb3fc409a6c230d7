//! Loops over one whole tensor, for the forward pass and for passes with a single vector. Zeros are multiplied like other
//! numbers; the lanes of a register are neighbouring places or channels.

mod argmax_pool;
pub mod channels_last;
mod clamp;
pub mod depthwise;
pub mod few_channels;
mod gemv;
mod gemv_transposed;
mod im2col;
mod microkernel;
mod pad;
pub mod winograd;

pub use argmax_pool::ArgmaxPool;
pub use channels_last::ChannelsLast;
pub use clamp::Clamped;
pub use depthwise::DenseDepthwise;
pub use few_channels::FewChannels;
pub use gemv::Gemv;
pub use gemv_transposed::GemvTransposed;
pub use im2col::Im2col;
pub use microkernel::{BLOCK, Init};
pub use winograd::Winograd;
