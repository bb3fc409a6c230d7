//! `netfold ops`: the operators that are supported.

use std::process::ExitCode;

use crate::failure::Failure;

/// Lists the operators' names, sorted, each with its class.
pub fn ops(json: bool) -> Result<ExitCode, Failure> {
    let mut entries: Vec<_> = netfold::ops::TABLE.iter().map(|entry| (entry.name, (entry.facts)().class())).collect();
    entries.sort_unstable_by_key(|&(name, _)| name);
    let names: Vec<&str> = entries.iter().map(|&(name, _)| name).collect();
    if json {
        let classes: Vec<&str> = entries.iter().map(|(_, class)| class.name()).collect();
        println!("{}", serde_json::json!({ "ops": names, "classes": classes }));
    } else {
        let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
        entries.iter().for_each(|(name, class)| println!("{name:width$}  {class}"));
    }
    Ok(ExitCode::SUCCESS)
}
