//! `table`, `figure` and `evolve` from outside: what they make, and what they say to what they cannot use.

use std::path::{Path, PathBuf};

use crate::words::{aircraft, refused, text};

fn example(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "examples", "aircraft", name].iter().collect()
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("list").count()
}

#[test]
fn the_table_is_printed_in_three_formats() {
    let (model, images) = (example("aircraft.onnx"), example("images"));
    let table = |extra: &[&str]| {
        let words = [&["table", "--model", text(&model), "--images", text(&images)], extra].concat();
        let output = aircraft(&words);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let both = table(&[]);
    assert_eq!(both.matches("original       output 1").count(), 2, "{both}");
    assert!(both.contains("(f32; equal within 1e-4") && both.contains("(f64; equal within 1e-10"), "{both}");
    let markdown = table(&["--format", "markdown", "--precision", "f64"]);
    assert_eq!(markdown.lines().filter(|line| line.starts_with('|')).count(), 6, "{markdown}");
    let json: serde_json::Value =
        serde_json::from_str(&table(&["--format", "json", "--precision", "f32"])).expect("JSON");
    assert_eq!(json.as_array().expect("tables").len(), 1);
    assert_eq!(json[0]["images"].as_array().expect("images").len(), 10);
    assert!(json[0]["largest_difference"].as_f64().expect("a number") <= 1e-4);
}

#[test]
fn the_figure_and_the_animation_are_made() {
    let home = tempfile::tempdir().expect("temporary folder");
    let (model, images, figure) = (example("aircraft.onnx"), example("images"), home.path().join("figure"));
    let words = ["figure", "--model", text(&model), "--images", text(&images), "--out", text(&figure)];
    let output = aircraft(&words);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("background"));
    for name in ["aircraft.png", "aircraft.svg", "shares.md", "shares.json"] {
        assert!(figure.join(name).is_file(), "{name}");
    }
    refused(&words, 2, "exists already");

    let checkpoints = home.path().join("network");
    std::fs::create_dir(&checkpoints).expect("folder");
    for name in ["epoch-000.onnx", "epoch-001.onnx"] {
        std::fs::copy(&model, checkpoints.join(name)).expect("copy");
    }
    let out = home.path().join("evolve.png");
    let evolve = ["evolve", "--checkpoints", text(&checkpoints), "--images", text(&images)];
    let rest = ["--held-out", text(&images), "--out", text(&out)];
    let output = aircraft(&[&evolve[..], &rest[..]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "epoch   0: 100.00 % of 10\nepoch   1: 100.00 % of 10\n");
    image::open(&out).expect("a PNG file");

    let beneath = out.join("evolve.png");
    refused_after(&[&evolve[..], &["--held-out", text(&images), "--out", text(&beneath)]].concat(), "cannot write");
    refused(&[&evolve[..], &rest[..], &["--image", "b-52.png"]].concat(), 2, "no image b-52.png");
    assert_eq!(entries(home.path()), 3, "nothing else is written");
}

/// As [`refused`] with exit code 1, where numbers may be printed before.
fn refused_after(words: &[&str], word: &str) {
    let output = aircraft(words);
    let message = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.lines().count() == 1 && message.contains(word), "{message}");
}

#[test]
fn what_cannot_be_used_is_named() {
    let home = tempfile::tempdir().expect("temporary folder");
    let (model, images) = (example("aircraft.onnx"), example("images"));
    let [absent, empty, large, out] = ["absent", "empty", "large", "out"].map(|name| home.path().join(name));
    std::fs::create_dir(&empty).expect("folder");
    std::fs::write(home.path().join("text.onnx"), "no network").expect("file");
    let made = aircraft(&["simulate", "--count", "1", "--size", "128", "--out", text(&large)]);
    assert!(made.status.success());

    for command in ["table", "figure"] {
        let with = |model: &Path, images: &Path, code, word: &str| {
            let mut words = vec![command, "--model", text(model), "--images", text(images)];
            if command == "figure" {
                words.extend(["--out", text(&out)]);
            }
            refused(&words, code, word);
        };
        with(&model, &absent, 2, "no such folder");
        with(&model, &empty, 2, "labels.csv");
        with(&model, &large, 2, "takes images of 64 x 64 pixels");
        with(&absent, &images, 2, "no such file");
        with(&home.path().join("text.onnx"), &images, 2, "text.onnx");
    }
    let evolve = |checkpoints: &Path, images: &Path, held_out: &Path, word: &str| {
        let folders = ["--images", text(images), "--held-out", text(held_out), "--out", text(&out)];
        refused(&[&["evolve", "--checkpoints", text(checkpoints)], &folders[..]].concat(), 2, word);
    };
    evolve(&absent, &images, &images, "no such folder");
    evolve(&empty, &images, &images, "epoch-NNN.onnx");
    evolve(&empty, &absent, &images, "no such folder");
    evolve(&empty, &images, &empty, "labels.csv");
    std::fs::copy(&model, empty.join("epoch-000.onnx")).expect("copy");
    evolve(&empty, &images, &large, "have 128 x 128");

    let beneath_a_file = home.path().join("text.onnx/out");
    let words = ["figure", "--model", text(&model), "--images", text(&images), "--out", text(&beneath_a_file)];
    refused(&words, 1, "cannot write");
    refused(&["table", "--model", text(&model), "--images", text(&images), "--precision", "f16"], 2, "f16");
    assert!(!out.exists());
    assert_eq!(entries(home.path()), 3, "nothing else is written");
}
