//! What is on disk after a run, however it ends, and what of strangers' names reaches a terminal.

mod common;

use std::fs;
use std::process::Output;

use common::{Stage, network, unsupported};
use netfold_onnx::encode;

const OUT: [&str; 6] = ["reconstruct", "model.onnx", "picture.png", "--out", "out", "--top"];

fn run(stage: &Stage, words: &[&str]) -> Output {
    stage.netfold(words).output().unwrap()
}

fn with<'a>(words: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [words, more].concat()
}

/// All that was said, on both streams.
fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

#[test]
fn a_second_run_leaves_no_picture_of_the_first() {
    let stage = Stage::set();
    let words = |class| ["reconstruct", "model.onnx", "picture.png", "--out", "out", "--class", class];
    run(&stage, &words("0"));
    stage.file("out/notes.txt", b"mine");
    run(&stage, &["lens", "model.onnx", "picture.png", "--lens", "gradient", "--lens", "occlusion", "--out", "out"]);
    let both = stage.names("out");
    assert!(["weights-0.png", "lens-occlusion.png", "lenses.json"].iter().all(|name| both.contains(&(*name).into())));
    run(&stage, &words("1"));
    run(&stage, &["lens", "model.onnx", "picture.png", "--lens", "gradient", "--out", "out"]);
    let expected: Vec<String> =
        both.iter().filter(|name| *name != "lens-occlusion.png").map(|name| name.replace("-0.png", "-1.png")).collect();
    assert_eq!(stage.names("out"), expected);
    assert_eq!(fs::read(stage.path("out/notes.txt")).unwrap(), b"mine");
}

/// The certificate lists the other files by name and hash.
#[test]
fn the_certificate_lists_the_files() {
    let stage = Stage::set();
    run(&stage, &with(&OUT, &["1"]));
    let certificate = fs::read(stage.path("out/certificate.json")).unwrap();
    let certificate: serde_json::Value = serde_json::from_slice(&certificate).unwrap();
    let mut listed = vec!["certificate.json".to_owned()];
    for file in certificate["files"].as_array().unwrap() {
        listed.push(file["file"].as_str().unwrap().to_owned());
        let stamp = netfold::model::FileStamp::of(&stage.path("out").join(listed.last().unwrap())).unwrap();
        assert_eq!(file["sha256"], stamp.sha256);
    }
    listed.sort();
    assert_eq!(stage.names("out"), listed);
    assert_eq!(certificate["equivalent"], true);
}

