//! What depends on an input, and which nodes on the way are not supported.

use std::collections::HashSet;

use crate::error::{Error, Unsupported};
use crate::model::{Graph, TensorId};
use crate::ops::Dependence;

impl Graph {
    /// Which tensors depend on `root`, over these nodes.
    ///
    /// # Errors
    /// With every node on the way that is not supported.
    pub fn dependence(&self, root: TensorId, nodes: &[usize]) -> Result<Vec<bool>, Error> {
        let (varies, refused) = self.dependence_and_refused(root, nodes);
        if refused.is_empty() { Ok(varies) } else { Err(self.unsupported(root, &varies, refused)) }
    }

    /// The error of nodes that are not supported.
    pub(crate) fn unsupported(&self, root: TensorId, varies: &[bool], nodes: Vec<Unsupported>) -> Error {
        Error::Unsupported { before: self.before(root, varies, &nodes), nodes }
    }

    /// The tensors before nodes that are not supported that can be explained: the inputs of the first such node that reads
    /// what depends on `root` and has none of the others before it.
    pub(crate) fn before(&self, root: TensorId, varies: &[bool], refused: &[Unsupported]) -> Vec<String> {
        let names: HashSet<&str> = refused.iter().map(|refused| refused.node.as_str()).collect();
        let stands = |index: &usize| names.contains(self.nodes[*index].name.as_str());
        let before = (0..self.nodes.len()).filter(stands).find_map(|index| {
            let inputs = self.nodes[index].inputs.iter().flatten().filter(|id| varies[id.0] && **id != root);
            let free = inputs.filter(|&&id| !self.nodes_of(id).iter().any(stands));
            let mut before: Vec<String> = free.map(|&id| self.name(id).to_owned()).collect();
            before.dedup();
            (!before.is_empty()).then_some(before)
        });
        before.unwrap_or_default()
    }

    /// Which tensors depend on `root`, over these nodes, and the nodes on the way that are not supported.
    pub(crate) fn dependence_and_refused(&self, root: TensorId, nodes: &[usize]) -> (Vec<bool>, Vec<Unsupported>) {
        let mut varies = vec![false; self.tensors.len()];
        varies[root.0] = true;
        let mut refused: Vec<Unsupported> = Vec::new();
        for &index in nodes {
            let node = &self.nodes[index];
            let inputs: Vec<bool> = node.inputs.iter().map(|id| id.is_some_and(|id| varies[id.0])).collect();
            let depends = match &node.operator {
                Ok(operator) => match operator.dependence(&inputs) {
                    Dependence::Constant => false,
                    Dependence::Varies => true,
                    Dependence::Unsupported(why) => {
                        refused.push(node.refused(&format!("{why}{}", self.way_out(root, node))));
                        true
                    }
                },
                Err(why) => {
                    refused.push(node.refused(why));
                    inputs.iter().any(|&v| v)
                }
            };
            let made = node.outputs.iter().flatten().filter(|&&output| output != root);
            made.for_each(|output| varies[output.0] = depends);
        }
        (varies, refused)
    }
}
