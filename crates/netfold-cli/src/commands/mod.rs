//! One file a command.

mod ops;
mod reconstruct;
mod verify;

pub use ops::ops;
pub use reconstruct::reconstruct;
pub use verify::verify;
