//! One file a command.

mod bias;
mod check;
mod explore;
mod inspect;
mod integrate;
mod lens;
mod ops;
mod reconstruct;
mod region;
mod verify;

pub use bias::bias;
pub use check::check;
pub use explore::explore;
pub use inspect::inspect;
pub use integrate::integrate;
pub use lens::lens;
pub use ops::ops;
pub use reconstruct::reconstruct;
pub use region::region;
pub use verify::verify;
