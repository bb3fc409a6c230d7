//! The certificate: the proof by numbers that the one-layer model is the network, and how it was made.

use netfold_linear::Support;
use serde::Serialize;

use crate::affine::Validity;
use crate::circuit::{Circuit, Stage};
use crate::input::HeldInput;
use crate::model::FileStamp;
use crate::ops::Precision;
use crate::reconstruction::Reconstruction;
use crate::trace::Warning;

/// What `certificate.json` holds.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    /// Whether the worst difference is within the tolerance and the winning class, if there is one, is kept.
    pub equivalent: bool,
    /// max over all logits of |f(x) − (W x + b)| / max|f(x)|.
    pub worst_relative_difference: f64,
    /// What it is held against.
    pub tolerance: f64,
    /// How many logits were compared.
    pub logits: usize,
    /// The winning class of the network and of the one-layer model; absent for an inner tensor, of which the largest
    /// element decides nothing.
    pub argmax: Option<Argmax>,
    /// For how many classes W was computed.
    pub classes: usize,
    /// `f32` or `f64`.
    pub precision: &'static str,
    /// `adjoint` or `probe`, and the basis of the probes.
    pub method: String,
    /// How many vectors went through the frozen network.
    pub passes: usize,
    /// max over the computed classes of |b, the sum of the layers' shares − b from pushing 0| / max|f(x)|; absent for
    /// probes.
    pub bias_difference: Option<f64>,
    /// How many nodes of each operator were frozen how, in the order of their first appearance.
    pub rules: Vec<FrozenNodes>,
    /// The products whose gate is held constant.
    pub gates: Vec<HeldGate>,
    /// The nodes that reach the logits only through what is held constant; they are not part of `rules`.
    pub gated_only: Vec<String>,
    /// The nodes that are exact at this input only.
    pub exact_at_this_input: Vec<String>,
    /// The nodes in the order of the columns of `bias_by_node` in `reconstruction.npz`.
    pub bias_nodes: Vec<String>,
    /// What a reader has to know: each a `message` and, where something helps, a `hint`.
    pub warnings: Vec<Warning>,
    /// Final nodes left off: the logits before them are reconstructed.
    pub left_off: Vec<String>,
    /// The share of elements that pass, for each mask and pool.
    pub masks: Vec<MaskDensity>,
    /// The decisions of `masks`, and how many of them rounding could turn; absent where the trace did not count them.
    pub ties: Option<TieCount>,
    /// Wall times in seconds.
    pub seconds: Seconds,
    /// The largest resident set of the process so far, in bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// The version that made this.
    pub netfold: &'static str,
    /// The model's file.
    pub model: FileStamp,
    /// The input's file.
    pub input: FileStamp,
    /// The model's other inputs, which were held constant.
    pub held_inputs: Vec<HeldInput>,
}

/// The winning class on both sides.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Argmax {
    /// Of the network.
    pub original: usize,
    /// Of the one-layer model.
    pub reconstructed: usize,
    /// Whether they are the same.
    pub kept: bool,
}

/// Nodes of one operator that were frozen alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FrozenNodes {
    /// Their operator.
    pub op: String,
    /// What was done: `none` (it is linear), `active branch`, `gate held` (a product whose gate is constant), or the
    /// rule's name.
    pub rule: String,
    /// How far they equal the original.
    pub validity: Validity,
    /// How many.
    pub nodes: usize,
}

/// A product and the factor that is held constant in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldGate {
    /// The node that multiplies or divides.
    pub node: String,
    /// The tensor that is held.
    pub gate: String,
}

/// Decisions of rectifiers, clips and pools that are part of the one-layer model; [`ties`](crate::trace::Ties) has the bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TieCount {
    /// How many there are.
    pub decisions: usize,
    /// How many are made by a number that is smaller than the bound of its rounding error: in another precision W can be
    /// that of another linear region there.
    pub within_rounding: usize,
}

/// How much of a mask is active.
#[derive(Clone, Debug, Serialize)]
pub struct MaskDensity {
    /// The node.
    pub node: String,
    /// Its operator.
    pub op: String,
    /// Elements of the mask.
    pub elements: usize,
    /// The share of them that passes, 0 to 1.
    pub active: f64,
}

