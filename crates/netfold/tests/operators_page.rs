//! docs/operators.md is what the table of operators and their documentation say.

use std::fmt::Write;
use std::path::Path;

use netfold::ops::{Class, TABLE, entry};

const HEAD: &str = "\
# Operators

Written from the table in `crates/netfold/src/ops/mod.rs` and the documentation of its files by the test
`operators_page`; `NETFOLD_WRITE_DOCS=1` makes it write the page anew. Operators have their ONNX names. What each computes
stands first, then what it is frozen to; the rules `gate`, `tangent` and `half` are explained in the
[README](../README.md#rules).

";

const CLASSES: &str = "
The class of an operator says what kind of operator it is. Gates, head, lenses, checks and places ask for it.

| class | operators |
| --- | --- |
";

#[test]
fn the_page_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = root.join("../../docs/operators.md");
    let expected = written(&root.join("src/ops"));
    if std::env::var_os("NETFOLD_WRITE_DOCS").is_some() {
        std::fs::write(&page, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(found == expected, "docs/operators.md is not fresh: run this test with NETFOLD_WRITE_DOCS=1");
}

fn written(folder: &Path) -> String {
    let mut text = HEAD.to_owned();
    write!(text, "{} operators: ", TABLE.len()).unwrap();
    let mut names: Vec<&str> = TABLE.iter().map(|entry| entry.name).collect();
    names.sort_by_key(|name| name.to_lowercase());
    writeln!(text, "{}.", names.join(", ")).unwrap();
    text.push_str(CLASSES);
    let mut classes: Vec<(Class, Vec<&str>)> = Vec::new();
    for name in names {
        let class = entry(name).map_or(Class::Unknown, |entry| (entry.facts)().class());
        match classes.iter_mut().find(|(own, _)| *own == class) {
            Some((_, own)) => own.push(name),
            None => classes.push((class, vec![name])),
        }
    }
    classes.sort_by_key(|(class, _)| class.name());
    for (class, names) in classes {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        writeln!(text, "| {class} | {} |", names.join(", ")).unwrap();
    }
    let mut files: Vec<&str> = TABLE.iter().map(|entry| entry.file).collect();
    files.dedup();
    for file in files {
        let own: Vec<String> =
            TABLE.iter().filter(|entry| entry.file == file).map(|entry| format!("`{}`", entry.name)).collect();
        writeln!(text, "\n## {}", own.join(", ")).unwrap();
        let source = std::fs::read_to_string(folder.join(format!("{file}.rs"))).unwrap();
        let blocks = documentation(&source);
        assert!(!blocks.is_empty(), "no documentation in ops/{file}.rs says `Source: ONNX`");
        for block in blocks {
            writeln!(text, "\n{block}").unwrap();
        }
    }
    text
}

/// The documentation comments that name their source in ONNX, without that line.
fn documentation(source: &str) -> Vec<String> {
    let mut blocks = vec![Vec::new()];
    for line in source.lines() {
        match line.strip_prefix("///") {
            Some(line) => blocks.last_mut().unwrap().push(line.strip_prefix(' ').unwrap_or(line)),
            None => blocks.push(Vec::new()),
        }
    }
    let ours = blocks.into_iter().filter(|block| block.iter().any(|line| line.starts_with("Source: ONNX")));
    ours.map(|block| {
        let end = block.iter().position(|line| line.starts_with("Source: ONNX")).unwrap();
        block[..end].join("\n").trim().to_owned()
    })
    .collect()
}
