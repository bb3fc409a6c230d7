//! What a run leaves behind: a folder with the rows, the one-layer model as a network, and the certificate.

mod certificate;
pub mod folder;
mod store;

pub use certificate::{
    Argmax, Certificate, Circumstances, FileStamp, FrozenNodes, HeldGate, HeldInput, MaskDensity, Seconds, TieCount,
    peak_memory,
};
pub use folder::Folder;
pub use store::{Store, Taken, without_batch, write_array};
