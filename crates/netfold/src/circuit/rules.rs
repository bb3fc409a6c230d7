//! Which rule freezes which node.

use std::collections::HashMap;

use crate::affine::Rule;
use crate::error::{Error, nearest};
use crate::model::{Graph, Node};

/// Which rule freezes which node.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The rule for nodes that are not named.
    pub default: Rule,
    /// Rules by node name.
    pub by_node: HashMap<String, Rule>,
}

impl Rules {
    /// The rule that is asked for at a node.
    pub fn at(&self, node: &Node) -> Rule {
        self.by_node.get(&node.name).copied().unwrap_or(self.default)
    }

    /// # Errors
    /// If a rule is given for a node that the model does not have; names the nearest.
    pub fn check(&self, model: &Graph) -> Result<(), Error> {
        let names = || model.nodes.iter().map(|node| node.name.as_str());
        let mut unknown: Vec<&String> = self.by_node.keys().filter(|name| !names().any(|n| n == *name)).collect();
        unknown.sort();
        match unknown.first() {
            None => Ok(()),
            Some(name) => Err(Error::Unknown { kind: "node", name: (*name).clone(), nearest: nearest(name, names()) }),
        }
    }
}
