//! `netfold ops`: the operators that are supported.

use std::process::ExitCode;

use crate::failure::Failure;

/// Lists the operators' names, sorted.
pub fn ops(json: bool) -> Result<ExitCode, Failure> {
    let mut names: Vec<&str> = netfold::ops::TABLE.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    if json {
        println!("{}", serde_json::json!({ "ops": names }));
    } else {
        names.iter().for_each(|name| println!("{name}"));
    }
    Ok(ExitCode::SUCCESS)
}
