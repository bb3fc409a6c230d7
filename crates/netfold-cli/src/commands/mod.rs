//! One file a command.

mod bias;
mod ops;
mod reconstruct;
mod verify;

pub use bias::bias;
pub use ops::ops;
pub use reconstruct::reconstruct;
pub use verify::verify;
