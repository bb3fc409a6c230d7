//! Whether a node is one that the specification allows.

use netfold_onnx::{Attribute, DType};

use super::Facts;
use crate::error::{OpError, nearest, quoted};
use crate::ops::Attributes;
use crate::ops::attributes::wrong_kind;

impl Facts {
    /// Whether a node is one that the specification allows.
    ///
    /// # Errors
    /// If its operator set does not have the operator, or does not allow an attribute, the kind of one, the number of
    /// inputs or outputs, or the element type of an input, as far as the file tells it.
    pub(in crate::ops) fn check(&self, node: &Attributes<'_>) -> Result<(), OpError> {
        let set = node.opset;
        if set < self.sets.from {
            return Err(OpError::new(format!(
                "operator set {set}, which the file names, does not have it: it is in {}",
                self.sets
            )));
        }
        if set >= self.sets.to {
            return Err(OpError::new(format!(
                "operator set {set}, which the file names, has it no more: it is in {}",
                self.sets
            )));
        }
        node.all().try_for_each(|(name, value)| self.check_attribute(name, value, set))?;
        if let Some(name) = self.required_of(set).find(|name| !node.has(name)) {
            return Err(OpError::new(format!("attribute `{name}` is missing")));
        }
        self.check_inputs(node)?;
        let most = self.most_outputs(set);
        if node.outputs > most {
            return Err(OpError::new(format!("it has {} outputs; {most} in operator set {set}", node.outputs)));
        }
        Ok(())
    }

    fn check_attribute(&self, name: &str, value: &Attribute, set: i64) -> Result<(), OpError> {
        // Names that begin so are a program's own marks, by the specification's checker.
        if name.starts_with("__") {
            return Ok(());
        }
        let own = || self.attributes.iter().filter(|own| own.name == name);
        match own().find(|own| own.sets.contains(set)) {
            Some(own) if own.kind == value.kind() => Ok(()),
            Some(own) => Err(wrong_kind(name, own.kind, value)),
            None => Err(OpError::new(match own().next() {
                Some(other) => format!("attribute `{name}` is of {}, the file names operator set {set}", other.sets),
                None => {
                    let near = nearest(name, self.attributes_of(set).map(|(own, _)| own));
                    let near = if near.is_empty() { String::new() } else { format!("; there is {}", quoted(&near)) };
                    format!("there is no attribute `{name}`{near}")
                }
            })),
        }
    }

    fn check_inputs(&self, node: &Attributes<'_>) -> Result<(), OpError> {
        let set = node.opset;
        if let Some(most) = self.most_inputs(set).filter(|&most| node.inputs > most) {
            return Err(OpError::new(format!("it has {} inputs; up to {most} in operator set {set}", node.inputs)));
        }
        let least = self.least_inputs(set);
        if node.inputs < least {
            return Err(OpError::new(format!("it has {} inputs; at least {least} in operator set {set}", node.inputs)));
        }
        let own = self.inputs_in(set);
        let from = self.types_from(set);
        // The first input of each type, and the type.
        let mut types: Vec<Option<(&str, DType)>> = vec![None; own.len()];
        for i in 0..node.inputs {
            let place = i.min(own.len().saturating_sub(1));
            let Some(&own) = own.get(place) else { continue };
            let known = node.known(i);
            if let Some(unread) = known.unread {
                return Err(OpError::unsupported(format!("its input `{}` is {unread} in the file", own.name)));
            }
            let Some(dtype) = known.dtype else { continue };
            let allowed = own.types.at(set);
            if !allowed.contains(dtype) {
                return Err(OpError::new(format!(
                    "its input `{}` is {dtype} in the file; in operator set {set} it can be {}",
                    own.name,
                    allowed.names().join(", ")
                )));
            }
            let (first, other) = *types[from[place]].get_or_insert((own.name, dtype));
            if other != dtype {
                return Err(OpError::new(format!(
                    "its inputs `{first}` and `{}` should have one element type, the file says {other} and {dtype}",
                    own.name
                )));
            }
        }
        Ok(())
    }
}
