//! What is known of an operator beside what it computes: declared in the operator's own file, beside `build`.

mod check;
mod types;

use std::fmt;
use std::ops::{Bound, RangeBounds};

use super::{AfterLogits, Class, Role};

pub(super) use types::*;

/// The newest operator set that ONNX has, in the version of its package that the tests compare with.
pub const NEWEST: i64 = 28;

/// What the specification says of an operator: the sets that have it, its attributes, its inputs, how many outputs; and
/// what it is to those who look at a network: its [`Class`], and what does not follow from that alone.
///
/// The class belongs here and not to [`Operator`](super::Operator), for it is one for all nodes of the operator: so it is
/// known of a name, as the stage of a circuit has it, and of a node that cannot be built.
///
/// ```ignore
/// Facts::since(1, Class::Pointwise).float("alpha", ..).ints("consumed_inputs", ..6).input("X", FLOATS.with(BFLOAT16, 16), ..)
/// ```
///
/// Every fact holds over a range of operator sets: `..` is all that have the operator. A node has to have each input that
/// is not optional, and inputs with the same choice of element types have the same one, unless one
/// has its own type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    class: Class,
    role: Option<Role>,
    after_logits: AfterLogits,
    weights: &'static [usize],
    biases: &'static [usize],
    makes_shapes: bool,
    sets: Sets,
    attributes: Vec<AttributeFacts>,
    inputs: Vec<InputFacts>,
    /// How many outputs there may be, and where another number than one holds.
    outputs: Vec<(usize, Sets)>,
}

/// An attribute that the specification knows, whether netfold reads it or it says nothing about the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AttributeFacts {
    name: &'static str,
    /// What it holds, as [`Attribute::kind`](netfold_onnx::Attribute::kind) names it.
    kind: &'static str,
    sets: Sets,
    /// Where a node has to have the attribute.
    required: Option<Sets>,
}

/// An input.
#[derive(Clone, Debug, PartialEq, Eq)]
struct InputFacts {
    name: &'static str,
    types: Types,
    sets: Sets,
    count: Count,
    /// Where a node may leave the input out.
    optional: Option<Sets>,
    /// Where the element type is free of those of the inputs before.
    own_type: Option<Sets>,
}

impl InputFacts {
    fn new(name: &'static str, types: impl Into<Types>, sets: impl RangeBounds<i64>, count: Count) -> Self {
        Self { name, types: types.into(), sets: Sets::new(sets), count, optional: None, own_type: None }
    }
}

/// How often an input can be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    /// At one place.
    One,
    /// It is the last one, and any number of inputs are like it.
    Any,
}

/// Operator sets from one on, up to another that is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sets {
    from: i64,
    to: i64,
}

impl Sets {
    fn new(range: impl RangeBounds<i64>) -> Self {
        let from = match range.start_bound() {
            Bound::Included(&set) => set,
            Bound::Excluded(&set) => set + 1,
            Bound::Unbounded => 1,
        };
        let to = match range.end_bound() {
            Bound::Included(&set) => set + 1,
            Bound::Excluded(&set) => set,
            Bound::Unbounded => i64::MAX,
        };
        Self { from, to }
    }

    fn contains(self, set: i64) -> bool {
        (self.from..self.to).contains(&set)
    }
}

impl fmt::Display for Sets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { from, to: i64::MAX } => write!(f, "operator sets from {from} on"),
            Self { from, to } if to == from + 1 => write!(f, "operator set {from}"),
            Self { from, to } => write!(f, "operator sets {from} to {}", to - 1),
        }
    }
}

/// How to declare them.
impl Facts {
    /// Of an operator of this class that first appeared in this operator set.
    pub(super) fn since(set: i64, class: Class) -> Self {
        Self::within(set.., class)
    }

