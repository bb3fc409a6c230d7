//! `netfold explore` as a process: its address, its warnings, and what is on disk while it runs and after it ended.
#![cfg(unix)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::Stage;

/// A running explorer, ended when it is dropped.
struct Explorer {
    child: Child,
    port: u16,
    token: String,
}

impl Explorer {
    /// Of the stage's model and picture, with `tmp` for its temporary files.
    fn start(stage: &Stage, more: &[&str]) -> Self {
        Self::started(stage.netfold(&[&["explore", "model.onnx", "picture.png", "--port", "0"], more].concat()), stage)
    }

    fn started(mut command: Command, stage: &Stage) -> Self {
        fs::create_dir_all(stage.path("tmp")).unwrap();
        command.env("TMPDIR", stage.path("tmp")).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        let (place, token) = address.trim_end().split_once("/#token=").expect(&address);
        assert!(token.len() == 48 && token.bytes().all(|digit| digit.is_ascii_hexdigit()), "{address}");
        let (host, port) = place.rsplit_once(':').unwrap();
        assert_eq!(host, "http://127.0.0.1");
        Self { port: port.parse().unwrap(), token: token.to_owned(), child }
    }

    /// Sends a picture as the page does.
    fn upload(&self, name: &str) {
        let mut png = std::io::Cursor::new(Vec::new());
        image::GrayImage::new(4, 4).write_to(&mut png, image::ImageFormat::Png).unwrap();
        let png = png.into_inner();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "POST /api/input?name={name} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.port,
            self.token,
            png.len()
        );
        stream.write_all(&[head.as_bytes(), &png].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }

    /// Sends a signal, waits for the end, and gives the exit code and what was said on standard error.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let sent = Command::new("kill").args([format!("-{signal}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Explorer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn uploads_are_removed_at_every_ordinary_end() {
    for signal in ["INT", "TERM", "HUP"] {
        let stage = Stage::set();
        let explorer = Explorer::start(&stage, &[]);
        explorer.upload("a.png");
        let token = explorer.token.clone();
        assert_eq!(stage.names("tmp").len(), 1);
        let (code, said) = explorer.end(signal);
        assert_eq!((code, stage.names("tmp").len()), (Some(0), 0), "{signal}: {said}");
        assert!(!said.contains("warning") && !said.contains(&token), "{said}");
    }
}

#[test]
fn a_signal_that_the_process_is_to_ignore_is_ignored() {
    let stage = Stage::set();
    let program = stage.netfold(&[]).get_program().to_owned();
    let mut shell = Command::new("sh");
    let line = "trap '' HUP; exec \"$0\" explore model.onnx --port 0";
    shell.arg("-c").arg(line).arg(program).current_dir(stage.path("."));
    let explorer = Explorer::started(shell, &stage);
    assert!(Command::new("kill").args(["-HUP", &explorer.child.id().to_string()]).status().unwrap().success());
    explorer.upload("a.png");
    assert_eq!(explorer.end("TERM").0, Some(0));
}

#[test]
fn the_next_start_removes_what_a_kill_left_and_no_living_explorers_files() {
    let stage = Stage::set();
    let (living, dead) = (Explorer::start(&stage, &[]), Explorer::start(&stage, &[]));
    living.upload("living.png");
    dead.upload("dead.png");
    assert_eq!(dead.end("KILL").0, None);
    assert_eq!(stage.names("tmp").len(), 2, "nobody could remove it");
    let next = Explorer::start(&stage, &[]);
    assert_eq!(stage.names("tmp").len(), 1);
    assert_eq!(living.end("TERM").0, Some(0));
    assert!(stage.names("tmp").is_empty());
    drop(next);
}

#[test]
fn an_address_that_lets_others_in_is_warned_of() {
    let stage = Stage::set();
    let (_, said) = Explorer::start(&stage, &["--address", "0.0.0.0"]).end("TERM");
    for word in ["warning: everyone", "any of its addresses", "nothing is encrypted", "ssh -L"] {
        assert!(said.contains(word), "{said}");
    }
    let (_, said) = Explorer::start(&stage, &["--address", "127.0.0.1"]).end("TERM");
    assert!(!said.contains("warning") && !said.contains("ssh"), "{said}");
}

#[test]
fn the_browser_is_opened_without_the_token_in_its_words() {
    let stage = Stage::set();
    let script = format!("#!/bin/sh\necho \"$@\" > {0}.new && mv {0}.new {0}\n", stage.path("opened").display());
    fs::create_dir(stage.path("bin")).unwrap();
    stage.file("bin/xdg-open", script.as_bytes());
    stage.file("bin/open", script.as_bytes());
    for name in ["bin/xdg-open", "bin/open"] {
        fs::set_permissions(stage.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = stage.netfold(&["explore", "model.onnx", "--port", "0", "--open"]);
    command.env("PATH", format!("{}:{}", stage.path("bin").display(), std::env::var("PATH").unwrap()));
    let explorer = Explorer::started(command, &stage);
    while !stage.path("opened").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let words = fs::read_to_string(stage.path("opened")).unwrap();
    let door = Path::new(words.trim());
    assert!(!words.contains(&explorer.token), "{words}");
    assert!(fs::read_to_string(door).unwrap().contains(&format!("#token={}\"", explorer.token)));
    for (path, mode) in [(door, 0o600), (door.parent().unwrap(), 0o700)] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
    }
    assert_eq!(explorer.end("TERM").0, Some(0));
    assert!(stage.names("tmp").is_empty());
}