/// Wall times of the road's parts.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Seconds {
    /// Reading and building the model.
    pub load: f64,
    /// The forward pass.
    pub trace: f64,
    /// Freezing.
    pub freeze: f64,
    /// Computing W and b.
    pub reconstruct: f64,
    /// From the program's start to the writing of this.
    pub total: f64,
}

/// What a certificate is told that cannot be read off the circuit and the reconstruction.
#[derive(Clone, Debug)]
pub struct RunInfo {
    /// What the worst difference is held against.
    pub tolerance: f64,
    /// Whether the outputs are logits, of which the largest decides.
    pub decides: bool,
    /// What a reader has to know.
    pub warnings: Vec<Warning>,
    /// Final nodes left off.
    pub left_off: Vec<String>,
    /// Wall times.
    pub seconds: Seconds,
    /// The model's file.
    pub model: FileStamp,
    /// The input's file.
    pub input: FileStamp,
    /// The inputs that were held.
    pub held: Vec<HeldInput>,
}

impl Certificate {
    /// The certificate of a reconstruction.
    pub fn new<T: Precision>(circuit: &Circuit<T>, result: &Reconstruction<T>, told: RunInfo) -> Self {
        let difference = result.difference();
        let (original, reconstructed) = result.argmax();
        let kept = original == reconstructed;
        let argmax = told.decides.then_some(Argmax { original, reconstructed, kept });
        let (mut rules, mut gates) = (Vec::<FrozenNodes>::new(), Vec::new());
        let (mut at_input, mut masks, mut ties) = (Vec::new(), Vec::new(), None::<TieCount>);
        for stage in circuit.stages() {
            let validity = stage.affine.validity;
            if let Some(decisions) = &stage.decisions {
                let ties = ties.get_or_insert_default();
                ties.decisions += decisions.made;
                ties.within_rounding += decisions.ties.len();
            }
            let rule = stage.frozen_by().unwrap_or("none").to_owned();
            gates.extend(stage.held.iter().map(|gate| HeldGate { node: stage.node.clone(), gate: gate.clone() }));
            let alike = |frozen: &&mut FrozenNodes| frozen.op == stage.op && frozen.rule == rule;
            match rules.iter_mut().find(alike) {
                Some(frozen) => frozen.nodes += 1,
                None => rules.push(FrozenNodes { op: stage.op.clone(), rule, validity, nodes: 1 }),
            }
            match validity {
                Validity::Everywhere => {}
                Validity::Region => masks.extend(density(stage)),
                Validity::Input => at_input.push(stage.node.clone()),
            }
        }
        Self {
            equivalent: difference <= told.tolerance && argmax.is_none_or(|argmax| argmax.kept),
            worst_relative_difference: difference,
            tolerance: told.tolerance,
            logits: result.logits.len(),
            argmax,
            classes: result.classes.len(),
            precision: T::NAME,
            method: result.method.clone(),
            passes: result.passes,
            bias_difference: result.bias_difference,
            rules,
            gates,
            gated_only: circuit.gated_only().to_vec(),
            exact_at_this_input: at_input,
            bias_nodes: circuit.stages().iter().map(|stage| stage.node.clone()).collect(),
            warnings: told.warnings,
            left_off: told.left_off,
            masks,
            ties,
            seconds: told.seconds,
            peak_memory_bytes: peak_memory(),
            netfold: env!("CARGO_PKG_VERSION"),
            model: told.model,
            input: told.input,
            held_inputs: told.held,
        }
    }
}

/// The share of a masking stage's input that passes.
fn density<T: Precision>(stage: &Stage<T>) -> Option<MaskDensity> {
    let map = stage.affine.terms.iter().flatten().next()?;
    let passing = map.input_support(&Support::full(map.codomain()));
    let (elements, active) = (passing.tensor_len(), passing.density());
    Some(MaskDensity { node: stage.node.clone(), op: stage.op.clone(), elements, active })
}

/// The largest resident set of this process so far, in bytes; `None` where the system has no `/proc`.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}