    /// Of an operator of this class that these operator sets have, and later ones no more.
    pub(super) fn within(sets: impl RangeBounds<i64>, class: Class) -> Self {
        Self {
            class,
            role: class.role(),
            after_logits: class.after_logits(),
            weights: &[],
            biases: &[],
            makes_shapes: false,
            sets: Sets::new(sets),
            attributes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Of an operator that is in no table.
    pub(super) fn unknown() -> Self {
        Self::within(1..1, Class::Unknown)
    }

    /// Of an operator whose output has this role, whatever its class says.
    pub(super) fn gives(self, role: Role) -> Self {
        Self { role: Some(role), ..self }
    }

    /// Of an operator whose output has the lowest role of what it reads, whatever its class says.
    pub(super) fn carries(self) -> Self {
        Self { role: None, ..self }
    }

    /// Of an operator that is this behind the logits, whatever its class says.
    pub(super) fn behind_logits(self, after_logits: AfterLogits) -> Self {
        Self { after_logits, ..self }
    }

    /// Of a layer, one of whose factors holds its weights: that of these inputs which does not vary.
    pub(super) fn weights(self, weights: &'static [usize]) -> Self {
        Self { weights, ..self }
    }

    /// With inputs that are offsets of a layer: added to what it makes of the others.
    pub(super) fn biases(self, biases: &'static [usize]) -> Self {
        Self { biases, ..self }
    }

    /// Of an operator that exporters compute shapes and axes with.
    pub(super) fn makes_shapes(self) -> Self {
        Self { makes_shapes: true, ..self }
    }

    /// With an integer among the attributes.
    pub(super) fn int(self, name: &'static str, sets: impl RangeBounds<i64>) -> Self {
        self.attribute(name, "int", sets)
    }

    /// With a list of integers among the attributes.
    pub(super) fn ints(self, name: &'static str, sets: impl RangeBounds<i64>) -> Self {
        self.attribute(name, "ints", sets)
    }

    /// With a number among the attributes.
    pub(super) fn float(self, name: &'static str, sets: impl RangeBounds<i64>) -> Self {
        self.attribute(name, "float", sets)
    }

    /// With a list of numbers among the attributes.
    pub(super) fn floats(self, name: &'static str, sets: impl RangeBounds<i64>) -> Self {
        self.attribute(name, "floats", sets)
    }

    /// With a word among the attributes.
    pub(super) fn string(self, name: &'static str, sets: impl RangeBounds<i64>) -> Self {
        self.attribute(name, "string", sets)
    }

    /// With how the second input is broadcast to the first, as operator sets before 7 say it.
    pub(super) fn broadcast(self) -> Self {
        self.int("axis", ..7).int("broadcast", ..7)
    }

    /// With an attribute of any kind, as [`Attribute::kind`](netfold_onnx::Attribute::kind) names it.
    pub(super) fn attribute(mut self, name: &'static str, kind: &'static str, sets: impl RangeBounds<i64>) -> Self {
        self.attributes.push(AttributeFacts { name, kind, sets: Sets::new(sets), required: None });
        self
    }

    /// With the next input.
    pub(super) fn input(mut self, name: &'static str, types: impl Into<Types>, sets: impl RangeBounds<i64>) -> Self {
        self.inputs.push(InputFacts::new(name, types, sets, Count::One));
        self
    }

    /// With an attribute that a node has to have.
    pub(super) fn required(mut self, name: &str, sets: impl RangeBounds<i64>) -> Self {
        let sets = Sets::new(sets);
        self.attributes.iter_mut().filter(|own| own.name == name).for_each(|own| own.required = Some(sets));
        self
    }

    /// With an input that a node may leave out.
    pub(super) fn optional(mut self, name: &str, sets: impl RangeBounds<i64>) -> Self {
        let sets = Sets::new(sets);
        self.inputs.iter_mut().filter(|own| own.name == name).for_each(|own| own.optional = Some(sets));
        self
    }

    /// With an input whose element type need not be that of the inputs before it; later ones that allow the same types
    /// have the type of this one.
    pub(super) fn own_type(mut self, name: &str, sets: impl RangeBounds<i64>) -> Self {
        let sets = Sets::new(sets);
        self.inputs.iter_mut().filter(|own| own.name == name).for_each(|own| own.own_type = Some(sets));
        self
    }

    /// With any number of inputs, after all others.
    pub(super) fn inputs(mut self, name: &'static str, types: impl Into<Types>) -> Self {
        self.inputs.push(InputFacts::new(name, types, .., Count::Any));
        self
    }

    /// With up to so many outputs.
    pub(super) fn outputs(mut self, most: usize, sets: impl RangeBounds<i64>) -> Self {
        self.outputs.push((most, Sets::new(sets)));
        self
    }
}

/// How to read them.
impl Facts {
    /// What kind of operator it is.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The role of what it makes; `None` where that is the lowest role of what it reads.
    ///
    /// A divisor and a power tell more, from what they read.
    pub fn role(&self) -> Option<Role> {
        self.role
    }

    /// What it is behind the logits.
    pub fn after_logits(&self) -> AfterLogits {
        self.after_logits
    }

    /// The inputs of a layer that may hold its weights; none of another operator.
    pub fn weight_inputs(&self) -> &'static [usize] {
        self.weights
    }

    /// The inputs that are offsets, where they do not vary.
    pub fn bias_inputs(&self) -> &'static [usize] {
        self.biases
    }

