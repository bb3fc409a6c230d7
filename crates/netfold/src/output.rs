//! What a run leaves behind: a folder with the rows, the one-layer model as a network, and the certificate.

mod certificate;
pub mod folder;
pub(crate) mod store;

pub use certificate::{
    Argmax, Certificate, FrozenNodes, HeldGate, MaskDensity, RunInfo, Seconds, TieCount, peak_memory,
};
pub use folder::Folder;
pub use store::{Store, Taken, write_array};
