//! One file a command.

mod bias;
mod explore;
mod ops;
mod reconstruct;
mod verify;

pub use bias::bias;
pub use explore::explore;
pub use ops::ops;
pub use reconstruct::reconstruct;
pub use verify::verify;
