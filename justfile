# Everyday commands; `just` lists them.

[private]
default:
    @just --list --unsorted

# Build the program
build:
    cargo build --release -p netfold-cli

# Run all tests, or those that the words choose: `just test -p netfold circuit`
test *words:
    ./scripts/test {{words}}

# Compile with all lints as errors
lint:
    cargo clippy --workspace --all-targets -- -D warnings
    cargo fmt --all -- --check

# Format every file
fmt:
    cargo fmt --all

# Build the library's documentation
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Measure
bench *words:
    cargo bench {{words}}

# All that has to hold before a change is taken
ci:
    ./.ci/run
