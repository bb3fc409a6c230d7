//! One file a command.

mod bias;
mod check;
mod explore;
mod lens;
mod ops;
mod reconstruct;
mod verify;

pub use bias::bias;
pub use check::check;
pub use explore::explore;
pub use lens::lens;
pub use ops::ops;
pub use reconstruct::reconstruct;
pub use verify::verify;
