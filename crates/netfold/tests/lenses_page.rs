//! The table in docs/lenses.md is the table of lenses.

use std::fmt::Write;
use std::path::Path;

use netfold::lenses::TABLE;

const BEGIN: &str = "<!-- from the table of lenses -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_page_is_fresh() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lenses.md");
    let found = std::fs::read_to_string(&page).unwrap();
    let (head, rest) = found.split_once(BEGIN).expect("a table begins");
    let (_, tail) = rest.split_once(END).expect("a table ends");
    let mut table = "\n| lens | formula | source | for | cost |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for lens in TABLE {
        writeln!(table, "| `{}` | {} | {} | {} | {} |", lens.name, lens.formula, lens.source, lens.applies, lens.cost)
            .unwrap();
    }
    let expected = format!("{head}{BEGIN}{table}\n{END}{tail}");
    if std::env::var_os("NETFOLD_WRITE_DOCS").is_some() {
        std::fs::write(&page, &expected).unwrap();
    }
    assert!(found == expected, "docs/lenses.md is not fresh: run this test with NETFOLD_WRITE_DOCS=1");
}
