//! The program from outside: what it says and how it ends when it is given something it cannot use.

use std::path::Path;
use std::process::{Command, Output};

pub fn aircraft(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aircraft")).args(words).output().expect("the program runs")
}

/// Ends with this exit code and one line on standard error, which has `word` in it.
#[track_caller]
pub fn refused(words: &[&str], code: i32, word: &str) {
    let output = aircraft(words);
    let message = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(code), "{words:?}: {message}");
    assert_eq!(message.lines().count(), 1, "{words:?}: {message}");
    assert!(message.starts_with("error: ") && message.contains(word), "{words:?}: {message}");
    assert!(output.stdout.is_empty());
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn wrong_words_are_refused() {
    let home = tempfile::tempdir().expect("temporary folder");
    let out = home.path().join("out");
    let simulate = |extra: [&'static str; 2]| ["simulate", "--out", text(&out), extra[0], extra[1]];
    refused(&simulate(["--seed", "seven"]), 2, "--seed");
    refused(&simulate(["--seed", "-1"]), 2, "-1");
    refused(&simulate(["--count", "0"]), 2, "--count");
    refused(&simulate(["--size", "100"]), 2, "64 or 128");
    refused(&simulate(["--snr", "25..10"]), 2, "smaller first");
    refused(&["simulate"], 2, "--out");
    refused(&["fly"], 2, "fly");
    assert_eq!(std::fs::read_dir(home.path()).expect("list").count(), 0, "nothing is written");
}

#[test]
fn folders_that_cannot_be_used_are_named() {
    let home = tempfile::tempdir().expect("temporary folder");
    let taken = home.path().join("taken");
    std::fs::create_dir(&taken).expect("folder");
    std::fs::write(taken.join("file"), "").expect("file");
    refused(&["simulate", "--count", "1", "--out", text(&taken)], 2, "exists already");
    let beneath_a_file = taken.join("file/out");
    refused(&["simulate", "--count", "1", "--out", text(&beneath_a_file)], 1, "cannot write");

    let (absent, out) = (home.path().join("absent"), home.path().join("out"));
    refused(&["train", "--data", text(&absent), "--out", text(&out)], 2, "no such folder");
    refused(&["train", "--data", text(&taken), "--out", text(&out)], 2, "labels.csv");
    assert!(!out.exists());
}

#[test]
fn simulate_then_train_makes_the_files_it_names() {
    let home = tempfile::tempdir().expect("temporary folder");
    let (data, small, out) = (home.path().join("data"), home.path().join("small"), home.path().join("out"));
    let made = aircraft(&["simulate", "--count", "16", "--out", text(&data)]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(data.join("an-26-15.png").is_file() && data.join("labels.csv").is_file());

    let trained = aircraft(&[
        "train",
        "--data",
        text(&data),
        "--held-out",
        text(&data),
        "--out",
        text(&out),
        "--epochs",
        "2",
        "--batch",
        "8",
        "--checkpoints",
        "2",
    ]);
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    assert!(String::from_utf8_lossy(&trained.stdout).starts_with("held-out accuracy: "));
    for name in ["aircraft.onnx", "labels.txt", "training.csv", "epoch-000.onnx", "epoch-002.onnx"] {
        assert!(out.join(name).is_file(), "{name}");
    }
    assert_eq!(std::fs::read_to_string(out.join("labels.txt")).expect("read"), "An-26\nYak-42\n");

    let made = aircraft(&["simulate", "--count", "1", "--size", "128", "--out", text(&small)]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let other = home.path().join("other");
    let words = ["train", "--data", text(&data), "--held-out", text(&small), "--out", text(&other)];
    refused(&words, 2, "128 pixels");
    assert!(!other.exists());
}