#[test]
fn a_refusal_leaves_no_folder() {
    let stage = Stage::set();
    stage.array("small.npy", &[1, 1, 2, 2], &[0.5; 4]);
    let before = stage.names(".");
    for reference in ["none.npy", "small.npy"] {
        let words = ["reconstruct", "model.onnx", "picture.png", "--out", "deep/er/out", "--reference", reference];
        assert!(matches!(run(&stage, &words).status.code(), Some(1 | 2)));
        assert_eq!(stage.names("."), before, "{reference}");
    }
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    /// A run that has begun to write and waits for a reference that never comes.
    fn waiting(stage: &Stage) -> Child {
        let pipe = stage.path("pipe.npy");
        if !pipe.exists() {
            assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        }
        let before = stage.names(".");
        let words = with(&OUT, &["3", "--reference", "pipe.npy"]);
        let child = stage.netfold(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while stage.names(".").iter().all(|name| before.contains(name)) {
            assert!(began.elapsed() < Duration::from_mins(2), "the run has not begun to write");
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }

    fn signal(child: &Child, name: &str) {
        assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
    }

    #[test]
    fn a_signal_leaves_what_was_there() {
        let stage = Stage::set();
        run(&stage, &with(&OUT, &["1"]));
        for (name, number) in [("-INT", 2), ("-TERM", 15), ("-HUP", 1)] {
            let result: Vec<_> = stage.names("out");
            let mut child = waiting(&stage);
            signal(&child, name);
            assert_eq!(child.wait().unwrap().signal(), Some(number));
            assert_eq!(stage.names("out"), result);
            assert_eq!(stage.names("."), ["labels.txt", "model.onnx", "out", "picture.png", "pipe.npy"], "{name}");
        }
    }

    #[test]
    fn the_next_run_removes_what_a_kill_left() {
        let stage = Stage::set();
        let mut child = waiting(&stage);
        signal(&child, "-KILL");
        child.wait().unwrap();
        assert_eq!(stage.names(".").iter().filter(|name| name.starts_with(".out.netfold-")).count(), 1);
        let mut live = waiting(&stage);
        run(&stage, &with(&OUT, &["1"]));
        assert_eq!(stage.names(".").iter().filter(|name| name.starts_with('.')).count(), 1, "that of the live run");
        signal(&live, "-INT");
        live.wait().unwrap();
        assert_eq!(stage.names("."), ["labels.txt", "model.onnx", "out", "picture.png", "pipe.npy"]);
    }

    /// `--out .`, from inside the folder.
    #[test]
    fn the_current_folder_may_be_the_output() {
        let stage = Stage::set();
        run(&stage, &["reconstruct", "model.onnx", "picture.png", "--out", ".", "--class", "0"]);
        run(&stage, &["reconstruct", "model.onnx", "picture.png", "--out", ".", "--class", "2"]);
        let names = stage.names(".");
        assert!(names.contains(&"weights-2.png".into()) && names.contains(&"model.onnx".into()), "{names:?}");
        assert!(!names.iter().any(|name| name.ends_with("-0.png") || name.starts_with('.')), "{names:?}");
    }

    /// In name spaces of their own: a folder that is a mount point, and a disk that is full at every moment.
    #[test]
    fn other_file_systems() {
        let stage = Stage::set();
        let script = r#"
            set -e
            netfold=$1
            go() { "$netfold" reconstruct model.onnx picture.png --all "$@" >said 2>&1; }
            mkdir mounted bound real
            mount -t tmpfs none mounted
            mount --bind real bound
            for target in mounted bound; do
                go --out $target
                go --out $target --class 1 --top 0
                test -f $target/weights-1.png
                ! test -e $target/weights-0.png
                test -z "$(find . -name '.*netfold*')"
            done
            go --out whole --class 1 --top 0
            full=$(du -sk whole | cut -f1)
            failed=0
            size=$((full / 12))
            while [ $size -le $((2 * full + 16)) ]; do
                mkdir -p disk
                mount -t tmpfs -o size=${size}k none disk
                code=0
                go --out disk/out || code=$?
                if [ $code = 0 ]; then
                    old=$(cat disk/out/* | sha256sum)
                    go --out disk/out --class 1 --top 0 || code=$?
                    [ $code = 0 ] || [ "$old" = "$(cat disk/out/* | sha256sum)" ]
                fi
                [ $code = 0 ] || { [ $code = 1 ] && grep -q 'disk/out' said && failed=$((failed + 1)); }
                test -z "$(find disk -name '.*')"
                umount disk
                size=$((size + full / 5))
            done
            test $failed -gt 5
        "#;
        let inside = |command: &[&str]| {
            let mut unshared = Command::new("unshare");
            unshared.args(["-rm", "--propagation", "private"]).args(command).current_dir(stage.path("."));
            unshared.output()
        };
        if !inside(&["mount", "-t", "tmpfs", "none", "/mnt"]).is_ok_and(|output| output.status.success()) {
            println!("SKIPPED: no file systems can be mounted here");
            return;
        }
        let program = insta_cmd::get_cargo_bin("netfold");
        let output = inside(&["sh", "-c", script, "sh", program.to_str().unwrap()]).unwrap();
        let last = fs::read_to_string(stage.path("said")).unwrap_or_default();
        assert!(output.status.success(), "{}\nlast run: {last}", said(&output));
    }

    /// `netfold … > /dev/full`: exit code 1 and a message; nothing is said where standard error is full.
    #[test]
    fn streams_that_cannot_be_written() {
        let full = || File::options().write(true).open("/dev/full");
        if full().is_err() {
            println!("SKIPPED: there is no /dev/full");
            return;
        }
        let stage = Stage::set();
        for (words, code) in [
            (vec!["reconstruct", "none.onnx", "picture.png"], 1),
            (vec!["reconstruct", "picture.png", "picture.png"], 2),
            (vec!["reconstruct", "model.onnx"], 2),
        ] {
            let status = stage.netfold(&words).stderr(full().unwrap()).status().unwrap();
            assert_eq!(status.code(), Some(code), "{words:?}");
        }
        for words in
            [vec!["ops"], vec!["--help"], vec!["--version"], vec!["inspect", "model.onnx"], vec!["ops", "--json"]]
        {
            let output = stage.netfold(&words).stdout(full().unwrap()).stderr(Stdio::piped()).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{words:?}");
            assert!(said(&output).starts_with("error: cannot write to standard output\n"), "{words:?}");
        }
    }
}

/// A title of the window, a name that reads backwards, and a line that the program did not write.
const EVIL: &str = "a\x1b]0;t\x07\u{202e}b\u{9b}2J\r\nFORGED: ok";
/// The same, as it is printed.
const PRINTED: &str = "a\\u001b]0;t\\u0007\\u202eb\\u009b2J\\r\\nFORGED: ok";

fn assert_harmless(output: &Output, what: &str) {
    let text = said(output);
    let obeyed =
        |c: &char| c.is_control() && *c != '\n' || ('\u{200e}'..='\u{206f}').contains(c) && !"—‘’“”…".contains(*c);
    assert_eq!(text.chars().find(obeyed), None, "{what}: {text:?}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("FORGED")), "{what}: {text}");
    assert!(text.contains(PRINTED) || text.contains(&PRINTED.replace('\\', "\\\\")), "{what}: {text}");
}

#[test]
fn names_do_not_reach_the_terminal_as_they_are() {
    let stage = Stage::set();
    let mut model = network();
    model.graph.nodes.iter_mut().for_each(|node| node.name = EVIL.into());
    stage.file("evil.onnx", &encode(&model));
    for words in [
        vec!["inspect", "evil.onnx"],
        vec!["inspect", "evil.onnx", "--graph", "dot"],
        vec!["inspect", "evil.onnx", "--graph", "mermaid"],
        vec!["bias", "evil.onnx", "picture.png"],
        vec!["check", "evil.onnx", "picture.png"],
        vec!["region", "evil.onnx", "picture.png", "--norm", "l2"],
    ] {
        let output = run(&stage, &words);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", said(&output));
        assert_harmless(&output, &words.join(" "));
    }
    for words in [["inspect", "evil.onnx", "--json"].as_slice(), &["bias", "evil.onnx", "picture.png", "--json"]] {
        let output = run(&stage, words);
        assert_harmless(&output, &words.join(" "));
        let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let nodes = object["nodes"].as_array().unwrap();
        assert!(nodes.iter().any(|node| node["name"] == EVIL || node["node"] == EVIL), "the name itself is whole");
    }
}

#[test]
fn refusals_repeat_names_written_out() {
    let stage = Stage::set();
    let mut model = unsupported();
    for node in &mut model.graph.nodes[1..3] {
        (node.op_type, node.name) = (EVIL.into(), EVIL.into());
    }
    stage.file("odd.onnx", &encode(&model));
    let output = run(&stage, &["reconstruct", "odd.onnx", "picture.png"]);
    assert_eq!(output.status.code(), Some(4));
    assert_harmless(&output, "operators");
    assert_eq!(said(&output).lines().filter(|line| line.starts_with("    `")).count(), 2);

    for words in [
        vec!["reconstruct", "model.onnx", "picture.png", "--class", EVIL],
        vec!["reconstruct", "model.onnx", EVIL],
        vec!["reconstruct", EVIL, "picture.png"],
        vec!["reconstruct", "model.onnx", "picture.png", "--at", EVIL],
        vec!["reconstruct", "model.onnx", "picture.png", "--freeze", EVIL],
        vec!["reconstruct", "model.onnx", "picture.png", "--tolerance", EVIL],
        vec!["lens", "model.onnx", "picture.png", "--lens", EVIL],
        vec![EVIL],
    ] {
        let output = run(&stage, &words);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{}", said(&output));
        assert_harmless(&output, &format!("{words:?}"));
    }
}