    /// Whether exporters compute shapes and axes with it.
    pub fn computes_shapes(&self) -> bool {
        self.makes_shapes
    }

    /// Whether this operator set has the operator.
    pub fn has(&self, set: i64) -> bool {
        self.sets.contains(set)
    }

    /// The attributes in this operator set: name and kind.
    pub fn attributes_of(&self, set: i64) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        self.attributes.iter().filter(move |own| own.sets.contains(set)).map(|own| (own.name, own.kind))
    }

    /// The attributes that a node of this operator set has to have.
    pub fn required_of(&self, set: i64) -> impl Iterator<Item = &'static str> + '_ {
        let asks = move |own: &&AttributeFacts| own.required.is_some_and(|sets| sets.contains(set));
        self.attributes.iter().filter(move |own| own.sets.contains(set)).filter(asks).map(|own| own.name)
    }

    /// The inputs in this operator set: name and the names of its element types.
    pub fn inputs_of(&self, set: i64) -> impl Iterator<Item = (&'static str, Vec<&'static str>)> + '_ {
        self.inputs_in(set).into_iter().map(move |own| (own.name, own.types.at(set).names()))
    }

    /// For each input in this operator set the place of the input that it has its element type from: its own place, or
    /// an earlier one.
    pub fn types_from(&self, set: i64) -> Vec<usize> {
        let own = self.inputs_in(set);
        let mut from = Vec::with_capacity(own.len());
        for (i, input) in own.iter().enumerate() {
            let alone = input.own_type.is_some_and(|sets| sets.contains(set));
            let alike = |&j: &usize| own[j].types.at(set) == input.types.at(set);
            from.push(if alone { i } else { (0..i).rev().find(alike).map_or(i, |j| from[j]) });
        }
        from
    }

    /// How many inputs this operator set allows; `None` for any number.
    pub fn most_inputs(&self, set: i64) -> Option<usize> {
        let own = self.inputs_in(set);
        own.iter().all(|input| input.count == Count::One).then_some(own.len())
    }

    /// How many inputs a node of this operator set has to name, left out ones between them among these.
    pub fn least_inputs(&self, set: i64) -> usize {
        let needed = |own: &InputFacts| !own.optional.is_some_and(|sets| sets.contains(set));
        self.inputs_in(set).iter().rposition(|own| needed(own)).map_or(0, |last| last + 1)
    }

    fn inputs_in(&self, set: i64) -> Vec<&InputFacts> {
        self.inputs.iter().filter(|own| own.sets.contains(set)).collect()
    }

    /// How many outputs this operator set allows.
    pub fn most_outputs(&self, set: i64) -> usize {
        self.outputs.iter().find(|(_, sets)| sets.contains(set)).map_or(1, |&(most, _)| most)
    }
}
